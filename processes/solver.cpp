#include "processes/solver.h"

#include "engine/profiler.h"
#include "kernels/clamp.h"
#include "kernels/error.h"
#include "kernels/learned_variance.h"
#include "kernels/threshold.h"
#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/initial_state.h"
#include "processes/inpainting.h"
#include "processes/sample_noise.h"
#include "processes/solver_plan.h"
#include "processes/step_clock.h"

#include <cmath>
#include <map>

namespace heat::processes {

namespace {

/// A combination's coefficients in device memory.
class DeviceRows {
public:
    DeviceRows(const Combination& combination, Device device) : combination_(combination) {
        for (int r = 0; r < register_count; ++r)
            if (const std::vector<float>& rows = combination.rows(Register(r)); !rows.empty())
                tables_[size_t(r)] = upload_table(rows, combination.width(), device);
    }
    bool empty(int stage) const { return combination_.empty(stage); }
    /// Null where the register takes no part in the stage.
    const Tensor* table(int stage, Register r) const {
        return combination_.uses(stage, r) ? &tables_[size_t(r)] : nullptr;
    }
    /// Which registers take part in the stage, a bit each.
    int64_t mask(int stage) const {
        int64_t bits = 0;
        for (int r = 0; r < register_count; ++r) bits |= int64_t(combination_.uses(stage, Register(r))) << r;
        return bits;
    }

private:
    const Combination& combination_;
    std::array<Tensor, register_count> tables_;
};

/// The state in pixels as the process's view has it: what the network sees, or at level 0 the image.
Tensor in_view(const DiagonalModel& model, const Tensor& pixels, int level) {
    if (!model.view) return pixels;
    return level > 0 ? model.view->seen(pixels, {&level, 1}) : model.view->images_of(pixels);
}

/// A sampling run: a plan, its registers, and the loop over its stages.
class PlanRun {
public:
    PlanRun(const DiagonalProcess& process, Denoiser& denoiser, const SampleRequest& request,
            const SampleCallback& callback)
        : process_(process), model_(process.model()), denoiser_(denoiser), request_(request),
          callback_(callback), settings_(process.step_settings(request)),
          path_(process.sampling_path(request)),
          show_clean_(callback && request.view == SampleRequest::View::clean), plan_(plan_of_request()),
          calls_(int(plan_.stages.size())), estimate_(plan_.estimate, process.device()),
          prediction_(plan_.prediction, process.device()), correction_(plan_.correction, process.device()),
          update_(plan_.update, process.device()),
          noises_(request, calls_, process.steps(), process.device()),
          clock_(request.count, noises_.step_seed(), timesteps(), process.device()) {
        const ImageSize size = process.size();
        shape_ = {request.count, int64_t(size.height), int64_t(size.width), int64_t(size.channels)};
        state_ = request.initial.defined() ? noised_images(process, request, path_)
                                           : initial_state(process, request);
        noise_ = Tensor(shape_, Dtype::f32, process.device());
        if (plan_.keeps) kept_ = Tensor(shape_, Dtype::f32, process.device());
        for (int k = 0; k < plan_.predictions; ++k)
            predictions_.emplace_back(shape_, Dtype::f32, process.device());
        upload_input_gains();
        upload_learned_range();
    }

    Tensor run() {
        basis_step(model_.basis, {{state_, input_table(0)}}, nullptr, nullptr, {{&input_, {}}});
        input_ = in_view(model_, input_, level_at(0));
        // A view of û_0 leaves the step, so that a graph, which writes to the same memory each time, cannot
        // give it; and what a process's own view computes depends on the level on the host.
        GraphOptions graphs = request_.graphs;
        graphs.wanted = graphs.wanted && denoiser_.capturable() && !show_clean_ && !model_.view;
        const auto memory = std::make_shared<MemoryReservation>(process_.device());
        // A graph for each shape of a stage: what takes part, and which memory the prediction goes to.
        std::map<std::vector<int64_t>, std::unique_ptr<GraphedWork>> works;
        report(0);
        for (int i = 0; i < calls_; ++i) {
            clock_.move_to(i);
            noises_.move_to(i);
            if (noisy(i) && !request_.step_noise.empty()) noise_.copy_from(request_.step_noise[size_t(i)]);
            std::unique_ptr<GraphedWork>& work = works[shape_of(i)];
            if (!work) work = std::make_unique<GraphedWork>("a sampling step", graphs, memory);
            work->run({}, [&] { advance(i); });
            report(i + 1);
        }
        return input_; // of level 0: the image
    }

private:
    SolverPlan plan_of_request() {
        if (!request_.inpainting.defined()) return make_plan(path_, settings_, show_clean_);
        const std::vector<int> nodes =
            resampled_nodes(path_.last, request_.inpainting.resamples, request_.inpainting.jump);
        inpainter_ = std::make_unique<Inpainter>(request_.inpainting, path_, nodes, process_.device());
        return make_one_step_plan(path_, settings_, nodes, show_clean_);
    }
    std::vector<float> timesteps() const {
        std::vector<float> values;
        for (const SolverPlan::Stage& stage : plan_.stages)
            values.push_back(path_.timesteps[size_t(stage.node)]);
        return values;
    }
    bool noisy(int i) const { return plan_.stages[size_t(i)].noise; }
    /// Whether variations draw numbers of their own.
    bool own(int i) const { return noises_.own(path_.levels[size_t(node_at(i))]); }
    bool jumps(int i) const { return inpainter_ && inpainter_->jumps(i); }
    bool learned() const {
        return settings_.solver == DiagonalSolver::ancestral && settings_.variance == Variance::learned;
    }
    /// Where the state is before stage i, the end after the last.
    int node_at(int i) const { return i < calls_ ? plan_.stages[size_t(i)].node : 0; }
    int level_at(int i) const { return int(std::nearbyint(path_.levels[size_t(node_at(i))])); }
    /// The prediction made k stages before stage i: memory is used in turns, nothing is moved.
    Tensor& prediction(int i, int k) {
        const int size = plan_.predictions;
        return predictions_[size_t(((i - k) % size + size) % size)];
    }
    std::vector<int64_t> shape_of(int i) const {
        return {noisy(i),
                own(i),
                jumps(i),
                prediction_.mask(i),
                correction_.mask(i),
                update_.mask(i),
                plan_.predictions ? i % plan_.predictions : 0};
    }

