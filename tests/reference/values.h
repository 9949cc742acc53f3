#pragma once

// Test data: reproducible random values, rounding to what a kernel stores, and the error measure of the
// tests.

#include "kernels/portable.h"

#include <cstdint>
#include <vector>

namespace heat::reference {

/// `count` values, mean + deviation · standard normal; the same for the same seed everywhere.
std::vector<double> random_values(size_t count, uint64_t seed, double mean = 0., double deviation = 1.);

/// Normalised mean squared error, Σ (actual − expected)² / Σ expected²; infinity where the sizes differ or a
/// value is not finite. Where all that is expected is 0, Σ actual².
double nmse(const std::vector<double>& actual, const std::vector<double>& expected);

/// Largest |actual − expected|; infinity where the sizes differ or a value is not finite.
double largest_error(const std::vector<double>& actual, const std::vector<double>& expected);

/// The values rounded to T (float or bf16).
template <class T>
std::vector<T> stored(const std::vector<double>& values) {
    std::vector<T> result;
    result.reserve(values.size());
    for (const double v : values) result.push_back(kernels::from_float<T>(float(v)));
    return result;
}

template <class T>
std::vector<double> widened(const std::vector<T>& values) {
    std::vector<double> result;
    result.reserve(values.size());
    for (const T v : values) result.push_back(kernels::to_float(v));
    return result;
}

/// Random values as a kernel stores them, and the same as the oracle reads them.
template <class T>
struct Values {
    std::vector<T> stored;
    std::vector<double> exact;
};

template <class T>
Values<T> random_stored(size_t count, uint64_t seed, double mean = 0., double deviation = 1.) {
    Values<T> result;
    result.stored = stored<T>(random_values(count, seed, mean, deviation));
    result.exact = widened(result.stored);
    return result;
}

/// The NMSE a kernel whose inputs and outputs are T may have against an oracle that reads the same inputs.
template <class T>
constexpr double tolerance = sizeof(T) == 2 ? 1e-4 : 1e-7;

} // namespace heat::reference
