#pragma once

#include "processes/heat_scheme.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heat::processes {

/// y = (I − cL)x with L the symmetric 5-point Laplacian (processes/operators/laplacian.h), without a matrix,
/// for blocks of columns: x[(row·width + column)·lanes + l].
class Stencil {
public:
    /// Doubles before and after a block that are read, and must be finite: the most lanes there are.
    static constexpr int margin = 16;
    static constexpr double flops_per_point = 13;

    Stencil(Boundary boundary, int height, int width);

    /// An axis of L: before[i] couples i − 1 and i, after[i] i and i + 1; 0 at the ends.
    struct Axis {
        std::vector<double> diagonal, before, after;
    };
    const Axis& rows() const { return rows_; }
    const Axis& columns() const { return columns_; }

    /// Doubles of a block.
    size_t block_size(int lanes) const { return size_t(height_) * size_t(width_) * size_t(lanes); }
    /// The columns' axis with each value repeated for all lanes, which multiply() reads.
    struct RowTables {
        int lanes = 1;
        std::vector<double> left, right, diagonal; ///< width·lanes
    };
    RowTables row_tables(int lanes) const;

    /// On one thread; y is not x.
    void multiply(double c, const RowTables& tables, const double* x, double* y) const;

private:
    int height_, width_;
    Axis rows_, columns_;
};

} // namespace heat::processes
