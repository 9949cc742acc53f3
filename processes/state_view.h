#pragma once

#include "processes/step_cost.h"

#include <span>

namespace heat::processes {

/// How images become the state of a diagonal process and the state what the network sees, where that is an
/// operator on pixels and no table in the process's basis. All tensors are f32 N×H×W×C.
class StateView {
public:
    StateView() = default;
    StateView(const StateView&) = delete;
    StateView& operator=(const StateView&) = delete;
    virtual ~StateView() = default;

    /// The state without noise that stands for images, and the images of a state at level 0: inverse to each
    /// other.
    virtual Tensor state_of(const Tensor& images) const = 0;
    virtual Tensor images_of(const Tensor& states) const = 0;
    /// What the network sees of states at levels above 0: one level for all of them, or one for each.
    virtual Tensor seen(const Tensor& states, std::span<const int> levels) const = 0;
    /// Work of `seen` for one image of `channels` channels in the middle of the levels.
    virtual StepCost cost(int channels) const = 0;
};

} // namespace heat::processes
