#pragma once

#include "processes/heat_scheme.h"

#include <memory>
#include <vector>

namespace heat::processes {

/// A sampling step of the heat diffusion model as the paper computes it (HDM, eqs. 16 and 18): matrices over
/// all pixels, three of them inverted and one factored at every step. For comparison alone:
/// HeatDiffusionModel has the same result from one pair of transforms. Needs Eigen.
class LiteralSampler {
public:
    /// Makes A and A⁻¹ of a model of `levels` levels. Throws Error as DenseSolver.
    LiteralSampler(const HeatScheme& scheme, int height, int width, int levels);
    ~LiteralSampler();
    LiteralSampler(const LiteralSampler&) = delete;
    LiteralSampler& operator=(const LiteralSampler&) = delete;

    /// u_{n−1} = C_n u_n + D_n e + L_n z, L_n L_nᵀ = Σ_n, for levels n = 2..N; `alpha` is α_n, `alpha_bar`
    /// ᾱ_n. u, e and z are pixels×`count`, row-major. Throws Error for another level, and where Σ_n is not
    /// positive definite.
    std::vector<double> step(int level, double alpha, double alpha_bar, const std::vector<double>& u,
                             const std::vector<double>& e, const std::vector<double>& z, int count) const;

private:
    struct Matrices;
    std::unique_ptr<const Matrices> matrices_;
    int levels_;
};

} // namespace heat::processes
