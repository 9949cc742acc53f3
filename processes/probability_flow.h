#pragma once

#include "processes/continuous_tables.h"
#include "processes/differentiable_denoiser.h"

namespace heat::processes {

/// The ordinary differential equation whose solutions have the process's marginals at every level (Song et
/// al. 2021; docs/math.md, "The probability flow"): per eigenvalue, with a dash for the derivative by the
/// level,
///   du/dt = (log a)' u + s (log s/a)' ε̂(u, t).
/// States are in the process's basis, each at its own level of 1..N.
class ProbabilityFlow {
public:
    /// Throws Error for a process without levels in between (ContinuousTables).
    explicit ProbabilityFlow(const DiagonalProcess& process) : process_(process), tables_(process) {}

    /// du/dt of states at these levels.
    Tensor rate(Denoiser& denoiser, const std::vector<double>& levels, const Tensor& states) const;

    /// And its divergence: Tr(∂(du/dt)/∂u) is linear + probeᵀ J probe on average over white probes, J being
    /// the part that goes through the network; each probe (of the states' shape, in the basis) gives a number
    /// for each image, probe by probe. One call of the network for each probe.
    struct Divergence {
        Tensor rate;
        std::vector<double> linear;               ///< per image
        std::vector<std::vector<double>> network; ///< per probe, per image
    };
    Divergence rate_and_divergence(DifferentiableDenoiser& denoiser, const std::vector<double>& levels,
                                   const Tensor& states, const std::vector<Tensor>& probes) const;

private:
    /// Rows for each image: rate = state·u + output·o, the network sees gain·u.
    struct Rows {
        Tensor state, output, gain, timesteps, index;
        std::vector<double> trace; ///< Σ of `state` over the image's elements
    };
    Rows rows_at(const std::vector<double>& levels) const;
    Tensor combined(const Rows& rows, const Tensor& states, const Tensor& output) const;

    const DiagonalProcess& process_;
    ContinuousTables tables_;
};

/// Throws the Error of a request that solve_probability_flow does not take, naming what would do.
void check_ode(const DiagonalProcess& process, const SampleRequest& request);

/// Samples by the probability flow from level N to 1 (processes/runge_kutta.h: each image has its own steps
/// and does not depend on the others; finished ones take no part in the network's calls), and then takes û_0.
/// Progress counts levels, not calls: those of the image that is least far.
Tensor solve_probability_flow(const DiagonalProcess& process, Denoiser& denoiser,
                              const SampleRequest& request, const SampleCallback& callback);

} // namespace heat::processes
