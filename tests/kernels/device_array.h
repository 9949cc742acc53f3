#pragma once

#include "kernels/memory.h"
#include "kernels/parallel.h"

#include <cstring>
#include <initializer_list>
#include <vector>

namespace heat::kernels {

/// The streams every kernel is tested on: the host's, and one of the GPU where there is one.
inline std::vector<Stream> test_streams() {
    static const std::vector<Stream> streams = cuda_device_count() == 0
                                                   ? std::vector<Stream>{Stream{}}
                                                   : std::vector<Stream>{Stream{}, create_cuda_stream()};
    return streams;
}

/// An array in the memory of a stream's device. Its contents begin as given, or as bytes of ones (NaN in
/// every floating type), so that an element a kernel forgets is seen.
template <class T>
class DeviceArray {
public:
    DeviceArray(const Stream& stream, const std::vector<T>& values) : stream_(stream), size_(values.size()) {
        if (size_ == 0) return;
        data_ = static_cast<T*>(allocate_device_memory(stream.on_cuda, size_ * sizeof(T)));
        copy_memory(stream, data_, values.data(), size_ * sizeof(T), CopyKind::host_to_device);
    }
    DeviceArray(const Stream& stream, std::initializer_list<T> values)
        : DeviceArray(stream, std::vector<T>(values)) {}
    DeviceArray(const Stream& stream, size_t size) : DeviceArray(stream, unset(size)) {}
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    ~DeviceArray() {
        if (data_) free_device_memory(stream_.on_cuda, data_);
    }

    /// Null when empty.
    T* data() { return data_; }

    std::vector<T> host() const {
        std::vector<T> values(size_);
        synchronize(stream_);
        copy_memory(stream_, values.data(), data_, size_ * sizeof(T), CopyKind::device_to_host);
        return values;
    }

private:
    static std::vector<T> unset(size_t size) {
        std::vector<T> values(size);
        if (size) std::memset(values.data(), 0xff, size * sizeof(T));
        return values;
    }

    Stream stream_;
    T* data_ = nullptr;
    size_t size_;
};

} // namespace heat::kernels
