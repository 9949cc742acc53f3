#pragma once

#include "engine/tensor.h"

#include <cstdint>
#include <vector>

namespace heat::processes {

/// The class that each image of a run is to be of: image k has the list's label k, and the list begins anew
/// where it ends. So a label depends on the image's index alone, whatever the batch.
class ClassLabels {
public:
    ClassLabels() = default;
    explicit ClassLabels(std::vector<int32_t> list) : list_(std::move(list)) {}

    bool empty() const { return list_.empty(); }
    size_t size() const { return list_.size(); }
    int32_t of(uint64_t image) const { return list_[size_t(image % list_.size())]; }
    /// Those of images first … first + count − 1, i32 on the device. Not of an empty list.
    Tensor of(uint32_t first, int64_t count, Device device) const {
        std::vector<int32_t> labels;
        for (int64_t i = 0; i < count; ++i) labels.push_back(of(uint64_t(first) + uint64_t(i)));
        return Tensor::from_host(Shape{count}, labels, device);
    }

private:
    std::vector<int32_t> list_;
};

} // namespace heat::processes
