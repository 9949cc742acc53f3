#include "tests/reference/embedding.h"

#include <cmath>
#include <cstddef>

namespace heat::reference {

std::vector<double> sinusoidal_embedding(const std::vector<double>& timesteps, int dimension,
                                         bool cosine_first, double frequency_shift) {
    std::vector<double> y;
    const int half = dimension / 2;
    for (const double t : timesteps) {
        for (int part = 0; part < 2; ++part) {
            for (int i = 0; i < half; ++i) {
                const double frequency = i == 0 ? 1. : std::pow(10000., -i / (half - frequency_shift));
                y.push_back((part == 0) == cosine_first ? std::cos(t * frequency) : std::sin(t * frequency));
            }
        }
        if (dimension % 2) y.push_back(0.);
    }
    return y;
}

} // namespace heat::reference
