#include "processes/solver.h"

#include "engine/profiler.h"
#include "kernels/clamp.h"
#include "kernels/error.h"
#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/initial_state.h"
#include "processes/step_clock.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::processes {

std::vector<int> sampling_levels(const std::string& spacing, int levels, int steps) {
    if (steps < 1 || steps > levels)
        throw Error(
            fmt::format("sampling in {} steps: expected 1 to {}, the number of levels", steps, levels));
    std::vector<int> visited;
    for (int i = 0; i < steps; ++i) {
        if (spacing == "leading")
            visited.push_back((steps - 1 - i) * (levels / steps) + 1);
        else if (spacing == "trailing") // nearbyint: half to even, as numpy rounds
            visited.push_back(int(std::nearbyint(levels - i * (double(levels) / steps))));
        else if (spacing == "linspace")
            visited.push_back(
                steps == 1 ? 1
                           : int(std::nearbyint((steps - 1 - i) * (double(levels - 1) / (steps - 1)))) + 1);
        else
            throw Error(fmt::format("unknown spacing '{}': expected leading, trailing or linspace", spacing));
    }
    visited.push_back(0);
    return visited;
}

namespace {

/// The coefficients of one operand over all steps, steps × width; `used` where one is not zero.
struct Role {
    std::vector<float> values;
    Tensor table;
    bool used = false;

    void add(double coefficient, int t) {
        const auto value = float(coefficient);
        if (!std::isfinite(value))
            throw Error(fmt::format(
                "sampling from level {}: the coefficient {} does not fit f32; the image is beyond "
                "recovery there (sample without clipping and without the û_0 view, or choose a milder "
                "schedule)",
                t, coefficient));
        values.push_back(value);
        used = used || value != 0.f;
    }
    void upload(int width, Device device) {
        if (used) table = upload_table(values, width, device);
    }
};

struct Plan {
    Role state, output, clean, noise, clean_state, clean_output;
    Role input;              ///< of the levels visited, one row more than there are steps
    std::vector<bool> noisy; ///< per step

    Plan(const DiagonalProcess& process, const StepSettings& settings, const std::vector<int>& levels,
         bool with_clean) {
        const DiagonalTables& tables = process.model().tables;
        for (size_t i = 0; i + 1 < levels.size(); ++i) {
            const int t = levels[i], s = levels[i + 1];
            bool any_noise = false;
            for (int p = 0; p < tables.width(); ++p) {
                const StepCoefficients step = step_coefficients(tables, settings, s, t, p);
                state.add(step.state, t);
                output.add(step.output, t);
                clean.add(step.clean, t);
                noise.add(step.noise, t);
                any_noise = any_noise || step.noise != 0.0;
                if (!with_clean) continue;
                const CleanCoefficients estimate = clean_coefficients(tables, settings.prediction, t, p);
                clean_state.add(estimate.state, t);
                clean_output.add(estimate.output, t);
            }
            noisy.push_back(any_noise);
        }
        if (const std::vector<double>& gains = process.model().input_gains; !gains.empty())
            for (const int t : levels)
                for (int p = 0; p < tables.width(); ++p)
                    input.add(gains[size_t(t) * size_t(tables.width()) + size_t(p)], t);
        for (Role* role : {&state, &output, &clean, &noise, &clean_state, &clean_output, &input})
            role->upload(tables.width(), process.device());
    }
};

/// The operands of a step whose role is used.
class Operands {
public:
    void add(const Tensor& data, const Role& role, bool pixels) {
        if (role.used) operands_.push_back({data, role.table, pixels});
    }
    /// Their sum, and the pixels it makes; `rows` as in basis_step. No operand at all is 0.
    void run(Basis basis, const int32_t* rows, Tensor& sum, const StepResult& result) {
        if (operands_.empty()) {
            sum.set_to_zero();
            operands_.push_back({sum, {}});
        }
        basis_step(basis, operands_, rows, &sum, {result});
    }

private:
    std::vector<StepOperand> operands_;
};

/// The state in pixels as the process's view has it: what the network sees, or at level 0 the image.
Tensor in_view(const DiagonalModel& model, const Tensor& pixels, int level) {
    if (!model.view) return pixels;
    return level > 0 ? model.view->seen(pixels, {&level, 1}) : model.view->images_of(pixels);
}

} // namespace

