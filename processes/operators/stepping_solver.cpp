#include "processes/operators/stepping_solver.h"

#include "engine/machine.h"
#include "processes/operators/laplacian.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace heat::processes {

namespace {

int thread_index() {
#if defined(_OPENMP)
    return omp_get_thread_num();
#else
    return 0;
#endif
}

/// As many lanes as the solver takes, but no fewer blocks than threads.
int lanes_for(size_t columns, int most, int threads) {
    const size_t each = (columns + size_t(threads) - 1) / size_t(threads);
    int lanes = most;
    while (lanes > 1 && size_t(lanes / 2) >= each) lanes /= 2;
    return lanes;
}

} // namespace

SteppingSolver::SteppingSolver(const HeatScheme& scheme, int height, int width)
    : OperatorSolver(scheme, height, width), stencil_(scheme.boundary, height, width) {
    if (scheme.boundary != Boundary::adiabatic) return;
    roots_ = pixel_weights(scheme.boundary, height, width);
    for (double& weight : roots_) weight = std::sqrt(weight);
}

double SteppingSolver::coefficient(bool inverse) const {
    return inverse ? -scheme().theta * scheme().k : (1 - scheme().theta) * scheme().k;
}

void SteppingSolver::prepare(int power) const {
    if (power != 0 && coefficient(power < 0) != 0) prepare_system(power < 0);
}

void SteppingSolver::run(const Batch<float>& batch, SolverStatistics& statistics) const {
    run_batch(batch, statistics);
}
void SteppingSolver::run(const Batch<double>& batch, SolverStatistics& statistics) const {
    run_batch(batch, statistics);
}

template <class T>
void SteppingSolver::run_batch(const Batch<T>& batch, SolverStatistics& statistics) const {
    std::vector<Column> columns = columns_of(batch.count, points(), batch.channels, batch.powers);
    const auto zeros =
        std::find_if(columns.begin(), columns.end(), [](const Column& c) { return c.power <= 0; });
    const auto negatives = std::find_if(zeros, columns.end(), [](const Column& c) { return c.power < 0; });
    for (auto column = zeros; column != negatives; ++column)
        for (int64_t p = 0; p < points(); ++p) {
            const int64_t at = column->first + p * batch.channels;
            batch.y[at] = batch.x[at];
        }
    const TypedColumnImages<T> images(batch.x, batch.y, points(), batch.channels);
    run_columns({columns.begin(), zeros}, images, false, statistics);
    std::reverse(negatives, columns.end());
    run_columns({negatives, columns.end()}, images, true, statistics);
}

size_t SteppingSolver::padded_block(int lanes) const {
    return (stencil_.block_size(lanes) + 7) / 8 * 8 + 2 * Stencil::margin;
}

void SteppingSolver::run_columns(std::span<const Column> columns, const ColumnImages& images, bool inverse,
                                 SolverStatistics& statistics) const {
    if (columns.empty()) return;
    prepare(inverse ? -1 : 1);
    const int threads = cpu_threads();
    const int lanes = lanes_for(columns.size(), most_lanes(), threads);
    const auto blocks = int64_t((columns.size() + size_t(lanes) - 1) / size_t(lanes));
    const auto workers = int(std::min<int64_t>(blocks, threads));
    const Stencil::RowTables tables = stencil_.row_tables(lanes);
    const size_t each = 2 * padded_block(lanes) + scratch_size(lanes);
    std::vector<double> memory(each * size_t(workers));
    std::vector<BlockReport> reports(static_cast<size_t>(blocks));
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers)
    for (int64_t block = 0; block < blocks; ++block) {
        const size_t first = size_t(block) * size_t(lanes);
        run_block(columns.subspan(first, std::min(size_t(lanes), columns.size() - first)), images, inverse,
                  tables, memory.data() + size_t(thread_index()) * each, reports[size_t(block)]);
    }
    for (const BlockReport& report : reports) {
        check_converged(inverse, report);
        statistics.solves += report.solves;
        statistics.iterations += report.iterations;
        statistics.most_iterations = std::max(statistics.most_iterations, report.most_iterations);
        statistics.worst_residual = std::max(statistics.worst_residual, report.worst_residual);
        statistics.flops += report.flops;
        statistics.bytes += report.bytes;
    }
}

void SteppingSolver::run_block(std::span<const Column> columns, const ColumnImages& images, bool inverse,
                               const Stencil::RowTables& tables, double* memory, BlockReport& report) const {
    const int lanes = tables.lanes;
    const double* roots = roots_.empty() ? nullptr : roots_.data();
    double* x = memory + Stencil::margin;
    double* b = x + padded_block(lanes);
    double* scratch = memory + 2 * padded_block(lanes);
    std::fill(memory, scratch, 0.0);
    images.gather(columns, roots, x, lanes);
    const double system = coefficient(inverse), other = coefficient(!inverse);
    auto used = int(columns.size()); // those of the smallest power, the last, are done first
    for (int step = 1; used > 0 && report.converged; ++step) {
        if (other != 0)
            stencil_.multiply(other, tables, x, b);
        else
            std::copy_n(x, stencil_.block_size(lanes), b);
        if (system != 0)
            solve(inverse, tables, b, x, used, scratch, report);
        else
            std::swap(x, b);
        report.solves += used;
        report.flops += used * double(points()) * (other != 0 ? Stencil::flops_per_point : 0.0);
        report.bytes += used * double(points()) * 2 * sizeof(double);
        for (; used > 0 && std::abs(columns[size_t(used) - 1].power) == step; --used)
            images.scatter(columns[size_t(used) - 1], x, used - 1, lanes, roots);
    }
}

} // namespace heat::processes
