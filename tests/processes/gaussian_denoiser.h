#pragma once

// The exact network of Gaussian data, at any level, and what its process does to them in closed form.

#include "processes/continuous_tables.h"
#include "processes/differentiable_denoiser.h"
#include "support.h"

namespace heat::processes::test {

/// Data whose coefficients in the process's basis are independent N(mean(e), deviation(e)²); in pixels, where
/// an image has four elements, after mixing them by a rotation, so that pixels depend on each other.
class GaussianDenoiser : public DifferentiableDenoiser {
public:
    explicit GaussianDenoiser(const DiagonalProcess& process) : process_(process), tables_(process) {}

    static double mean(size_t e) { return 0.3 - 0.1 * double(e % 4); }
    static double deviation(size_t e) { return 0.4 + 0.2 * double(e % 4); }

    /// Coefficients in which the data are independent, and back.
    Doubles modes(const Doubles& coefficients) const {
        if (process_.model().basis != Basis::pixel || process_.size().elements() != 4) return coefficients;
        Doubles y(coefficients.size());
        for (size_t i = 0; i < y.size(); ++i)
            for (size_t k = 0; k < 4; ++k) // a Hadamard matrix, its own inverse
                y[i] += 0.5 * (__builtin_popcountll(i % 4 & k) % 2 ? -1 : 1) * coefficients[i / 4 * 4 + k];
        return y;
    }
    Tensor coefficients(const Tensor& pixels) const {
        Tensor c = to_basis(process_.model().basis, pixels);
        return to_tensor(c.shape(), modes(to_doubles(c)));
    }
    Tensor pixels(const Tensor& coefficients) const {
        const Tensor c = to_tensor(coefficients.shape(), modes(to_doubles(coefficients)));
        return from_basis(process_.model().basis, c);
    }
    int eigenvalue(size_t e) const {
        const auto elements = size_t(process_.size().elements());
        return process_.model().tables.width() == 1 ? 0
                                                    : int(e % elements / size_t(process_.size().channels));
    }
    /// Deviation of a mode of u_t.
    double spread(double level, size_t e) const {
        const ContinuousLevel at = tables_.at(level, eigenvalue(e));
        return std::hypot(std::exp(at.log_a) * deviation(e), std::exp(at.log_s));
    }
    double a(double level, size_t e) const { return std::exp(tables_.at(level, eigenvalue(e)).log_a); }

    Tensor predict(const Tensor& x, const Tensor& timesteps) override {
        images += int(x.shape()[0]);
        return affine(x, timesteps, true);
    }
    Product vector_jacobian(const Tensor& x, const Tensor& timesteps, const Tensor& cotangent) override {
        return {predict(x, timesteps), affine(cotangent, timesteps, false)}; // the Jacobian is symmetric
    }

    int images = 0; ///< in all calls

private:
    double level_of(double timestep) const {
        double low = 1, high = process_.steps();
        for (int i = 0; i < 60; ++i)
            (tables_.timestep(0.5 * (low + high)) < timestep ? low : high) = 0.5 * (low + high);
        return 0.5 * (low + high);
    }
    /// The network, or its linear part.
    Tensor affine(const Tensor& x, const Tensor& timesteps, bool shifted) const {
        const Doubles times = to_doubles(timesteps);
        Doubles values = to_doubles(coefficients(x));
        const size_t elements = values.size() / times.size();
        for (size_t i = 0; i < times.size(); ++i) {
            const double level = level_of(times[i]);
            for (size_t e = i * elements; e < (i + 1) * elements; ++e) {
                const int p = eigenvalue(e);
                const ContinuousLevel at = tables_.at(level, p);
                const double a = std::exp(at.log_a), s = std::exp(at.log_s);
                const double u = values[e] / tables_.input_gain(level, p);
                const double noise =
                    s * (u - (shifted ? a * mean(e) : 0.0)) / (a * a * deviation(e) * deviation(e) + s * s);
                const double clean = (u - s * noise) / a;
                const Prediction prediction = process_.model().prediction;
                values[e] = prediction == Prediction::epsilon ? noise
                            : prediction == Prediction::x0    ? clean
                                                              : (a * noise - s * clean) / std::hypot(a, s);
            }
        }
        return pixels(to_tensor(x.shape(), values));
    }

    const DiagonalProcess& process_;
    ContinuousTables tables_;
};

} // namespace heat::processes::test
