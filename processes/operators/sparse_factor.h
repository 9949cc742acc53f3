#pragma once

#include "processes/operators/stencil.h"

#include <cstdint>
#include <vector>

namespace heat::processes {

/// P M Pᵀ = L D Lᵀ of M = I − cL, symmetric, with unit lower triangular L. Entries of L carry the pixel they
/// belong to, so that solving needs no permutation of its own.
struct SparseFactor {
    /// The entries of one row or column of L after another, each with its pixel.
    struct Triangle {
        std::vector<int32_t> starts; ///< points + 1
        std::vector<int32_t> pixels;
        std::vector<double> values;
    };
    std::vector<int32_t> order; ///< the pixel that is eliminated k-th
    Triangle rows, columns;
    std::vector<double> diagonal; ///< D, in the order of elimination

    int64_t bytes() const;
};

/// Factors by Eigen's SimplicialLDLT with AMD ordering; throws Error, with the pivot, where M is not positive
/// definite, or where the build has no Eigen.
SparseFactor sparse_factor(const Stencil& stencil, double c);

} // namespace heat::processes
