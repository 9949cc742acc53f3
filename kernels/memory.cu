#include "kernels/cuda_error.h"
#include "kernels/memory.h"
#include "kernels/parallel.h"

#include <cstdlib>
#include <cstring>
#include <string>

namespace heat::kernels {

namespace {

std::string mebibytes(size_t bytes) {
    return std::to_string((bytes + (size_t{1} << 20) - 1) >> 20) + " MiB";
}

void* host_memory(size_t bytes) {
    const size_t whole = (bytes + 63) / 64 * 64;
    void* pointer = whole < bytes ? nullptr : std::aligned_alloc(64, whole);
    if (!pointer) throw OutOfMemory("the machine has no " + mebibytes(bytes) + " of memory left");
    return pointer;
}

#if defined(__CUDACC__)
constexpr int least_compute_capability = 8; ///< of what the device code is made for (cmake/cuda.cmake)

/// "13.0" of 13000.
std::string version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}
#endif

} // namespace

void* allocate_device_memory(bool on_cuda, size_t bytes) {
    if (on_cuda) {
#if defined(__CUDACC__)
        // A thread that captures may not allocate in the mode it captures in. The memory is no part of the
        // graph: it outlives it.
        cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
        check_cuda(cudaThreadExchangeStreamCaptureMode(&mode), "allocating memory on the GPU");
        void* pointer = nullptr;
        const cudaError_t status = cudaMalloc(&pointer, bytes);
        (void)cudaThreadExchangeStreamCaptureMode(&mode);
        if (status == cudaErrorMemoryAllocation) {
            (void)cudaGetLastError(); // else the next launch would report it
            throw OutOfMemory("the GPU has no " + mebibytes(bytes) + " left");
        }
        check_cuda(status, "allocating " + mebibytes(bytes) + " on the GPU");
        return pointer;
#else
        throw no_cuda();
#endif
    }
    return host_memory(bytes);
}

void wait_for_device(bool on_cuda) noexcept {
#if defined(__CUDACC__)
    if (on_cuda) (void)cudaDeviceSynchronize(); // what failed is told by whoever asks for its result
#endif
    (void)on_cuda;
}

void free_device_memory(bool on_cuda, void* pointer) noexcept {
#if defined(__CUDACC__)
    if (on_cuda) {
        (void)cudaFree(pointer); // at exit the driver may be gone already; there is nobody left to tell
        return;
    }
#endif
    (void)on_cuda;
    std::free(pointer);
}

void* allocate_pinned_memory(bool for_cuda, size_t bytes) {
#if defined(__CUDACC__)
    if (for_cuda) {
        void* pointer = nullptr;
        const cudaError_t status = cudaHostAlloc(&pointer, bytes, cudaHostAllocDefault);
        if (status == cudaErrorMemoryAllocation) {
            (void)cudaGetLastError();
            throw OutOfMemory("the machine has no " + mebibytes(bytes) + " of page-locked memory left");
        }
        check_cuda(status, "allocating page-locked memory");
        return pointer;
    }
#else
    if (for_cuda) throw no_cuda();
#endif
    return host_memory(bytes);
}

void free_pinned_memory(bool for_cuda, void* pointer) noexcept {
#if defined(__CUDACC__)
    if (for_cuda) {
        (void)cudaFreeHost(pointer);
        return;
    }
#endif
    (void)for_cuda;
    std::free(pointer);
}

CardMemory card_memory() noexcept {
    CardMemory memory;
#if defined(__CUDACC__)
    if (cudaMemGetInfo(&memory.free, &memory.total) != cudaSuccess) {
        (void)cudaGetLastError();
        return {};
    }
#endif
    return memory;
}

void copy_memory_unawaited(const Stream& stream, void* to, const void* from, size_t bytes, CopyKind kind) {
    if (bytes == 0) return;
#if defined(__CUDACC__)
    if (stream.on_cuda) {
        const cudaMemcpyKind kinds[] = {cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost,
                                        cudaMemcpyDeviceToDevice};
        check_cuda(cudaMemcpyAsync(to, from, bytes, kinds[int(kind)], cuda_stream(stream)), "copying memory");
        return;
    }
#endif
    (void)stream;
    (void)kind;
    std::memcpy(to, from, bytes);
}

void copy_memory(const Stream& stream, void* to, const void* from, size_t bytes, CopyKind kind) {
    if (bytes == 0) return;
    copy_memory_unawaited(stream, to, from, bytes, kind);
    if (kind != CopyKind::device_to_device) synchronize(stream);
}

void set_memory_to_zero(const Stream& stream, void* pointer, size_t bytes) {
    if (bytes == 0) return; // no empty node in a graph
#if defined(__CUDACC__)
    if (stream.on_cuda) {
        check_cuda(cudaMemsetAsync(pointer, 0, bytes, cuda_stream(stream)), "clearing memory");
        return;
    }
#endif
    (void)stream;
    std::memset(pointer, 0, bytes);
}

int cuda_device_count() noexcept {
#if defined(__CUDACC__)
    int count = 0, major = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return 0;
    // The first card is the one that is used; the device code is for 8.0 and later.
    if (cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) != cudaSuccess) return 0;
    return major < least_compute_capability ? 0 : count;
#else
    return 0;
#endif
}

std::string cuda_description() {
#if defined(__CUDACC__)
    int driver = 0, runtime = 0, count = 0;
    (void)cudaRuntimeGetVersion(&runtime);
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
        return "built for CUDA " + version_text(runtime) + ", but no NVIDIA driver is installed";
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorInsufficientDriver)
        return "built for CUDA " + version_text(runtime) + ", but the driver knows " + version_text(driver) +
               " at most";
    if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
        return "an NVIDIA driver, but no card that can be used";
    if (status != cudaSuccess) return cudaGetErrorString(status);
    cudaDeviceProp properties;
    check_cuda(cudaGetDeviceProperties(&properties, 0), "reading the GPU's properties");
    if (properties.major < least_compute_capability)
        return std::string(properties.name) + " of compute capability " + std::to_string(properties.major) +
               "." + std::to_string(properties.minor) + ", which is not used: 8.0 is the least";
    return properties.name;
#else
    return "built without CUDA";
#endif
}

Stream create_cuda_stream() {
#if defined(__CUDACC__)
    if (cuda_device_count() == 0) throw Error("no usable GPU: " + cuda_description());
    cudaStream_t stream = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a CUDA stream");
    return Stream{true, stream};
#else
    throw no_cuda();
#endif
}

} // namespace heat::kernels
