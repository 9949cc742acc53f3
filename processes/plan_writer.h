#pragma once

#include "processes/solver_plan.h"

namespace heat::processes {

/// One update of a solver for one eigenvalue: x' = base·x + Σ_k of[k]·m_k + noise·z, with x the state, or the
/// one kept, and m_k the k-th last converted prediction: ε̂, or û_0, whose factor is then a_target·of[k].
struct Weights {
    double base = 0, noise = 0;
    std::array<double, most_predictions> of = {};
};

enum class Converted { clean, noise }; ///< what m_k is

/// Writes a plan stage by stage. Nodes are counted from the start of the path here, 0..last; node `last` is
/// where it ends. λ = log a/s is half the log of the signal-to-noise ratio.
class PlanWriter {
public:
    /// predictions: how many m_k the solver needs, that of the stage itself included. Of one alone the
    /// network's output, or the limited û_0, takes part in the update in its place.
    PlanWriter(const SamplingPath& path, const StepSettings& settings, Converted converted, int predictions,
               bool with_estimate);

    int last() const { return path_.last; }
    int width() const { return path_.tables.width(); }
    double log_a(int node, int p) const { return path_.tables.log_a(path_.last - node, p); }
    double log_s(int node, int p) const { return path_.tables.log_s(path_.last - node, p); }
    double lambda(int node, int p) const { return log_a(node, p) - log_s(node, p); }
    /// base of an update by û_0, s_t/s_from, or by ε̂, a_t/a_from.
    double base(int from, int target, int p) const;

    /// Begins the next stage, which calls the network at `node`; its prediction is kept.
    void stage(int node);
    /// The state of the next stage, at `target`, from the state or the one kept.
    void update(int p, int target, Register from, const Weights& weights);
    /// kept = this stage's state.
    void keep(int p);
    /// kept = base·kept + Σ of[k]·m_k, at this stage's node.
    void correct(int p, const Weights& weights);

    SolverPlan finish() { return std::move(plan_); }

private:
    double factor(int k, int target, int p, double of) const;
    double level() const { return path_.levels[size_t(plan_.stages.back().node)]; }

    const SamplingPath& path_;
    StepSettings settings_;
    Converted converted_;
    bool folded_;
    int stage_ = -1;
    SolverPlan plan_;
};

/// ψ_0 = e^z − 1 and ψ_k = ψ_{k−1}/z − 1/k!, which is Σ_{j≥1} z^j/(j+k)!.
double psi(int k, double z);

// Each writes all stages of its solver (docs/samplers.md has the equations).
SolverPlan dpm_solver_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate);
SolverPlan unipc_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate);
SolverPlan euler_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate);
SolverPlan heun_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate);

} // namespace heat::processes
