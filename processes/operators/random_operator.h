#pragma once

#include "engine/tensor.h"
#include "processes/heat_scheme.h"

#include <memory>
#include <span>
#include <vector>

namespace heat::processes {

/// HDM's ablation (docs/math.md, "HDM"): the heat scheme with a random operator in the Laplacian's place,
/// dense and symmetric. Each pair of pixels exchanges heat with a weight that is uniform in 0..1 whatever
/// their positions; rows sum to 0, as the Laplacian's, and the weights of a pixel to 4 on average, as those
/// of four neighbours. The weights are the same for a number of pixels.
class RandomOperator {
public:
    static constexpr int64_t most_points = 4096;

    /// Throws Error beyond most_points pixels, and where the build has no Eigen.
    RandomOperator(int height, int width);
    ~RandomOperator();

    /// ℓ <= 0, ascending.
    const std::vector<double>& eigenvalues() const { return eigenvalues_; }

    /// f of the operator on each channel of f32 images N×H×W×C on the CPU: gains holds f(ℓ), one row of the
    /// number of pixels for all images or one for each. Throws Error for another shape, type or device.
    Tensor apply(const Tensor& images, std::span<const double> gains) const;

private:
    struct Vectors;
    int height_, width_;
    std::vector<double> eigenvalues_;
    std::unique_ptr<Vectors> vectors_;
};

} // namespace heat::processes