    void upload_input_gains() {
        if (path_.gains.empty()) return;
        std::vector<float> rows;
        const auto width = size_t(path_.tables.width());
        for (int i = 0; i <= calls_; ++i)
            for (size_t p = 0; p < width; ++p)
                rows.push_back(float(path_.gains[size_t(node_at(i)) * width + p]));
        gains_ = upload_table(rows, int(width), process_.device());
    }
    /// What the network sees of the state, from stage `first` on; of the end the image.
    Tensor input_table(int first) const {
        return gains_.defined() ? gains_.images(first, gains_.shape()[0] - first) : Tensor();
    }
    void upload_learned_range() {
        if (!learned()) return;
        std::vector<float> low, high;
        for (const SolverPlan::Stage& stage : plan_.stages) {
            const int t = stage.node;
            const double least = stage.noise ? posterior(path_.tables, t - 1, t, 0).variance : 1.0;
            low.push_back(float(0.5 * std::log(least)));
            high.push_back(float(0.5 * std::log(transition(path_.tables, t - 1, t, 0).variance)));
        }
        learned_low_ = upload_table(low, 1, process_.device());
        learned_high_ = upload_table(high, 1, process_.device());
    }

    void report(int done) {
        if (!callback_) return;
        if (request_.view == SampleRequest::View::state || (show_clean_ && done == 0)) {
            view_ = Tensor(shape_, Dtype::f32, process_.device());
            view_.copy_from(input_);
        }
        callback_({done, calls_, level_at(done), view_});
        view_ = Tensor();
    }

    /// The prediction alone; where the network says the variance too, `both` is all it said.
    Tensor network_output(Tensor& both) {
        if (model_.variance != Variance::learned)
            return checked_prediction(denoiser_, input_, clock_.timesteps());
        both = checked_prediction(denoiser_, input_, clock_.timesteps(), 2);
        Tensor output(shape_, Dtype::f32, process_.device());
        const ProfileScope scope("take prediction", output.device(), [&] {
            return OpWork{2.0 * double(output.bytes()), 0, output.shape().text()};
        });
        kernels::take_prediction(output.stream(), both.data<float>(), output.data<float>(), shape_[0],
                                 shape_[1] * shape_[2], int(shape_[3]));
        return output;
    }

    void limit(Tensor& pixels) const {
        const ProfileScope scope(settings_.threshold ? "threshold" : "clamp", pixels.device(), [&] {
            return OpWork{2.0 * double(pixels.bytes()), 0, pixels.shape().text()};
        });
        if (settings_.threshold)
            kernels::dynamic_threshold(pixels.stream(), pixels.data<float>(), shape_[0],
                                       pixels.count() / shape_[0], model_.data_low, model_.data_high,
                                       *settings_.threshold, float(settings_.threshold_limit));
        else
            kernels::clamp(pixels.stream(), pixels.data<float>(), model_.data_low, model_.data_high,
                           pixels.data<float>(), pixels.count());
    }

    /// û_0 in pixels, limited where it is; `output` in the basis.
    Tensor estimate_clean(int i, const Tensor& output) {
        std::vector<StepOperand> operands;
        if (const Tensor* t = estimate_.table(i, Register::state)) operands.push_back({state_, *t});
        if (const Tensor* t = estimate_.table(i, Register::output)) operands.push_back({output, *t});
        Tensor clean(shape_, Dtype::f32, process_.device());
        Tensor pixels;
        step(operands, clean, {{&pixels, {}}});
        pixels = in_view(model_, pixels, 0);
        if (settings_.clip) limit(pixels);
        if (show_clean_) view_ = pixels;
        return settings_.clip && model_.view ? model_.view->state_of(pixels) : pixels;
    }

