#pragma once

#include "kernels/philox.h"
#include "kernels/stream.h"

namespace heat::kernels {

/// Dropping a label changes the training data, as mirroring an image does: layer 0 is mirroring's.
constexpr uint32_t label_dropout_purpose = uint32_t(Purpose::augmentation) << 16 | 1u;

/// kept[i] = null_class with probability `rate`, else labels[i]. Label i depends on (seed,
/// label_dropout_purpose, step, image_offset + i) only. `state` points to {seed low, seed high, step} in the
/// stream's memory.
void drop_labels(const Stream&, const int32_t* labels, int32_t* kept, int64_t count, float rate,
                 int32_t null_class, const uint32_t* state, uint32_t image_offset);

} // namespace heat::kernels
