#pragma once

#include "engine/tensor.h"

#include <vector>

namespace heat::tools {

/// Rings of equal width over the modes (i, j) of the DCT-II of H×W pixels by their frequency
/// √((i/2H)² + (j/2W)²) in cycles a pixel; the constant has a ring of its own, the first. Rings without a
/// mode are left out.
class FrequencyRings {
public:
    FrequencyRings(int height, int width);

    int count() const { return int(frequencies_.size()); }
    /// The mean frequency of each ring's modes, rising from 0.
    const std::vector<double>& frequencies() const { return frequencies_; }
    /// Of each mode, row-major.
    const std::vector<int>& ring_of_mode() const { return ring_of_mode_; }

private:
    std::vector<double> frequencies_;
    std::vector<int> ring_of_mode_;
};

/// The mean square of the orthonormal DCT-II coefficients in each ring, over the ring's modes and the
/// channels, of each f32 image N×H×W×C: white noise of variance 1 has 1 everywhere.
std::vector<std::vector<double>> power_spectra(const Tensor& images, const FrequencyRings& rings);

} // namespace heat::tools
