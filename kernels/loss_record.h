#pragma once

// The losses of a training run, gathered where they are computed, so that the host need not read each one.

#include "kernels/stream.h"

#include <cstdint>

namespace heat::kernels {

/// Lies in the stream's memory. All zeros but for the step is a beginning.
struct LossTotals {
    int64_t step = 0;          ///< updates closed
    double sum = 0;            ///< of the updates' losses
    int64_t count = 0;         ///< of those updates
    float loss = 0;            ///< of the update under way, gathered so far
    float last_loss = 0;       ///< of the last update
    int64_t bad_loss_step = 0; ///< the first update whose loss is not finite; 0: none
    int64_t bad_norm_step = 0; ///< the first one whose gradient norm is not
    float bad_loss = 0, bad_norm = 0;
};

/// totals->loss += loss[0] / share.
void add_loss(const Stream&, LossTotals* totals, const float* loss, float share);
/// Closes an update: one step more, its loss joins the sum, and what is not finite is noted with the step.
/// norm: the update's gradient norm, or null where it is not watched.
void close_update(const Stream&, LossTotals* totals, const float* norm);
/// Forgets sum and count, for the next line of the log.
void begin_mean(const Stream&, LossTotals* totals);

} // namespace heat::kernels
