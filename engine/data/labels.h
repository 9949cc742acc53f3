#pragma once

#include "engine/random.h"
#include "engine/tensor.h"

#include <string>
#include <utility>
#include <vector>

namespace heat {

/// Images f32 N×H×W×C and the class of each, i32 N on the same device; undefined where they have none.
struct LabelledBatch {
    LabelledBatch(Tensor batch_images, // NOLINT(google-explicit-constructor): images without labels are one
                  Tensor batch_labels = {})
        : images(std::move(batch_images)), labels(std::move(batch_labels)) {}

    Tensor images, labels;
};

/// Throws Error, naming the data set, unless there are labels and each lies in 0 … classes−1.
void expect_labels(const std::vector<int>& labels, int classes, const std::string& data);

/// The labels (i32 N) with each one replaced by null_class with probability `rate`, 0 to 1: label i by the
/// numbers of (seed, step, image_offset + i) alone.
Tensor with_label_dropout(const Tensor& labels, double rate, int32_t null_class, const RandomState& random,
                          uint32_t image_offset);

} // namespace heat
