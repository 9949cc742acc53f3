#pragma once

#include "processes/sample_request.h"
#include "processes/step_clock.h"

#include <memory>

namespace heat::processes {

/// The noises of a sampling run, as its request's seed and NoiseOptions have them. Image k of the run has the
/// same in any batch.
class SampleNoise {
public:
    /// `steps` of the sampling loop (0 where only its start is wanted) of a process of `levels` levels.
    SampleNoise(const SampleRequest& request, int steps, int levels, Device device);

    /// The seed of the loop's clock.
    uint64_t step_seed() const { return options_.step_seed.value_or(seed_); }
    /// White noise for the start, of a batch's shape: Purpose::prior.
    Tensor start(const Shape& shape) const;
    /// With the clock.
    void move_to(int step);
    /// Whether variations have noises of their own at a step that begins at this level.
    bool own(double level) const { return options_.variations > 1 && level <= split_level_; }
    /// Fills noise with the clock's step, Purpose::step_noise; layers 0 to 3 are different numbers.
    void draw(const StepClock& clock, bool own, Tensor& noise, uint32_t layer = 0);

private:
    /// noise = cos φ noise + sin φ other
    void mix(Tensor& noise, const Tensor& other) const;

    NoiseOptions options_;
    uint64_t seed_;
    uint32_t first_;
    int64_t count_;
    int split_level_;
    Device device_;
    std::unique_ptr<StepClock> other_clock_; ///< of interpolation
    Tensor rows_, cosines_, sines_;          ///< of interpolation, one for each image
    Tensor other_;
};

} // namespace heat::processes
