#pragma once

// What cuDNN is told about a tensor, as plain numbers, so that descriptions can be tested where there is no
// cuDNN.

#include "kernels/dtype.h"

#include <array>

namespace heat::kernels {

/// A tensor of a graph of operations. Extents and strides (in elements) are in cuDNN's order, N C H W for
/// images, K C R S for weights, batch head row column for attention, whatever the order in memory.
struct GraphTensor {
    int64_t id = 0; ///< by which an execution names its pointer
    std::array<int64_t, 4> extents{}, strides{};
    Dtype dtype = Dtype::f32;
    bool intermediate = false; ///< between two operations, never in memory
    bool by_value = false;     ///< a scalar in the host's memory
    bool operator==(const GraphTensor&) const = default;
};

/// Pointers handed to a plan are multiples of this many bytes, or it is not used.
constexpr int64_t graph_alignment = 16;

inline bool aligned_for_graph(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer) % uintptr_t(graph_alignment) == 0;
}

} // namespace heat::kernels
