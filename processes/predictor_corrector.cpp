#include "processes/predictor_corrector.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/image_dots.h"
#include "kernels/langevin.h"
#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/continuous_tables.h"
#include "processes/initial_state.h"
#include "processes/solver.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::processes {

Predictor predictor_from_name(const std::string& name) {
    if (name == "reverse-diffusion") return Predictor::reverse_diffusion;
    if (name == "euler-maruyama") return Predictor::euler_maruyama;
    if (name == "ancestral") return Predictor::ancestral;
    if (name == "none") return Predictor::none;
    throw Error(fmt::format(
        "unknown predictor '{}': expected reverse-diffusion, euler-maruyama, ancestral or none", name));
}

Corrector corrector_from_name(const std::string& name) {
    if (name == "langevin") return Corrector::langevin;
    if (name == "none") return Corrector::none;
    throw Error(fmt::format("unknown corrector '{}': expected langevin or none", name));
}

namespace {

struct Settings {
    Predictor predictor;
    Corrector corrector;
    double snr;
    int corrector_steps;

    Settings(const DiagonalProcess& process, const ScoreOptions& options)
        // Where a level takes away much of a mode at once, only the exact step is one.
        : predictor(!options.predictor.empty()            ? predictor_from_name(options.predictor)
                    : process.model().tables.width() == 1 ? Predictor::reverse_diffusion
                                                          : Predictor::ancestral),
          corrector(options.corrector.empty() ? Corrector::langevin : corrector_from_name(options.corrector)),
          snr(options.snr.value_or(0.16)),
          corrector_steps(corrector == Corrector::none ? 0 : options.corrector_steps.value_or(1)) {}

    int calls_per_level() const { return corrector_steps + (predictor == Predictor::none ? 0 : 1); }
};

/// The score is −ε̂/s: its coefficients of the state and of the network's output.
NoiseEstimate score_estimate(const DiagonalProcess& process, int t, int p) {
    const DiagonalTables& tables = process.model().tables;
    const NoiseEstimate noise =
        noise_estimate({tables.log_a(t, p), tables.log_s(t, p), 0, 0}, process.model().prediction);
    const double over_s = -std::exp(-tables.log_s(t, p));
    return {over_s * noise.state, over_s * noise.output};
}

/// Tables over the steps, steps × width, in device memory.
struct Plan {
    Tensor input; ///< undefined: ones
    Tensor score_state, score_output, state, output, noise;
    std::vector<float> alphas; ///< per step: what Langevin's step is multiplied by

    Plan(const DiagonalProcess& process, const Settings& settings, const SampleRequest& request,
         const std::vector<int>& levels) {
        const DiagonalModel& model = process.model();
        const int width = model.tables.width();
        std::vector<float> inputs, score_states, score_outputs, states, outputs, noises;
        for (size_t i = 0; i < levels.size(); ++i) {
            const int t = levels[i];
            for (int p = 0; p < width; ++p) {
                if (!model.input_gains.empty())
                    inputs.push_back(float(model.input_gains[size_t(t) * size_t(width) + size_t(p)]));
                if (i + 1 == levels.size()) continue;
                const NoiseEstimate score = score_estimate(process, t, p);
                score_states.push_back(float(score.state));
                score_outputs.push_back(float(score.output));
                if (settings.predictor == Predictor::none) continue;
                const PredictorStep step =
                    predictor_step(process, settings.predictor, request.variance, levels[i + 1], t, p);
                states.push_back(float(step.state));
                outputs.push_back(float(step.output));
                noises.push_back(float(step.noise));
            }
            if (i + 1 < levels.size())
                alphas.push_back(
                    float(std::exp(2 * (model.tables.log_a(t, 0) - model.tables.log_a(t - 1, 0)))));
        }
        const auto upload = [&](const std::vector<float>& values) {
            return values.empty() ? Tensor() : upload_table(values, width, process.device());
        };
        input = upload(inputs);
        score_state = upload(score_states);
        score_output = upload(score_outputs);
        state = upload(states);
        output = upload(outputs);
        noise = upload(noises);
    }
};

Tensor row(const Tensor& table, int step) {
    return table.defined() ? table.images(step, 1) : Tensor();
}

/// The state on its way down.
class Walk {
public:
    Walk(const DiagonalProcess& process, Denoiser& denoiser, const SampleRequest& request,
         const Settings& settings, const std::vector<int>& levels)
        : process_(process), denoiser_(denoiser), request_(request), settings_(settings),
          plan_(process, settings, request, levels), random_(request.seed, process.device()),
          state_(initial_state(process, request)) {
        score_ = Tensor(state_.shape(), Dtype::f32, process.device());
        squares_ = Tensor(Shape{2, request.count}, Dtype::f32, process.device());
        show_input(0);
    }

