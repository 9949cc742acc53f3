#include "tests/reference/values.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace heat::reference {

namespace {

/// SplitMix64 (Steele et al. 2014): the standard library's distributions differ between implementations.
double uniform(uint64_t& state) {
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double(z >> 11) + 0.5) / 9007199254740992.; // 2^53
}

} // namespace

std::vector<double> random_values(size_t count, uint64_t seed, double mean, double deviation) {
    uint64_t state = seed * 0x2545f4914f6cdd1du;
    std::vector<double> values(count);
    for (double& v : values) {
        const double radius = std::sqrt(-2. * std::log(uniform(state)));
        v = mean + deviation * radius * std::cos(2. * std::numbers::pi * uniform(state));
    }
    return values;
}

double nmse(const std::vector<double>& actual, const std::vector<double>& expected) {
    if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
    double error = 0., norm = 0.;
    for (size_t i = 0; i < actual.size(); ++i) {
        error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
        norm += expected[i] * expected[i];
    }
    if (!std::isfinite(error)) return std::numeric_limits<double>::infinity();
    return norm == 0. ? error : error / norm;
}

double largest_error(const std::vector<double>& actual, const std::vector<double>& expected) {
    if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
    double largest = 0.;
    for (size_t i = 0; i < actual.size(); ++i) {
        if (!std::isfinite(actual[i])) return std::numeric_limits<double>::infinity();
        largest = std::max(largest, std::abs(actual[i] - expected[i]));
    }
    return largest;
}

} // namespace heat::reference
