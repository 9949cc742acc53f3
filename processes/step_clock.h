#pragma once

#include "engine/tensor.h"
#include "kernels/event.h"

#include <vector>

namespace heat::processes {

/// The values of a sampling loop that change from step to step, in device memory at addresses that do not:
/// which row of the coefficient tables, what the network sees as the timestep, and the position in the random
/// numbers. All steps are uploaded once; moving to a step copies on the device. The host runs a few steps
/// ahead of a card and no further, so that it can be stopped and its progress is true.
class StepClock {
public:
    /// timesteps: what the network sees, one per step of the loop.
    StepClock(int64_t images, uint64_t seed, const std::vector<float>& timesteps, Device device);

    void move_to(int step);

    /// The step's index, once per image.
    const int32_t* rows() const { return rows_.data<int32_t>(); }
    /// f32, one per image.
    const Tensor& timesteps() const { return timesteps_; }
    /// Fills noise (images first) with the step's numbers: Purpose::step_noise, image `image_offset + i`.
    void draw_noise(Tensor& noise, uint32_t image_offset, uint32_t layer = 0) const;

private:
    Tensor all_rows_, all_timesteps_, all_random_; ///< steps × (images, images, 3)
    Tensor rows_, timesteps_, random_;
    static constexpr int steps_ahead = 3;
    kernels::Event begun_[steps_ahead]; ///< where step i, i + steps_ahead, … began
};

} // namespace heat::processes
