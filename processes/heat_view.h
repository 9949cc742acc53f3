#pragma once

#include "processes/heat_scheme.h"
#include "processes/operators/operator_solver.h"
#include "processes/operators/random_operator.h"
#include "processes/state_view.h"
#include "processes/step_cost.h"

#include <vector>

namespace heat::processes {

/// HDM by operators on pixels: the state is v_n = A^{N−n} u_n, a state without noise A^N u_0, and the network
/// sees u_n = A^{n−N} v_n or v_n itself.
class HeatView : public StateView {
public:
    HeatView(int steps, bool sees_v) : steps_(steps), sees_v_(sees_v) {}

    Tensor state_of(const Tensor& images) const override;
    Tensor images_of(const Tensor& states) const override;
    Tensor seen(const Tensor& states, std::span<const int> levels) const override;

protected:
    virtual Tensor powers(const Tensor& images, std::span<const int> exponents) const = 0;
    int steps() const { return steps_; }
    bool sees_v() const { return sees_v_; }

private:
    int steps_;
    bool sees_v_;
};

/// With A one step of the heat equation, by one of its solvers.
class SolverHeatView final : public HeatView {
public:
    SolverHeatView(std::unique_ptr<OperatorSolver> solver, int steps, bool sees_v)
        : HeatView(steps, sees_v), solver_(std::move(solver)) {}
    StepCost cost(int channels) const override;

protected:
    Tensor powers(const Tensor& images, std::span<const int> exponents) const override;

private:
    std::unique_ptr<OperatorSolver> solver_;
};

/// With a random operator in the Laplacian's place; log_eigenvalues are those of A, in the operator's order.
class RandomHeatView final : public HeatView {
public:
    RandomHeatView(std::shared_ptr<const RandomOperator> source, std::vector<double> log_eigenvalues,
                   int steps, bool sees_v)
        : HeatView(steps, sees_v), operator_(std::move(source)),
          log_eigenvalues_(std::move(log_eigenvalues)) {}
    StepCost cost(int channels) const override;

protected:
    Tensor powers(const Tensor& images, std::span<const int> exponents) const override;

private:
    std::shared_ptr<const RandomOperator> operator_;
    std::vector<double> log_eigenvalues_;
};

} // namespace heat::processes
