// DPM-Solver (Lu et al. 2022), DPM-Solver++ and its stochastic form (Lu et al. 2022b), as diffusers'
// DPMSolverMultistepScheduler and DPMSolverSinglestepScheduler compute them.

#include "processes/plan_writer.h"

#include <algorithm>
#include <cmath>

namespace heat::processes {

namespace {

class DpmSolver {
public:
    DpmSolver(const SamplingPath& path, const StepSettings& settings, bool with_estimate)
        : settings_(settings), data_(settings.solver != DiagonalSolver::dpm_solver),
          stochastic_(settings.solver == DiagonalSolver::sde_dpm_solver_pp),
          writer_(path, settings, data_ ? Converted::clean : Converted::noise, settings.order,
                  with_estimate) {}

    SolverPlan multistep() {
        for (int i = 0; i < writer_.last(); ++i) {
            writer_.stage(i);
            const int order = multistep_order(i);
            for (int p = 0; p < writer_.width(); ++p)
                writer_.update(p, i + 1, Register::state, multistep_weights(i, order, p));
        }
        return writer_.finish();
    }

    /// Blocks of stages of order 1, 2, 3: each goes on from the state at which its block began.
    SolverPlan singlestep() {
        const std::vector<int> orders = singlestep_orders();
        for (int i = 0; i < writer_.last(); ++i) {
            writer_.stage(i);
            const int order = orders[size_t(i)];
            for (int p = 0; p < writer_.width(); ++p) {
                if (order == 1) writer_.keep(p);
                writer_.update(p, i + 1, order == 1 ? Register::state : Register::kept,
                               singlestep_weights(i, order, p));
            }
        }
        return writer_.finish();
    }

private:
    int multistep_order(int i) const {
        const int left = writer_.last() - i; // this one included
        const bool few = settings_.lower_order_final && writer_.last() < 15;
        if (left == 1 && (few || settings_.ends_at_data)) return 1;
        return std::min({settings_.order, i + 1, few ? left : 3});
    }

    std::vector<int> singlestep_orders() const {
        const int n = writer_.last(), order = settings_.order;
        std::vector<int> orders;
        for (int i = 0; i < n; ++i) orders.push_back(i % order + 1);
        if (settings_.lower_order_final) {
            // As diffusers: the last of the steps that make whole blocks begins anew.
            if (n % order == 0) orders.back() = 1;
        }
        if (settings_.ends_at_data) orders.back() = 1;
        return orders;
    }

    double h(int from, int target, int p) const {
        return writer_.lambda(target, p) - writer_.lambda(from, p);
    }
    /// What ψ are taken of: û_0 decays with e^{−h}, twice as fast where half of it is due to noise; ε̂ grows.
    double z(double h) const { return stochastic_ ? -2 * h : data_ ? -h : h; }
    /// What û_0 is multiplied by besides a_t; ε̂ is multiplied by s_t.
    double scale(int target, int p) const { return data_ ? 1.0 : std::exp(writer_.log_s(target, p)); }

    /// All of an update from node `from` but what differences of predictions add.
    Weights first_order(int from, int target, int p) const {
        const double step = h(from, target, p);
        Weights w;
        w.base = writer_.base(from, target, p) * (stochastic_ ? std::exp(-step) : 1.0);
        if (stochastic_) w.noise = std::exp(writer_.log_s(target, p)) * std::sqrt(-std::expm1(-2 * step));
        // Into data s_t e^h is what stays.
        w.of[0] = !data_ && std::isinf(step)
                      ? -std::exp(writer_.log_a(target, p) + writer_.log_s(from, p) - writer_.log_a(from, p))
                      : -scale(target, p) * psi(0, z(step));
        return w;
    }

    /// Coefficients of D1 and D2.
    double second(double step) const {
        return settings_.second_type ? -psi(1, z(step)) : -0.5 * psi(0, z(step));
    }

    Weights multistep_weights(int i, int order, int p) const {
        Weights w = first_order(i, i + 1, p);
        const double step = h(i, i + 1, p);
        const double r0 = order > 1 ? h(i - 1, i, p) / step : 0,
                     r1 = order > 2 ? h(i - 2, i - 1, p) / step : 0;
        if (!(r0 > 0)) return w; // a step into data, or one in which this eigenvalue stays
        const double by = scale(i + 1, p);
        if (!(r1 > 0)) {
            const double c = by * second(step) / r0;
            w.of[0] += c;
            w.of[1] -= c;
            return w;
        }
        // D1 = E0 + r0/(r0+r1)·(E0 − E1), D2 = (E0 − E1)/(r0+r1), E0 = (m0 − m1)/r0, E1 = (m1 − m2)/r1
        const double c1 = -by * psi(1, z(step)), c2 = -by * psi(2, z(step)), sum = r0 + r1;
        const double e0 = (c1 * (1 + r0 / sum) + c2 / sum) / r0, e1 = -(c1 * r0 / sum + c2 / sum) / r1;
        w.of[0] += e0;
        w.of[1] += e1 - e0;
        w.of[2] -= e1;
        return w;
    }

    /// m_{order−1} is the prediction where the block began, at node i − (order − 1).
    Weights singlestep_weights(int i, int order, int p) const {
        const int begin = i - (order - 1);
        Weights w = first_order(begin, i + 1, p);
        if (order == 1) return w;
        std::swap(w.of[0], w.of[size_t(order - 1)]);
        const double step = h(begin, i + 1, p), by = scale(i + 1, p);
        const double r0 = h(begin, i, p) / step, r1 = order > 2 ? h(begin, begin + 1, p) / step : 0;
        if (!(r0 > 0) || (order > 2 && !(r1 > 0 && r0 > r1))) return w;
        const auto add_difference = [&](int k, double c) { // of m_k and that of the beginning
            w.of[size_t(k)] += c;
            w.of[size_t(order - 1)] -= c;
        };
        if (order == 2) {
            add_difference(0, by * second(step) / r0);
            return w;
        }
        const double c1 = -by * psi(1, z(step)), c2 = -by * psi(2, z(step));
        if (!settings_.second_type) {
            add_difference(0, c1 / r0);
            return w;
        }
        // With E0 = (m1 − m2)/r1 and E1 = (m0 − m2)/r0: D1 = (r0 E0 − r1 E1)/(r0 − r1), D2 = 2(E1 − E0)/(r0 −
        // r1)
        add_difference(1, (c1 * r0 - 2 * c2) / (r0 - r1) / r1);
        add_difference(0, (2 * c2 - c1 * r1) / (r0 - r1) / r0);
        return w;
    }

    const StepSettings& settings_;
    bool data_, stochastic_;
    PlanWriter writer_;
};

} // namespace

SolverPlan dpm_solver_plan(const SamplingPath& path, const StepSettings& settings, bool with_estimate) {
    DpmSolver solver(path, settings, with_estimate);
    return settings.singlestep && settings.order > 1 ? solver.singlestep() : solver.multistep();
}

} // namespace heat::processes
