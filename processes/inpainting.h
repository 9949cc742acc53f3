#pragma once

#include "processes/sample_noise.h"
#include "processes/sampling_path.h"

namespace heat::processes {

/// The nodes of a path at which RePaint calls the network, last..1, each step one node down: after
/// `resamples` − 1 of the arrivals at node 1, 1 + jump, 1 + 2·jump, … the state is noised `jump` nodes up
/// again, where the path has as many.
std::vector<int> resampled_nodes(int last, int resamples, int jump);

/// What inpainting does to the state, in pixels, after a step.
class Inpainter {
public:
    /// Nodes: of the steps, as resampled_nodes gives them. The path's tables are of width 1.
    Inpainter(const Inpainting& inpainting, const SamplingPath& path, const std::vector<int>& nodes,
              Device device);

    /// Whether the state is noised again after a step.
    bool jumps(int step) const { return jumps_[size_t(step)]; }
    /// The known pixels of the state a step has led to become a·image + s·noise of its node; then, where the
    /// next step begins above, the state is noised up to it. Depends on the step by the clock's row and
    /// jumps(step) alone.
    void apply(int step, const StepClock& clock, bool own, SampleNoise& noises, Tensor& state);

private:
    Tensor images_, fill_, keep_;                                ///< masks as tables of width H·W
    Tensor known_image_, known_noise_, jump_state_, jump_noise_; ///< tables over steps
    std::vector<bool> jumps_;
    Tensor noise_, known_;
};

} // namespace heat::processes
