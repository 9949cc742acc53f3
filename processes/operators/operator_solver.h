#pragma once

#include "engine/tensor.h"
#include "processes/heat_scheme.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace heat::processes {

/// The ways to apply a power of the heat operator A = S⁻¹T (docs/operators.md).
///   spectral   transform, λ^n, inverse; the CPU in f32 and f64, CUDA in f32
///   dense      the paper's matrices, A inverted from them and squared; small images, Eigen
///   sparse     S factored once for positive powers and T once for negative ones, then a solve a power; Eigen
///   iterative  conjugate gradients without a matrix, a solve a power
/// All but spectral compute in f64 on the CPU, also for f32 images.
enum class SolverMethod { spectral, dense, sparse, iterative };

/// "spectral", "dense", "sparse", "iterative"; reading an unknown one throws Error with the list.
const char* name_of(SolverMethod method);
SolverMethod solver_method_from_name(const std::string& name);
/// All of them, the default first.
std::vector<SolverMethod> solver_methods();
/// Whether this build has what the method needs (dense and sparse: Eigen).
bool is_available(SolverMethod method);

struct SolverOptions {
    double tolerance = 1e-13;  ///< iterative: ‖residual‖ over ‖right-hand side‖ of a solve
    int max_iterations = 2000; ///< iterative: of a solve, beyond which it is an error
};

/// What applying took. Sums over all right-hand sides (a channel of an image is one); apply() adds to them.
struct SolverStatistics {
    int64_t solves = 0;        ///< linear systems, one for each power of each right-hand side; spectral: none
    int64_t iterations = 0;    ///< of all solves
    int most_iterations = 0;   ///< of one solve
    double worst_residual = 0; ///< of one solve, as in SolverOptions::tolerance
    double flops = 0;          ///< floating-point operations, a multiply-add two
    double bytes = 0; ///< the least memory traffic: vectors, factors and matrices, each once a pass over it
};

/// Powers of A = S⁻¹T, one step of the discrete heat equation on H×W pixels (processes/heat_scheme.h),
/// applied to each channel of images. Immutable once made but for what it factors at first use, behind locks,
/// so that threads may share it.
class OperatorSolver {
public:
    virtual ~OperatorSolver() = default;
    OperatorSolver(const OperatorSolver&) = delete;
    OperatorSolver& operator=(const OperatorSolver&) = delete;

    virtual SolverMethod method() const = 0;
    const HeatScheme& scheme() const { return scheme_; }
    int height() const { return height_; }
    int width() const { return width_; }
    int64_t points() const { return int64_t(height_) * width_; }

    /// λ > 0 (or 0 where T is singular), the eigenvalues of A, row-major in the basis of the boundary.
    const std::vector<double>& eigenvalues() const { return eigenvalues_; }
    double smallest_eigenvalue() const { return smallest_; }
    double largest_eigenvalue() const { return largest_; }
    /// log of the condition number of A^n, |n|·log(λ_max/λ_min), in the norm in which A is symmetric;
    /// infinite where T is singular and n is not 0.
    double log_condition(int power) const;
    /// The condition number itself, infinite beyond f64.
    double condition(int power) const;

    /// A^n of f32 images N×H×W×C: one power for all, or one for each image; any integers. The result is a
    /// new tensor on the images' device. Throws Error for another shape or type or number of powers; on CUDA
    /// unless spectral; for a negative power where T is singular or the result would leave f32; where a solve
    /// does not converge.
    Tensor apply(const Tensor& images, int power, SolverStatistics* statistics = nullptr) const;
    Tensor apply(const Tensor& images, std::span<const int> powers,
                 SolverStatistics* statistics = nullptr) const;
    /// The same for `count` images H×W×`channels` in host memory, f32 or f64; y may be x.
    void apply(const float* x, float* y, int64_t count, int channels, std::span<const int> powers,
               SolverStatistics* statistics = nullptr) const;
    void apply(const double* x, double* y, int64_t count, int channels, std::span<const int> powers,
               SolverStatistics* statistics = nullptr) const;

    /// Makes now what apply() would make at first use for this power: factors, matrices.
    virtual void prepare(int power) const = 0;
    /// Bytes of what is kept between calls.
    virtual int64_t memory_bytes() const = 0;

protected:
    /// Throws Error, with the bound, unless K >= 0 is finite, 0 <= θ <= 1, and no λ is negative.
    OperatorSolver(const HeatScheme& scheme, int height, int width);

    /// Images in host memory with one power each.
    template <class T>
    struct Batch {
        const T* x;
        T* y;
        int64_t count;
        int channels;
        std::span<const int> powers;
    };
    virtual void run(const Batch<float>& batch, SolverStatistics& statistics) const = 0;
    virtual void run(const Batch<double>& batch, SolverStatistics& statistics) const = 0;
    /// f32 images, checked, with one power each. As it is here it runs in host memory, and throws Error for a
    /// tensor on CUDA.
    virtual Tensor run(const Tensor& images, std::span<const int> powers, SolverStatistics& statistics) const;

private:
    template <class T>
    void apply_host(const T* x, T* y, int64_t count, int channels, std::span<const int> powers,
                    SolverStatistics* statistics) const;
    /// One power for each image; throws Error where that is not possible, or a power is.
    std::vector<int> checked_powers(std::span<const int> powers, int64_t count, double log_limit,
                                    const char* type) const;

    HeatScheme scheme_;
    int height_, width_;
    std::vector<double> eigenvalues_;
    double smallest_ = 1, largest_ = 1;
};

/// Throws Error as OperatorSolver does, for sizes below 1, where the build lacks Eigen, or the image is too
/// large for dense matrices.
std::unique_ptr<OperatorSolver> make_operator_solver(SolverMethod method, const HeatScheme& scheme,
                                                     int height, int width,
                                                     const SolverOptions& options = {});

} // namespace heat::processes
