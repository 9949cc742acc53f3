#include "processes/operators/operator_solver.h"

#include "kernels/error.h"
#include "processes/operators/dense_solver.h"
#include "processes/operators/iterative_solver.h"
#include "processes/operators/sparse_solver.h"
#include "processes/operators/spectral_solver.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace heat::processes {

namespace {

/// An eigenvalue of T this near 0 is 0: K is the bound itself, up to its rounding.
constexpr double rounding = 1e-14;

} // namespace

const char* name_of(SolverMethod method) {
    switch (method) {
    case SolverMethod::spectral:
        return "spectral";
    case SolverMethod::dense:
        return "dense";
    case SolverMethod::sparse:
        return "sparse";
    case SolverMethod::iterative:
        return "iterative";
    }
    throw Error("name_of: no such solver");
}

std::vector<SolverMethod> solver_methods() {
    return {SolverMethod::spectral, SolverMethod::dense, SolverMethod::sparse, SolverMethod::iterative};
}

SolverMethod solver_method_from_name(const std::string& name) {
    for (const SolverMethod method : solver_methods())
        if (name == name_of(method)) return method;
    throw Error(fmt::format("unknown solver '{}': expected spectral, dense, sparse or iterative", name));
}

bool is_available(SolverMethod method) {
#if defined(HEAT_WITH_EIGEN)
    (void)method;
    return true;
#else
    return method != SolverMethod::dense && method != SolverMethod::sparse;
#endif
}

OperatorSolver::OperatorSolver(const HeatScheme& scheme, int height, int width)
    : scheme_(scheme), height_(height), width_(width) {
    if (height < 1 || width < 1)
        throw Error(fmt::format("heat operator on {}×{} pixels: expected at least 1×1", height, width));
    if (!std::isfinite(scheme.k))
        throw Error(fmt::format("heat operator with K = {}: expected a finite number", scheme.k));
    const std::vector<double> laplacian = discrete_eigenvalues(basis_of(scheme.boundary), height, width);
    eigenvalues_ = heat_eigenvalues(scheme, laplacian);
    const double steepest = *std::min_element(laplacian.begin(), laplacian.end());
    const double least_of_t = 1 + scheme.theta * scheme.k * steepest;
    if (least_of_t < -rounding)
        throw Error(fmt::format(
            "heat operator with K = {} and theta = {} on {}×{} pixels, {} boundary: the eigenvalues of "
            "A go down to {:.4g}, and must stay positive: K must be below {:.10g} = 1/({}·{:.10g}), or theta "
            "smaller",
            scheme.k, scheme.theta, height, width, name_of(scheme.boundary),
            *std::min_element(eigenvalues_.begin(), eigenvalues_.end()), 1 / (scheme.theta * -steepest),
            scheme.theta, -steepest));
    if (least_of_t <= rounding)
        for (double& value : eigenvalues_)
            if (value <= rounding) value = 0;
    const auto [low, high] = std::minmax_element(eigenvalues_.begin(), eigenvalues_.end());
    smallest_ = *low;
    largest_ = *high;
}

double OperatorSolver::log_condition(int power) const {
    if (power == 0) return 0;
    if (smallest_ == 0) return std::numeric_limits<double>::infinity();
    return std::abs(double(power)) * std::log(largest_ / smallest_);
}

double OperatorSolver::condition(int power) const {
    return std::exp(log_condition(power));
}

