#pragma once

#include "engine/tensor.h"

namespace heat::processes {

/// The network as a process sees it.
class Denoiser {
public:
    Denoiser() = default;
    Denoiser(const Denoiser&) = delete;
    Denoiser& operator=(const Denoiser&) = delete;
    virtual ~Denoiser() = default;

    /// The network's f32 output, of x's shape, or with 2C channels where it predicts a variance too
    /// (Variance::learned): the prediction, then what says the variance. x: f32 N×H×W×C in the process's data
    /// range; timesteps: f32 N, what the network was trained to see. Both belong to the solver, which writes
    /// over them after the call: keep no copy that shares storage.
    virtual Tensor predict(const Tensor& x, const Tensor& timesteps) = 0;

    /// The batch that is sampled from now on holds the images first_image … first_image + count − 1 of the
    /// run: for a network that treats them differently. Process::sample says so.
    virtual void begin_batch(uint32_t first_image, int64_t count) { (void)first_image, (void)count; }

    /// Whether predict() only gives work to the device, the same each time, so that it can be captured in a
    /// graph and is then not called again (engine/graph.h).
    virtual bool capturable() const { return false; }
};

/// denoiser.predict; throws Error unless the output is f32 of x's shape, with `outputs` times its channels,
/// and on its device.
Tensor checked_prediction(Denoiser& denoiser, const Tensor& x, const Tensor& timesteps, int outputs = 1);

} // namespace heat::processes
