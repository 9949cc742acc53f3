#pragma once

#include "processes/sampling_path.h"
#include "processes/step.h"

#include <array>
#include <vector>

namespace heat::processes {

/// What a solver's updates are made of, in the eigenbasis: the state that the network saw, its output, û_0
/// where it is limited, a state kept from an earlier stage, white noise, and converted predictions, that of
/// this stage and of the three before it.
enum class Register {
    state,
    output,
    clean,
    kept,
    noise,
    prediction_0,
    prediction_1,
    prediction_2,
    prediction_3
};
constexpr int register_count = 9, most_predictions = 4;
/// The k-th last prediction.
inline Register prediction_register(int k) {
    return Register(int(Register::prediction_0) + k);
}

/// An affine combination of registers, one for each stage of a plan: a row of coefficients a register, one
/// for each eigenvalue. A register without a coefficient but 0 in a stage takes no part there.
class Combination {
public:
    Combination(int stages, int width) : stages_(stages), width_(width) {}

    /// Throws Error where the coefficient does not fit f32, naming `level`.
    void set(int stage, Register r, int p, double coefficient, double level);
    void add(int stage, Register r, int p, double coefficient, double level);
    double at(int stage, Register r, int p) const;

    /// A register with a coefficient in one stage takes part in all, so that they have one shape.
    void use_everywhere(Register r);
    bool uses(int stage, Register r) const;
    bool empty(int stage) const;
    /// stages × width; empty where no stage uses it.
    const std::vector<float>& rows(Register r) const { return rows_[size_t(r)]; }
    int width() const { return width_; }

private:
    int stages_, width_;
    std::array<std::vector<float>, register_count> rows_;
    std::array<std::vector<bool>, register_count> used_; ///< per stage
};

/// A solver's way along a path. Stage i calls the network once and then computes, where they are not empty,
///     û_0        = estimate     of state, output; then limited
///     prediction = prediction   of state, output, clean: a converted prediction, if any is kept
///     kept       = correction   of state, kept, predictions
///     next state = update       of all
/// Predictions are ε̂, or û_0 in place of it times a_t (unlimited) so that nothing divides by a_t alone.
struct SolverPlan {
    struct Stage {
        int node = 0;       ///< where on the path, an index of its tables, the network is called
        bool noise = false; ///< whether the update draws
    };
    SolverPlan(int calls, int width)
        : estimate(calls, width), prediction(calls, width), correction(calls, width), update(calls, width) {}

    std::vector<Stage> stages;
    int predictions = 0; ///< kept ones, this stage's included; 0: the output takes part in the update itself
    bool estimated = false; ///< whether there are û_0
    bool keeps = false;     ///< whether a state is kept
    Combination estimate, prediction, correction, update;

    /// The estimate of a stage at index t of the path's tables.
    void set_estimate(int stage, int t, const SamplingPath& path, Prediction what, int p);
    /// The node at which stage i leaves the state.
    int node_after(size_t stage) const { return stage + 1 < stages.size() ? stages[stage + 1].node : 0; }
};

/// The plan of settings.solver (docs/samplers.md). `with_estimate`: û_0 is wanted although nothing limits it.
SolverPlan make_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate = false);
/// The plan of ancestral or ddim whose steps begin at these nodes of the path, 1..last, and end one below.
SolverPlan make_one_step_plan(const SamplingPath& path, const StepSettings& settings,
                              const std::vector<int>& nodes, bool with_estimate = false);

/// Calls of the network by a solver that goes along a path of so many steps.
int network_calls(const StepSettings& settings, int steps);

} // namespace heat::processes
