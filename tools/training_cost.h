#pragma once

#include <cstdint>

namespace heat::tools {

/// What a training takes, measured by Trainer::measure. Bytes are of the device's memory unless said
/// otherwise.
struct TrainingCost {
    int64_t parameters = 0;       ///< values of the network
    int64_t parameter_bytes = 0;  ///< of one flat array: parameters, gradients and average have one each
    int64_t moment_bytes = 0;     ///< of both of Adam's
    int64_t activation_bytes = 0; ///< beyond those, at the peak of a step
    int64_t sampling_bytes =
        0;                  ///< at the peak of drawing a grid, the training's arrays included; 0: no grids
    int64_t data_bytes = 0; ///< of the images held in the machine's memory; 0: decoded as they are needed
    double seconds_per_step = 0; ///< the mean of `steps_timed` updates after a first one
    int steps_timed = 0;
    double seconds_per_grid = 0;
    int64_t first_step = 0;                                        ///< where the run stands now
    int64_t checkpoint_bytes = 0, prior_bytes = 0, grid_bytes = 0; ///< on disk; of a grid the most it can be

    int64_t peak_bytes() const {
        const int64_t training = 3 * parameter_bytes + moment_bytes + activation_bytes;
        return training > sampling_bytes ? training : sampling_bytes;
    }
};

} // namespace heat::tools