Tensor solve_diagonal(const DiagonalProcess& process, Denoiser& denoiser, const SampleRequest& request,
                      const SampleCallback& callback) {
    const DiagonalModel& model = process.model();
    const StepSettings settings = process.step_settings(request);
    const std::vector<int> levels = sampling_levels(request.spacing.empty() ? "leading" : request.spacing,
                                                    process.steps(), request.steps);
    const bool show_clean = callback && request.view == SampleRequest::View::clean;
    const Plan plan(process, settings, levels, settings.clip || show_clean);

    std::vector<float> timesteps;
    for (size_t i = 0; i + 1 < levels.size(); ++i) timesteps.push_back(process.timestep_of_level(levels[i]));
    StepClock clock(request.count, request.seed, timesteps, process.device());

    const ImageSize size = process.size();
    const Shape shape{request.count, int64_t(size.height), int64_t(size.width), int64_t(size.channels)};
    Tensor state = initial_state(process, request);
    Tensor noise(shape, Dtype::f32, process.device());
    // What the network sees at a level; at level 0 the image.
    const auto input_table = [&](int first) {
        return plan.input.used ? plan.input.table.images(first, plan.input.table.shape()[0] - first)
                               : Tensor();
    };
    Tensor input, view;
    basis_step(model.basis, {{state, input_table(0)}}, nullptr, nullptr, {{&input, {}}});
    input = in_view(model, input, levels[0]);
    const auto report = [&](int step) {
        if (!callback) return;
        const bool show_state = request.view == SampleRequest::View::state || (show_clean && step == 0);
        if (show_state) {
            view = Tensor(shape, Dtype::f32, process.device());
            view.copy_from(input);
        }
        callback({step, request.steps, levels[size_t(step)], view});
        view = Tensor();
    };

    // One step of the loop; `noisy` says whether it adds noise.
    const auto advance = [&](int step, bool noisy) {
        const bool with_clean = settings.clip || show_clean;
        Tensor output = checked_prediction(denoiser, input, clock.timesteps());
        if (with_clean) output = to_basis(model.basis, output); // it is used twice

        Tensor clean;
        if (with_clean) {
            Operands estimate;
            estimate.add(state, plan.clean_state, false);
            estimate.add(output, plan.clean_output, false);
            clean = Tensor(shape, Dtype::f32, process.device());
            Tensor pixels;
            estimate.run(model.basis, clock.rows(), clean, {&pixels, {}});
            pixels = in_view(model, pixels, 0);
            if (settings.clip) {
                const ProfileScope scope("clamp", pixels.device(), [&] {
                    return OpWork{2.0 * double(pixels.bytes()), 0, pixels.shape().text()};
                });
                kernels::clamp(pixels.stream(), pixels.data<float>(), model.data_low, model.data_high,
                               pixels.data<float>(), pixels.count());
            }
            if (show_clean) view = pixels;
            if (settings.clip) clean = model.view ? model.view->state_of(pixels) : pixels;
        }

        if (noisy) clock.draw_noise(noise, request.image_offset);
        Operands next;
        next.add(state, plan.state, false);
        next.add(output, plan.output, !with_clean);
        next.add(clean, plan.clean, settings.clip);
        if (noisy) next.add(noise, plan.noise, !is_orthonormal(model.basis));
        // Row i of the table is the input of the step after i.
        next.run(model.basis, clock.rows(), state, {&input, input_table(1)});
        input = in_view(model, input, levels[size_t(step) + 1]);
    };

    // A view of û_0 leaves the step, so that a graph, which writes to the same memory each time, cannot give
    // it; and what a process's own view computes depends on the level on the host.
    GraphOptions graphs = request.graphs;
    graphs.wanted = graphs.wanted && denoiser.capturable() && !show_clean && !model.view;
    const auto memory = std::make_shared<MemoryReservation>(process.device());
    GraphedWork with_noise("a sampling step", graphs, memory),
        without_noise("a sampling step", graphs, memory);
    report(0);
    for (int step = 0; step < request.steps; ++step) {
        clock.move_to(step);
        const bool noisy = plan.noisy[size_t(step)];
        (noisy ? with_noise : without_noise).run({}, [&] { advance(step, noisy); });
        report(step + 1);
    }
    return input; // of level 0: the image
}

StepCost diagonal_step_cost(const DiagonalProcess& process, const StepSettings& settings) {
    const DiagonalModel& model = process.model();
    const ImageSize size = process.size();
    const auto n = double(size.elements());
    const int bases = settings.clip ? 4 : 2;
    StepCost cost;
    for (int i = 0; i < bases; ++i) cost += basis_cost(model.basis, size.height, size.width, size.channels);
    if (!model.input_gains.empty()) cost += combination_cost(1, n);
    if (model.view) cost += model.view->cost(size.channels);
    if (settings.clip) {
        cost += combination_cost(settings.prediction == Prediction::x0 ? 1 : 2, n);
        cost += map_cost(n, 2);
    }
    // Counted on the coefficients of a step in the middle.
    const int t = std::max(1, process.steps() / 2);
    const StepCoefficients step = step_coefficients(model.tables, settings, t > 1 ? t - 1 : 0, t, 0);
    int terms = 0;
    for (const double coefficient : {step.state, step.output, step.clean, step.noise})
        terms += coefficient != 0.0;
    if (step.noise != 0.0) cost += noise_cost(n);
    cost += combination_cost(std::min(terms, 3), n);
    if (terms > 3) cost += combination_cost(2, n);
    return cost;
}

} // namespace heat::processes