    /// What the network sees of the state at the step's level; after the last step the images.
    const Tensor& input() const { return input_; }

    void correct(int step, float timestep, int repeat, bool last) {
        const Tensor output = predict(timestep);
        const Basis basis = process_.model().basis;
        basis_step(basis,
                   {{state_, row(plan_.score_state, step)}, {output, row(plan_.score_output, step), true}},
                   nullptr, &score_, {});
        const Tensor z = noise(step, repeat + 1);
        const int images = int(state_.shape()[0]), elements = int(state_.count() / images);
        float *score_squares = squares_.data<float>(), *noise_squares = score_squares + images;
        {
            const ProfileScope scope("langevin step", state_.device(), [&] {
                return OpWork{7.0 * double(state_.bytes()), 8.0 * double(state_.count()),
                              state_.shape().text()};
            });
            kernels::image_dots(state_.stream(), score_.data<float>(), score_.data<float>(), score_squares,
                                images, elements);
            kernels::image_dots(state_.stream(), z.data<float>(), z.data<float>(), noise_squares, images,
                                elements);
            kernels::langevin_step(state_.stream(), state_.data<float>(), score_.data<float>(),
                                   z.data<float>(), score_squares, noise_squares, plan_.alphas[size_t(step)],
                                   float(settings_.snr), last ? 0.f : 1.f, request_.score.batch_norms, images,
                                   elements);
        }
        show_input(step);
    }

    /// To the next step's level.
    void move(int step, float timestep, bool last) {
        if (settings_.predictor != Predictor::none) {
            const Tensor output = predict(timestep);
            std::vector<StepOperand> operands{{state_, row(plan_.state, step)},
                                              {output, row(plan_.output, step), true}};
            if (!last) operands.push_back({noise(step, 0), row(plan_.noise, step)});
            basis_step(process_.model().basis, operands, nullptr, &state_, {});
        }
        show_input(step + 1);
    }

private:
    Tensor predict(float timestep) {
        return checked_prediction(denoiser_, input_,
                                  Tensor::full(Shape{request_.count}, timestep, process_.device()));
    }
    /// White noise in pixels, in the basis.
    Tensor noise(int step, int layer) {
        random_.set_step(uint32_t(step));
        const Tensor z =
            normal(random_, state_.shape(), Purpose::step_noise, request_.image_offset, uint32_t(layer));
        const Basis basis = process_.model().basis;
        return is_orthonormal(basis) ? z : to_basis(basis, z);
    }
    void show_input(int step) {
        input_ = Tensor();
        basis_step(process_.model().basis, {{state_, row(plan_.input, step)}}, nullptr, nullptr,
                   {{&input_, {}}});
    }

    const DiagonalProcess& process_;
    Denoiser& denoiser_;
    const SampleRequest& request_;
    const Settings& settings_;
    Plan plan_;
    RandomState random_;
    Tensor state_, score_, squares_, input_;
};

} // namespace

