// Euler's and Heun's rule for dx/dσ = ε̂ in x = u/a and σ = s/a (Karras et al. 2022, Algorithm 1 without
// churn). In u = a x both are linear in the state and ε̂, and the network sees u.

#include "processes/plan_writer.h"

#include <cmath>

namespace heat::processes {

namespace {
/// u' = a'/a·u + (s' − a's/a) ε̂
Weights euler_step(const PlanWriter& writer, int from, int target, int p) {
    Weights w;
    w.base = writer.base(from, target, p);
    w.of[0] = std::exp(writer.log_s(target, p)) -
              std::exp(writer.log_a(target, p) - writer.log_a(from, p) + writer.log_s(from, p));
    return w;
}
} // namespace

SolverPlan euler_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate) {
    PlanWriter writer(path, settings, Converted::noise, 1, with_estimate);
    for (int i = 0; i < writer.last(); ++i) {
        writer.stage(i);
        for (int p = 0; p < writer.width(); ++p)
            writer.update(p, i + 1, Register::state, euler_step(writer, i, i + 1, p));
    }
    return writer.finish();
}

SolverPlan heun_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate) {
    PlanWriter writer(path, settings, Converted::noise, 2, with_estimate);
    for (int i = 0; i < writer.last(); ++i) {
        const bool into_data = settings.ends_at_data && i + 1 == writer.last();
        writer.stage(i);
        for (int p = 0; p < writer.width(); ++p) {
            writer.keep(p);
            writer.update(p, i + 1, Register::state, euler_step(writer, i, i + 1, p));
        }
        if (into_data) break;
        writer.stage(i + 1); // the same step again with the mean of both slopes
        for (int p = 0; p < writer.width(); ++p) {
            Weights w = euler_step(writer, i, i + 1, p);
            w.of[0] = w.of[1] = 0.5 * w.of[0];
            writer.update(p, i + 1, Register::kept, w);
        }
    }
    return writer.finish();
}

} // namespace heat::processes
