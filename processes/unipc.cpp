// UniPC (Zhao et al. 2023) on predictions of the image, as diffusers' UniPCMultistepScheduler computes it.

#include "processes/plan_writer.h"

#include <algorithm>
#include <cmath>

namespace heat::processes {

namespace {

constexpr int most_orders = 3;
using Values = std::array<double, most_orders>;

/// Solves Σ_k nodes_k^i x_k = b_i for i = 0..n−1 by elimination of the Vandermonde matrix (Björck, Pereyra).
Values solve_vandermonde(const Values& nodes, Values b, int n) {
    for (int k = 0; k < n - 1; ++k)
        for (int i = n - 1; i > k; --i) b[size_t(i)] -= nodes[size_t(k)] * b[size_t(i - 1)];
    for (int k = n - 2; k >= 0; --k) {
        for (int i = k + 1; i < n; ++i) b[size_t(i)] /= nodes[size_t(i)] - nodes[size_t(i - k - 1)];
        for (int i = k; i < n - 1; ++i) b[size_t(i)] -= b[size_t(i + 1)];
    }
    return b;
}

class UniPc {
public:
    UniPc(const SamplingPath& path, const StepSettings& settings, bool with_estimate)
        : settings_(settings),
          // The corrector of order p takes the new prediction besides the p before it.
          writer_(path, settings, Converted::clean, settings.order + 1, with_estimate) {}

    SolverPlan plan() {
        for (int i = 0; i < writer_.last(); ++i) {
            writer_.stage(i);
            for (int p = 0; p < writer_.width(); ++p) {
                if (i == 0)
                    writer_.keep(p);
                else
                    writer_.correct(p, step(i - 1, order(i - 1), p, true));
                writer_.update(p, i + 1, Register::kept, step(i, order(i), p, false));
            }
        }
        return writer_.finish();
    }

private:
    int order(int i) const {
        const int left = writer_.last() - i; // this stage included
        if (left == 1 && settings_.ends_at_data) return 1;
        return std::min({settings_.order, i + 1, settings_.lower_order_final ? left : most_orders});
    }

    /// From node i to i + 1: the predictor, or the corrector, for which m_0 is the prediction at the target.
    Weights step(int i, int order, int p, bool corrects) const {
        const double h = writer_.lambda(i + 1, p) - writer_.lambda(i, p), z = -h;
        const size_t here = corrects ? 1 : 0; // of the prediction at node i
        Weights w;
        w.base = writer_.base(i, i + 1, p);
        w.of[here] = -psi(0, z);
        Values nodes{}; // r_k of earlier predictions, and 1 of that at the target
        for (int k = 1; k < order; ++k) {
            nodes[size_t(k - 1)] = (writer_.lambda(i - k, p) - writer_.lambda(i, p)) / h;
            const double before = k > 1 ? nodes[size_t(k - 2)] : 0.0;
            if (!(nodes[size_t(k - 1)] < before)) order = k; // an eigenvalue that stayed in a step
        }
        if (!(h > 0)) return w;
        nodes[size_t(order - 1)] = 1.0;
        const double b_h = settings_.second_type ? z : psi(0, z);
        Values b{};
        double factorial = 1;
        for (int j = 1; j <= order; ++j) b[size_t(j - 1)] = (factorial *= j) * psi(j, z) / b_h;

        const int unknowns = corrects ? order : order - 1;
        Values rho{};
        if (unknowns == 1)
            rho[0] = 0.5; // as the authors simplify both
        else if (unknowns > 1)
            rho = solve_vandermonde(nodes, b, unknowns);
        for (int k = 1; k <= unknowns; ++k) { // differences (m_k − m_here)/r_k
            const bool at_target = corrects && k == order;
            const double c = -b_h * rho[size_t(k - 1)] / nodes[size_t(k - 1)];
            w.of[at_target ? 0 : here + size_t(k)] += c;
            w.of[here] -= c;
        }
        return w;
    }

    const StepSettings& settings_;
    PlanWriter writer_;
};

} // namespace

SolverPlan unipc_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate) {
    return UniPc(path, settings, with_estimate).plan();
}

} // namespace heat::processes
