#include "processes/probability_flow.h"

#include "kernels/error.h"
#include "kernels/image_dots.h"
#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/initial_state.h"
#include "processes/runge_kutta.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

namespace heat::processes {

ProbabilityFlow::Rows ProbabilityFlow::rows_at(const std::vector<double>& levels) const {
    const DiagonalModel& model = process_.model();
    const int width = model.tables.width();
    std::vector<float> state, output, gain, timesteps;
    Rows rows;
    for (const double level : levels) {
        double trace = 0;
        for (int p = 0; p < width; ++p) {
            const ContinuousLevel at = tables_.at(level, p);
            const NoiseEstimate noise = noise_estimate(at, model.prediction);
            const double drift = std::exp(at.log_s) * (at.log_s_slope - at.log_a_slope);
            state.push_back(float(at.log_a_slope + drift * noise.state));
            output.push_back(float(drift * noise.output));
            trace += at.log_a_slope + drift * noise.state;
            if (!model.input_gains.empty()) gain.push_back(float(tables_.input_gain(level, p)));
        }
        rows.trace.push_back(trace * double(process_.size().elements()) / width);
        timesteps.push_back(float(tables_.timestep(level)));
    }
    const Device device = process_.device();
    rows.state = upload_table(state, width, device);
    rows.output = upload_table(output, width, device);
    if (!gain.empty()) rows.gain = upload_table(gain, width, device);
    const Shape count{int64_t(levels.size())};
    rows.timesteps = Tensor::from_host(count, timesteps, device);
    std::vector<int32_t> index(levels.size());
    std::iota(index.begin(), index.end(), 0);
    rows.index = Tensor::from_host(count, index, device);
    return rows;
}

Tensor ProbabilityFlow::combined(const Rows& rows, const Tensor& states, const Tensor& output) const {
    Tensor rate(states.shape(), Dtype::f32, states.device());
    basis_step(process_.model().basis, {{states, rows.state}, {output, rows.output, true}},
               rows.index.data<int32_t>(), &rate, {});
    return rate;
}

Tensor ProbabilityFlow::rate(Denoiser& denoiser, const std::vector<double>& levels,
                             const Tensor& states) const {
    const Rows rows = rows_at(levels);
    Tensor input;
    basis_step(process_.model().basis, {{states, rows.gain}}, rows.index.data<int32_t>(), nullptr,
               {{&input, {}}});
    return combined(rows, states, checked_prediction(denoiser, input, rows.timesteps));
}

ProbabilityFlow::Divergence ProbabilityFlow::rate_and_divergence(DifferentiableDenoiser& denoiser,
                                                                 const std::vector<double>& levels,
                                                                 const Tensor& states,
                                                                 const std::vector<Tensor>& probes) const {
    const Rows rows = rows_at(levels);
    const Basis basis = process_.model().basis;
    const int32_t* index = rows.index.data<int32_t>();
    const int images = int(levels.size()), elements = int(states.count() / images);
    Tensor input;
    basis_step(basis, {{states, rows.gain}}, index, nullptr, {{&input, {}}});
    Divergence divergence;
    divergence.linear = rows.trace;
    for (const Tensor& probe : probes) {
        // The network's part of the rate is output·T net(T⁻¹ gain·u), with the orthonormal T to the basis.
        Tensor cotangent, seen;
        basis_step(basis, {{probe, rows.output}}, index, nullptr, {{&cotangent, {}}});
        basis_step(basis, {{probe, rows.gain}}, index, nullptr, {{&seen, {}}});
        const DifferentiableDenoiser::Product product =
            denoiser.vector_jacobian(input, rows.timesteps, cotangent);
        expect_same("network output", input, product.output);
        expect_same("gradient of the network", input, product.gradient);
        if (!divergence.rate.defined()) divergence.rate = combined(rows, states, product.output);
        Tensor dots(Shape{images}, Dtype::f32, states.device());
        kernels::image_dots(states.stream(), product.gradient.data<float>(), seen.data<float>(),
                            dots.data<float>(), images, elements);
        const std::vector<float> values = dots.to_host();
        divergence.network.emplace_back(values.begin(), values.end());
    }
    return divergence;
}

void check_ode(const DiagonalProcess& process, const SampleRequest& request) {
    (void)ContinuousTables(process);
    if (request.steps != process.steps())
        throw Error("solver ode chooses its own steps: leave the number of steps out, and set rtol and atol");
    if (request.eta || !request.variance.empty())
        throw Error("solver ode has no noise: leave eta and variance out");
    if (request.clip.value_or(false))
        throw Error("solver ode does not clip: set clip to false, or choose ancestral or ddim");
    if (request.view == SampleRequest::View::clean)
        throw Error("solver ode has no estimate of the image to show: choose the state");
    for (const auto& tolerance : {request.score.rtol, request.score.atol})
        if (tolerance && !(*tolerance >= 1e-6 && *tolerance <= 1))
            throw Error(
                fmt::format("rtol and atol: expected 1e-6 to 1 (states are f32), got {}", *tolerance));
}

Tensor solve_probability_flow(const DiagonalProcess& process, Denoiser& denoiser,
                              const SampleRequest& request, const SampleCallback& callback) {
    const DiagonalModel& model = process.model();
    const ProbabilityFlow flow(process);
    const auto images_of = [&](const Tensor& states) {
        Tensor pixels = from_basis(model.basis, states);
        if (pixels.raw() != states.raw()) return pixels;
        Tensor copy(states.shape(), Dtype::f32, states.device());
        copy.copy_from(states);
        return copy;
    };
    const Tensor start = initial_state(process, request);
    const auto report = [&](double level, const std::function<Tensor()>& states) {
        if (!callback) return;
        const bool show = request.view == SampleRequest::View::state;
        const int passed = std::min(int(process.steps() - level), process.steps() - 1);
        callback({passed, process.steps(), process.steps() - passed, show ? images_of(states()) : Tensor()});
    };
    report(process.steps(), [&] { return start; });
    OdeSettings settings;
    settings.from = process.steps();
    settings.to = 1;
    settings.rtol = request.score.rtol.value_or(settings.rtol);
    settings.atol = request.score.atol.value_or(settings.atol);
    const OdeSolution solution = integrate(
        [&](const OdePoint& point) {
            return OdeRate{flow.rate(denoiser, point.times, point.x), {}};
        },
        start, settings, report);

    // From level 1 to the data: û_0, where the state is one affine step away.
    StepSettings last;
    last.solver = DiagonalSolver::ddim;
    last.prediction = model.prediction;
    std::vector<float> state, output, gain;
    for (int p = 0; p < model.tables.width(); ++p) {
        const StepCoefficients step = step_coefficients(model.tables, last, 0, 1, p);
        state.push_back(float(step.state));
        output.push_back(float(step.output));
        if (!model.input_gains.empty())
            gain.push_back(float(model.input_gains[size_t(model.tables.width() + p)]));
    }
    const auto upload = [&](const std::vector<float>& values) {
        return values.empty() ? Tensor() : upload_table(values, model.tables.width(), process.device());
    };
    Tensor input, images;
    basis_step(model.basis, {{solution.x, upload(gain)}}, nullptr, nullptr, {{&input, {}}});
    const Tensor prediction = checked_prediction(
        denoiser, input, Tensor::full(Shape{request.count}, process.timestep_of_level(1), process.device()));
    basis_step(model.basis, {{solution.x, upload(state)}, {prediction, upload(output), true}}, nullptr,
               nullptr, {{&images, {}}});
    if (callback)
        callback({process.steps(), process.steps(), 0,
                  request.view == SampleRequest::View::state ? images_of(to_basis(model.basis, images))
                                                             : Tensor()});
    return images;
}

} // namespace heat::processes