PredictorStep predictor_step(const DiagonalProcess& process, Predictor predictor, const std::string& variance,
                             int s, int t, int p) {
    const DiagonalModel& model = process.model();
    const NoiseEstimate score = score_estimate(process, t, p);
    const auto towards = [&](double state, double weight, double noise) {
        return PredictorStep{state + weight * score.state, weight * score.output, s == 0 ? 0.0 : noise};
    };
    switch (predictor) {
    case Predictor::reverse_diffusion: {
        const Transition forward = transition(model.tables, s, t, p);
        return towards(2.0 - forward.a, forward.variance, std::sqrt(forward.variance));
    }
    case Predictor::euler_maruyama: {
        const ContinuousLevel level = ContinuousTables(process).at(t, p);
        const double passed = t - s;
        const double g_squared = 2 * std::exp(2 * level.log_s) * (level.log_s_slope - level.log_a_slope);
        return towards(1.0 - passed * level.log_a_slope, passed * g_squared, std::sqrt(passed * g_squared));
    }
    case Predictor::ancestral: {
        StepSettings settings;
        settings.prediction = model.prediction;
        settings.variance = variance.empty() ? model.variance : variance_from_name(variance);
        const StepCoefficients step = step_coefficients(model.tables, settings, s, t, p);
        return {step.state, step.output, step.noise};
    }
    case Predictor::none:
        break;
    }
    throw Error("predictor_step: the predictor none takes no step");
}

void check_predictor_corrector(const DiagonalProcess& process, const SampleRequest& request) {
    const ScoreOptions& options = request.score;
    const Settings settings(process, options);
    if (process.model().view)
        throw Error("solver predictor-corrector needs a process in its eigenbasis: choose process.solver = "
                    "spectral, or the solver ancestral or ddim");
    if (settings.predictor == Predictor::none && settings.corrector == Corrector::none)
        throw Error("predictor none and corrector none do nothing: choose one of them");
    if (settings.predictor != Predictor::ancestral && settings.predictor != Predictor::none &&
        process.model().tables.width() > 1)
        throw Error(fmt::format("predictor {} takes small changes of every mode in a step, which a blur does "
                                "not make: choose ancestral",
                                options.predictor));
    if (settings.corrector == Corrector::none &&
        (options.snr || options.corrector_steps || options.batch_norms))
        throw Error("snr, corrector-steps and batch-norms belong to corrector langevin: leave them out");
    if (!(settings.snr > 0 && std::isfinite(settings.snr)))
        throw Error(fmt::format("snr = {}: expected above 0", settings.snr));
    if (options.corrector_steps && (*options.corrector_steps < 1 || *options.corrector_steps > 1000))
        throw Error(fmt::format("corrector-steps = {}: expected 1 to 1000", *options.corrector_steps));
    if (request.eta) throw Error("eta belongs to solver ddim: leave it out");
    if (!request.variance.empty() && settings.predictor != Predictor::ancestral)
        throw Error("variance belongs to predictor ancestral: leave it out");
    if (request.clip.value_or(false))
        throw Error(
            "solver predictor-corrector does not clip: set clip to false, or choose ancestral or ddim");
    if (request.view == SampleRequest::View::clean)
        throw Error("solver predictor-corrector has no estimate of the image to show: choose the state");
    if (settings.predictor == Predictor::ancestral && !request.variance.empty())
        (void)variance_from_name(request.variance);
    if (settings.predictor == Predictor::euler_maruyama) (void)ContinuousTables(process);
}

Tensor predict_and_correct(const DiagonalProcess& process, Denoiser& denoiser, const SampleRequest& request,
                           const SampleCallback& callback) {
    const Settings settings(process, request.score);
    const std::vector<int> levels = sampling_levels(request.spacing, process.steps(), request.steps);
    Walk walk(process, denoiser, request, settings, levels);
    const int calls = settings.calls_per_level();
    const auto report = [&](int step) {
        if (!callback) return;
        Tensor view;
        if (request.view == SampleRequest::View::state) {
            view = Tensor(walk.input().shape(), Dtype::f32, process.device());
            view.copy_from(walk.input());
        }
        callback({step * calls, request.steps * calls, levels[size_t(step)], view});
    };
    report(0);
    for (int step = 0; step < request.steps; ++step) {
        const float timestep = process.timestep_of_level(levels[size_t(step)]);
        const bool last = step + 1 == request.steps;
        for (int repeat = 0; repeat < settings.corrector_steps; ++repeat) {
            // Where no predictor takes the noise away, the corrector's last step adds none.
            const bool final = last && settings.predictor == Predictor::none;
            walk.correct(step, timestep, repeat, final && repeat + 1 == settings.corrector_steps);
        }
        walk.move(step, timestep, last);
        report(step + 1);
    }
    return walk.input();
}

} // namespace heat::processes
