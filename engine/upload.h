#pragma once

#include "engine/tensor.h"
#include "kernels/event.h"

namespace heat {

/// Host memory whose contents go to a device, over and over, while the device computes. On a card the host's
/// side is pinned, the copy runs on a stream of its own, and events keep the four steps apart: filling waits
/// (on the filling thread) until the last copy has left the host memory; the copy waits (on the card) until
/// what it overwrites has been taken; taking waits (on the card) for the copy. On the CPU each of them is
/// done when it returns.
///
/// The steps of one slot come in this order and never at the same time, though fill and send may be another
/// thread's: whoever hands a slot over makes sure of that.
class UploadSlot {
public:
    /// Of tensors of this dtype, f32 or i32.
    explicit UploadSlot(Device device, Dtype dtype = Dtype::f32) : device_(device), dtype_(dtype) {}
    /// Waits for what is under way.
    ~UploadSlot();
    UploadSlot(const UploadSlot&) = delete;
    UploadSlot& operator=(const UploadSlot&) = delete;

    Device device() const { return device_; }

    /// Memory for the values of a tensor of this shape, to be written by the caller; `fill` is of f32 slots.
    void* fill_bytes(const Shape& shape);
    float* fill(const Shape& shape) { return static_cast<float*>(fill_bytes(shape)); }
    /// Whether the last fill() had to wait for the card: then it is the card that is behind.
    bool was_held_back() const { return held_back_; }
    /// Begins the copy of what was filled in.
    void send();
    /// The tensor, for the calling thread's stream. The slot can be filled again at once.
    Tensor take();

private:
    void reserve(size_t bytes);
    void free_memory() noexcept;

    Device device_;
    Dtype dtype_;
    Shape shape_;
    size_t capacity_ = 0;
    bool held_back_ = false;
    void* host_ = nullptr;
    /// Not from the pool, whose blocks belong to the order of the computing stream. Null on the CPU.
    void* staging_ = nullptr;
    kernels::Event sent_;  ///< on the copying stream: the host's memory is free
    kernels::Event taken_; ///< on the computing stream: staging is free
};

} // namespace heat