std::vector<int> OperatorSolver::checked_powers(std::span<const int> powers, int64_t count, double log_limit,
                                                const char* type) const {
    if (powers.size() != 1 && int64_t(powers.size()) != count)
        throw Error(fmt::format("powers of the heat operator: expected one for all images or one for each of "
                                "the {}, got {}",
                                count, powers.size()));
    std::vector<int> each(powers.begin(), powers.end());
    each.resize(size_t(count), powers.front());
    const int least = each.empty() ? 0 : *std::min_element(each.begin(), each.end());
    if (least >= 0) return each;
    if (smallest_ == 0)
        throw Error(fmt::format(
            "A^{} with K = {} and theta = {}: T is singular, its smallest eigenvalue is 0, and has no "
            "negative powers: make K smaller",
            least, scheme_.k, scheme_.theta));
    if (least * std::log(smallest_) > log_limit)
        throw Error(fmt::format("A^{} with K = {} and theta = {}: its largest gain is 10^{:.1f}, beyond {}: "
                                "take fewer powers or a "
                                "smaller K",
                                least, scheme_.k, scheme_.theta, least * std::log10(smallest_), type));
    return each;
}

template <class T>
void OperatorSolver::apply_host(const T* x, T* y, int64_t count, int channels, std::span<const int> powers,
                                SolverStatistics* statistics) const {
    if (count < 0 || channels < 1)
        throw Error(fmt::format("heat operator on {} images of {} channels: expected 0 or more of 1 or more",
                                count, channels));
    const std::vector<int> each =
        checked_powers(powers, count, std::log(double(std::numeric_limits<T>::max())),
                       sizeof(T) == sizeof(float) ? "f32" : "f64");
    SolverStatistics ignored;
    run(Batch<T>{x, y, count, channels, each}, statistics ? *statistics : ignored);
}

void OperatorSolver::apply(const float* x, float* y, int64_t count, int channels, std::span<const int> powers,
                           SolverStatistics* statistics) const {
    apply_host(x, y, count, channels, powers, statistics);
}
void OperatorSolver::apply(const double* x, double* y, int64_t count, int channels,
                           std::span<const int> powers, SolverStatistics* statistics) const {
    apply_host(x, y, count, channels, powers, statistics);
}

Tensor OperatorSolver::apply(const Tensor& images, int power, SolverStatistics* statistics) const {
    return apply(images, std::span<const int>(&power, 1), statistics);
}

Tensor OperatorSolver::apply(const Tensor& images, std::span<const int> powers,
                             SolverStatistics* statistics) const {
    const Shape& shape = images.shape();
    if (shape.rank() != 4 || shape[1] != height_ || shape[2] != width_ || images.dtype() != Dtype::f32)
        throw Error(fmt::format("heat operator: expected f32 images of shape N×{}×{}×C, got {} of shape {}",
                                height_, width_, name_of(images.dtype()), shape.text()));
    const std::vector<int> each =
        checked_powers(powers, shape[0], std::log(double(std::numeric_limits<float>::max())), "f32");
    SolverStatistics ignored;
    return run(images, each, statistics ? *statistics : ignored);
}

Tensor OperatorSolver::run(const Tensor& images, std::span<const int> powers,
                           SolverStatistics& statistics) const {
    if (images.device() == Device::cuda)
        throw Error(fmt::format("the {} solver runs on the CPU and these images are on the GPU: choose the "
                                "solver spectral, or --device cpu",
                                name_of(method())));
    Tensor result(images.shape(), Dtype::f32, Device::cpu);
    run(Batch<float>{images.data<float>(), result.data<float>(), images.shape()[0], int(images.shape()[3]),
                     powers},
        statistics);
    return result;
}

std::unique_ptr<OperatorSolver> make_operator_solver(SolverMethod method, const HeatScheme& scheme,
                                                     int height, int width, const SolverOptions& options) {
    switch (method) {
    case SolverMethod::spectral:
        return std::make_unique<SpectralSolver>(scheme, height, width);
    case SolverMethod::dense:
        return std::make_unique<DenseSolver>(scheme, height, width);
    case SolverMethod::sparse:
        return std::make_unique<SparseSolver>(scheme, height, width);
    case SolverMethod::iterative:
        return std::make_unique<IterativeSolver>(scheme, height, width, options);
    }
    throw Error("make_operator_solver: no such solver");
}

} // namespace heat::processes