    void draw_noise(int i, const Tensor& both) {
        if (!noisy(i)) return;
        if (request_.step_noise.empty()) noises_.draw(clock_, own(i), noise_);
        if (!learned()) return;
        const ProfileScope scope("scale noise", noise_.device(), [&] {
            return OpWork{3.0 * double(noise_.bytes()), 0, noise_.shape().text()};
        });
        kernels::scale_noise(noise_.stream(), both.data<float>(), learned_low_.data<float>(),
                             learned_high_.data<float>(), clock_.rows(), noise_.data<float>(), shape_[0],
                             shape_[1] * shape_[2], int(shape_[3]));
    }

    /// coefficients = Σ operands; none at all is 0.
    void step(std::vector<StepOperand>& operands, Tensor& coefficients,
              const std::vector<StepResult>& results) {
        if (operands.empty()) {
            coefficients.set_to_zero();
            operands.push_back({coefficients, {}});
        }
        basis_step(model_.basis, operands, clock_.rows(), &coefficients, results);
    }

    void correct(int i) {
        std::vector<Term> terms;
        const auto add = [&](Register r, const Tensor& data) {
            if (const Tensor* t = correction_.table(i, r)) terms.push_back({data, *t});
        };
        add(Register::kept, kept_); // first, since the sum is written over it
        add(Register::state, state_);
        for (int k = 0; k < plan_.predictions; ++k) add(prediction_register(k), prediction(i, k));
        if (terms.empty()) return;
        for (size_t done = 0; done < terms.size();) {
            const size_t left = terms.size() - done;
            if (done == 0) {
                if (left == 1)
                    combine({terms[0]}, clock_.rows(), kept_);
                else if (left == 2)
                    combine({terms[0], terms[1]}, clock_.rows(), kept_);
                else
                    combine({terms[0], terms[1], terms[2]}, clock_.rows(), kept_);
                done = std::min<size_t>(left, 3);
            } else {
                if (left == 1)
                    combine({{kept_, {}}, terms[done]}, clock_.rows(), kept_);
                else
                    combine({{kept_, {}}, terms[done], terms[done + 1]}, clock_.rows(), kept_);
                done += std::min<size_t>(left, 2);
            }
        }
    }

    /// Stage i. Nothing here may depend on i but by its shape, since a graph of it stands for all like it.
    void advance(int i) {
        Tensor both, clean;
        Tensor output = network_output(both);
        if (plan_.estimated) {
            output = to_basis(model_.basis, output); // it is used twice
            clean = estimate_clean(i, output);
        }
        const auto operand = [&](std::vector<StepOperand>& operands, const DeviceRows& rows, Register r,
                                 const Tensor& data, bool pixels) {
            if (const Tensor* t = rows.table(i, r)) operands.push_back({data, *t, pixels});
        };
        if (!prediction_.empty(i)) {
            std::vector<StepOperand> made;
            operand(made, prediction_, Register::state, state_, false);
            operand(made, prediction_, Register::output, output, !plan_.estimated);
            operand(made, prediction_, Register::clean, clean, true);
            step(made, prediction(i, 0), {});
        }
        if (!correction_.empty(i)) correct(i);
        draw_noise(i, both);

        std::vector<StepOperand> next;
        operand(next, update_, Register::state, state_, false);
        operand(next, update_, Register::output, output, !plan_.estimated);
        operand(next, update_, Register::clean, clean, true);
        operand(next, update_, Register::kept, kept_, false);
        for (int k = 0; k < plan_.predictions; ++k)
            operand(next, update_, prediction_register(k), prediction(i, k), false);
        operand(next, update_, Register::noise, noise_,
                !is_orthonormal(model_.basis) || !request_.step_noise.empty());
        // Row i of the table is the input of the stage after i.
        const std::vector<StepResult> seen{{&input_, input_table(1)}};
        step(next, state_, inpainter_ ? std::vector<StepResult>{} : seen);
        if (inpainter_) {
            inpainter_->apply(i, clock_, own(i), noises_, state_);
            basis_step(model_.basis, {{state_, {}}}, clock_.rows(), &state_, seen);
        }
        input_ = in_view(model_, input_, level_at(i + 1));
    }

    const DiagonalProcess& process_;
    const DiagonalModel& model_;
    Denoiser& denoiser_;
    const SampleRequest& request_;
    const SampleCallback& callback_;
    StepSettings settings_;
    SamplingPath path_;
    bool show_clean_;
    std::unique_ptr<Inpainter> inpainter_; ///< null: nothing is inpainted
    SolverPlan plan_;
    int calls_;
    DeviceRows estimate_, prediction_, correction_, update_;
    SampleNoise noises_;
    StepClock clock_;
    Shape shape_;
    Tensor state_, kept_, noise_, input_, view_, gains_, learned_low_, learned_high_;
    std::vector<Tensor> predictions_;
};

} // namespace

Tensor solve_diagonal(const DiagonalProcess& process, Denoiser& denoiser, const SampleRequest& request,
                      const SampleCallback& callback) {
    return PlanRun(process, denoiser, request, callback).run();
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
