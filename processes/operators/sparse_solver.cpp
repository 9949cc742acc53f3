#include "processes/operators/sparse_solver.h"

#include "processes/operators/eigen_missing.h"
#include "processes/operators/sparse_factor.h"

namespace heat::processes {

namespace {

/// x ← x − Σ L·x over the entries of a row or column, for all lanes of a pixel.
template <int lanes>
void subtract_products(const SparseFactor::Triangle& triangle, size_t k, double* values, const double* x) {
    double sum[lanes];
    for (int l = 0; l < lanes; ++l) sum[l] = values[l];
    for (auto e = size_t(triangle.starts[k]); e < size_t(triangle.starts[k + 1]); ++e) {
        const double entry = triangle.values[e];
        const double* other = x + int64_t(triangle.pixels[e]) * lanes;
#pragma omp simd
        for (int l = 0; l < lanes; ++l) sum[l] -= entry * other[l];
    }
    for (int l = 0; l < lanes; ++l) values[l] = sum[l];
}

/// x ← M⁻¹x.
template <int lanes>
void solve_in_place(const SparseFactor& factor, double* x) {
    const size_t points = factor.order.size();
    for (size_t k = 0; k < points; ++k)
        subtract_products<lanes>(factor.rows, k, x + int64_t(factor.order[k]) * lanes, x);
    for (size_t k = points; k-- > 0;) {
        double* values = x + int64_t(factor.order[k]) * lanes;
        const double pivot = 1 / factor.diagonal[k];
        for (int l = 0; l < lanes; ++l) values[l] *= pivot;
        subtract_products<lanes>(factor.columns, k, values, x);
    }
}

} // namespace

SparseSolver::SparseSolver(const HeatScheme& scheme, int height, int width)
    : SteppingSolver(scheme, height, width) {
    if (!is_available(SolverMethod::sparse)) throw_eigen_missing("sparse");
}

SparseSolver::~SparseSolver() = default;

void SparseSolver::prepare_system(bool inverse) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto& factor = factors_[inverse];
    if (!factor)
        factor = std::make_unique<const SparseFactor>(sparse_factor(stencil(), coefficient(inverse)));
}

int64_t SparseSolver::memory_bytes() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    int64_t bytes = 0;
    for (const auto& factor : factors_) bytes += factor ? factor->bytes() : 0;
    return bytes;
}

void SparseSolver::solve(bool inverse, const Stencil::RowTables& tables, const double* b, double* x, int used,
                         double*, BlockReport& report) const {
    const SparseFactor& factor = *factors_[inverse]; // made before the threads began
    std::copy_n(b, stencil().block_size(tables.lanes), x);
    switch (tables.lanes) {
    case 1:
        solve_in_place<1>(factor, x);
        break;
    case 2:
        solve_in_place<2>(factor, x);
        break;
    case 4:
        solve_in_place<4>(factor, x);
        break;
    case 8:
        solve_in_place<8>(factor, x);
        break;
    default:
        solve_in_place<16>(factor, x);
    }
    const auto entries = double(factor.rows.values.size());
    report.flops += used * (4 * entries + double(points()));
    // The factor once for the block, forwards and backwards; the columns in, and in and out each way.
    report.bytes +=
        2 * entries * (sizeof(double) + sizeof(int32_t)) + used * double(points()) * 5 * sizeof(double);
}

} // namespace heat::processes
