#pragma once

#include "engine/tensor.h"
#include "kernels/loss_record.h"

namespace heat {

/// The losses of a training run in device memory: gathered without a word to the host, read when it wants to
/// know. An update is any number of add() and one close().
class LossRecord {
public:
    explicit LossRecord(Device device);

    /// Begins after `step` updates, with a sum of `count` losses that a log has not yet had. Waits.
    void begin(int64_t step, double sum, int64_t count);

    /// A batch's loss (one f32 element on the device) joins the update's mean over `batches`.
    void add(const Tensor& loss, int batches);
    /// Ends an update; `norm` is its gradient norm on the device, or null.
    void close(const float* norm);
    /// Sum and count begin anew.
    void begin_mean();

    /// Where it stands. Waits for the device.
    kernels::LossTotals read() const;

private:
    kernels::LossTotals* totals() { return static_cast<kernels::LossTotals*>(storage_.raw()); }

    Tensor storage_; ///< bytes of a LossTotals
};

} // namespace heat
