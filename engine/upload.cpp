#include "engine/upload.h"

#include "engine/profiler.h"
#include "kernels/memory.h"

#include <algorithm>

namespace heat {
namespace {

/// One stream for all copies of the process: they share the bus anyway.
const kernels::Stream& copying_stream() {
    static const kernels::Stream stream = kernels::create_cuda_stream();
    return stream;
}

size_t bytes_of(const Shape& shape, Dtype dtype) {
    return size_t(shape.count()) * size_of(dtype);
}

} // namespace

UploadSlot::~UploadSlot() {
    try {
        sent_.wait();
        taken_.wait();
    } catch (const Error&) { // a failed device: whoever computes on it is told
    }
    free_memory();
}

void UploadSlot::free_memory() noexcept {
    const bool on_cuda = device_ == Device::cuda;
    if (host_) kernels::free_pinned_memory(on_cuda, host_);
    if (staging_) kernels::free_device_memory(on_cuda, staging_);
    host_ = nullptr;
    staging_ = nullptr;
    capacity_ = 0;
}

void UploadSlot::reserve(size_t bytes) {
    if (bytes <= capacity_) return;
    taken_.wait();
    free_memory();
    const bool on_cuda = device_ == Device::cuda;
    host_ = kernels::allocate_pinned_memory(on_cuda, bytes);
    if (on_cuda) staging_ = kernels::allocate_device_memory(true, bytes);
    capacity_ = bytes;
}

void* UploadSlot::fill_bytes(const Shape& shape) {
    held_back_ = !sent_.is_reached();
    sent_.wait();
    reserve(std::max<size_t>(bytes_of(shape, dtype_), 1));
    shape_ = shape;
    return host_;
}

void UploadSlot::send() {
    if (device_ == Device::cpu) return;
    taken_.make_wait(copying_stream());
    kernels::copy_memory_unawaited(copying_stream(), staging_, host_, bytes_of(shape_, dtype_),
                                   kernels::CopyKind::host_to_device);
    sent_.record(copying_stream());
}

Tensor UploadSlot::take() {
    Tensor tensor(shape_, dtype_, device_);
    const ProfileScope scope("upload", device_, [&] {
        return OpWork{2.0 * double(tensor.bytes()), 0, shape_.text()};
    });
    const kernels::Stream& stream = tensor.stream();
    sent_.make_wait(stream);
    kernels::copy_memory_unawaited(stream, tensor.raw(), staging_ ? staging_ : host_, tensor.bytes(),
                                   kernels::CopyKind::device_to_device);
    taken_.record(stream);
    return tensor;
}

} // namespace heat
