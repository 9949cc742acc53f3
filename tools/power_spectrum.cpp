#include "tools/power_spectrum.h"

#include "processes/operators/modes.h"

#include <cmath>
#include <map>

namespace heat::tools {

FrequencyRings::FrequencyRings(int height, int width) {
    const double ring_width = 0.5 / std::max(height, width); // that of the longer axis's modes
    struct Ring {
        double sum = 0;
        int modes = 0;
    };
    std::map<int, Ring> rings;
    std::vector<int> keys;
    for (int i = 0; i < height; ++i)
        for (int j = 0; j < width; ++j) {
            const double frequency = std::hypot(0.5 * i / height, 0.5 * j / width);
            const int key = i + j == 0 ? 0 : std::max(1, int(std::lround(frequency / ring_width)));
            rings[key].sum += frequency;
            ++rings[key].modes;
            keys.push_back(key);
        }
    std::map<int, int> index;
    for (const auto& [key, ring] : rings) {
        index[key] = count();
        frequencies_.push_back(ring.sum / ring.modes);
    }
    for (const int key : keys) ring_of_mode_.push_back(index[key]);
}

std::vector<std::vector<double>> power_spectra(const Tensor& images, const FrequencyRings& rings) {
    const Shape& shape = images.shape();
    const std::vector<float> values = images.to_host();
    std::vector<double> coefficients(values.begin(), values.end());
    const auto modes = shape[1] * shape[2], channels = shape[3];
    processes::to_basis(processes::Basis::dct2, coefficients.data(), coefficients.data(), shape[0],
                        int(shape[1]), int(shape[2]), int(channels));
    std::vector<double> terms(size_t(rings.count()), 0.0);
    for (const int ring : rings.ring_of_mode()) terms[size_t(ring)] += double(channels);
    std::vector<std::vector<double>> spectra;
    const double* coefficient = coefficients.data();
    for (int64_t i = 0; i < shape[0]; ++i) {
        std::vector<double> sums(size_t(rings.count()), 0.0);
        for (int64_t mode = 0; mode < modes; ++mode)
            for (int64_t c = 0; c < channels; ++c, ++coefficient)
                sums[size_t(rings.ring_of_mode()[size_t(mode)])] += *coefficient * *coefficient;
        for (size_t ring = 0; ring < sums.size(); ++ring) sums[ring] /= terms[ring];
        spectra.push_back(std::move(sums));
    }
    return spectra;
}

} // namespace heat::tools
