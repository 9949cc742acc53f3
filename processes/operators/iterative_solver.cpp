#include "processes/operators/iterative_solver.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

namespace {

/// All loops go over a block flat, `vector` doubles at a time; lane l of a vector is lane l % lanes.
constexpr int vector = 8;

/// One value for each lane, repeated to the width of a vector.
struct Lanes {
    double v[vector] = {};
};

Lanes folded(const Lanes& partial, int lanes) {
    Lanes sums;
    for (int i = 0; i < vector; ++i)
        for (int j = i % lanes; j < vector; j += lanes) sums.v[i] += partial.v[j];
    return sums;
}

/// Σ a·b for each lane.
Lanes products(const double* a, const double* b, int64_t size, int lanes) {
    Lanes partial;
    for (int64_t q = 0; q < size; q += vector)
#pragma omp simd
        for (int i = 0; i < vector; ++i) partial.v[i] += a[q + i] * b[q + i];
    return folded(partial, lanes);
}

struct Norms {
    Lanes residual, preconditioned; ///< r·r and r·M⁻¹r
};

/// x += αp, r −= αq, and the new norms.
Norms advance(const Lanes& alpha, const double* p, const double* q, const double* inverse_diagonal, double* x,
              double* r, int64_t size, int lanes) {
    Norms partial;
    for (int64_t k = 0; k < size; k += vector)
#pragma omp simd
        for (int i = 0; i < vector; ++i) {
            x[k + i] += alpha.v[i] * p[k + i];
            const double rest = r[k + i] - alpha.v[i] * q[k + i];
            r[k + i] = rest;
            partial.residual.v[i] += rest * rest;
            partial.preconditioned.v[i] += rest * rest * inverse_diagonal[k + i];
        }
    return {folded(partial.residual, lanes), folded(partial.preconditioned, lanes)};
}

/// p = M⁻¹r + βp.
void turn(const Lanes& beta, const double* inverse_diagonal, const double* r, double* p, int64_t size) {
    for (int64_t k = 0; k < size; k += vector)
#pragma omp simd
        for (int i = 0; i < vector; ++i) p[k + i] = inverse_diagonal[k + i] * r[k + i] + beta.v[i] * p[k + i];
}

int64_t rounded_up(size_t size) {
    return int64_t((size + vector - 1) / vector * vector);
}

} // namespace

IterativeSolver::IterativeSolver(const HeatScheme& scheme, int height, int width,
                                 const SolverOptions& options)
    : SteppingSolver(scheme, height, width), options_(options) {
    if (!(options.tolerance > 0 && options.tolerance < 1))
        throw Error(fmt::format("conjugate gradients to a tolerance of {}: expected above 0 and below 1",
                                options.tolerance));
    if (options.max_iterations < 1)
        throw Error(fmt::format("conjugate gradients of at most {} iterations: expected at least 1",
                                options.max_iterations));
}

size_t IterativeSolver::scratch_size(int lanes) const {
    const auto block = size_t(rounded_up(stencil().block_size(lanes)));
    return 4 * block + 2 * Stencil::margin; // r, q, M⁻¹ and, between margins, p
}

void IterativeSolver::solve(bool inverse, const Stencil::RowTables& tables, const double* b, double* x,
                            int used, double* scratch, BlockReport& report) const {
    const int lanes = tables.lanes;
    const double c = coefficient(inverse);
    const int64_t size = rounded_up(stencil().block_size(lanes));
    double* r = scratch;
    double* q = r + size;
    double* inverse_diagonal = q + size;
    double* p = inverse_diagonal + size + Stencil::margin;
    std::fill_n(scratch, scratch_size(lanes), 0.0);

    const Stencil::Axis &rows = stencil().rows(), &columns = stencil().columns();
    double* entry = inverse_diagonal;
    for (const double row : rows.diagonal)
        for (const double column : columns.diagonal)
            for (int l = 0; l < lanes; ++l) *entry++ = 1 / (1 - c * (row + column));

    stencil().multiply(c, tables, x, q);
    for (int64_t k = 0; k < size; ++k) r[k] = b[k] - q[k];
    const Lanes scale = products(b, b, size, lanes);
    Norms norms = advance(Lanes{}, p, q, inverse_diagonal, x, r, size, lanes);
    turn(Lanes{}, inverse_diagonal, r, p, size);

    const double tolerance = options_.tolerance * options_.tolerance;
    int iterations = 0;
    for (;; ++iterations) {
        bool all = true;
        double worst = 0;
        for (int l = 0; l < used; ++l) {
            const double left = norms.residual.v[l], whole = scale.v[l];
            if (left == 0) continue;
            all = all && left <= tolerance * whole;
            worst = std::max(worst, whole > 0 ? std::sqrt(left / whole) : INFINITY);
            if (!std::isfinite(left)) worst = INFINITY;
        }
        if (all || iterations == options_.max_iterations || !std::isfinite(worst)) {
            report.worst_residual = std::max(report.worst_residual, worst);
            report.converged = all;
            break;
        }
        stencil().multiply(c, tables, p, q);
        const Lanes curvature = products(p, q, size, lanes);
        Lanes alpha, beta;
        for (int i = 0; i < vector; ++i)
            if (curvature.v[i] > 0) alpha.v[i] = norms.preconditioned.v[i] / curvature.v[i];
        const Norms next = advance(alpha, p, q, inverse_diagonal, x, r, size, lanes);
        for (int i = 0; i < vector; ++i)
            if (norms.preconditioned.v[i] > 0)
                beta.v[i] = next.preconditioned.v[i] / norms.preconditioned.v[i];
        turn(beta, inverse_diagonal, r, p, size);
        norms = next;
    }
    report.iterations += int64_t(used) * iterations;
    report.most_iterations = std::max(report.most_iterations, iterations);
    // An iteration: stencil and p·q, x, r and two norms, p. Ten passes over a vector.
    const double elements = double(used) * double(points());
    report.flops += elements * ((iterations + 1) * (Stencil::flops_per_point + 12));
    report.bytes += elements * sizeof(double) * (iterations + 1) * 13;
}

void IterativeSolver::check_converged(bool inverse, const BlockReport& report) const {
    if (report.converged) return;
    throw Error(fmt::format(
        "conjugate gradients on {} with K = {} and theta = {}: a residual of {:.3g} of the right-hand side "
        "after {} iterations, expected {:.3g}: allow more iterations or a larger tolerance, or choose "
        "another "
        "solver",
        inverse ? "T" : "S", scheme().k, scheme().theta, report.worst_residual, report.most_iterations,
        options_.tolerance));
}

} // namespace heat::processes
