#include "kernels/error.h"
#include "kernels/memory.h"
#include "kernels/parallel.h"

#include <cstdlib>
#include <cstring>
#include <string>

namespace heat::kernels {

#if defined(__CUDACC__)
namespace {
void check(cudaError_t status, const std::string& what) {
    if (status != cudaSuccess) throw Error(what + ": " + cudaGetErrorString(status));
}
cudaStream_t handle(const Stream& stream) {
    return static_cast<cudaStream_t>(stream.cuda);
}
} // namespace
#endif

void* allocate_device_memory(bool on_cuda, size_t bytes) {
    if (on_cuda) {
#if defined(__CUDACC__)
        void* pointer = nullptr;
        check(cudaMalloc(&pointer, bytes),
              "allocating " + std::to_string(bytes >> 20) + " MiB on the GPU (lower train.batch)");
        return pointer;
#else
        throw Error("this build has no CUDA: configure the cuda preset, or use --device cpu");
#endif
    }
    void* pointer = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!pointer)
        throw Error("allocating " + std::to_string(bytes >> 20) +
                    " MiB of memory failed (lower train.batch)");
    return pointer;
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

void copy_memory(const Stream& stream, void* to, const void* from, size_t bytes, CopyKind kind) {
    if (bytes == 0) return;
#if defined(__CUDACC__)
    if (stream.on_cuda) {
        const cudaMemcpyKind kinds[] = {cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost,
                                        cudaMemcpyDeviceToDevice};
        check(cudaMemcpyAsync(to, from, bytes, kinds[int(kind)], handle(stream)), "copying memory");
        if (kind != CopyKind::device_to_device) synchronize(stream);
        return;
    }
#endif
    (void)stream;
    (void)kind;
    std::memcpy(to, from, bytes);
}

void set_memory_to_zero(const Stream& stream, void* pointer, size_t bytes) {
#if defined(__CUDACC__)
    if (stream.on_cuda) {
        check(cudaMemsetAsync(pointer, 0, bytes, handle(stream)), "clearing memory");
        return;
    }
#endif
    (void)stream;
    std::memset(pointer, 0, bytes);
}

int cuda_device_count() noexcept {
#if defined(__CUDACC__)
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
#else
    return 0;
#endif
}

const char* cuda_description() {
#if defined(__CUDACC__)
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess) return cudaGetErrorString(status);
    static cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, 0), "reading the GPU's properties");
    return properties.name;
#else
    return "built without CUDA";
#endif
}

Stream create_cuda_stream() {
#if defined(__CUDACC__)
    if (cuda_device_count() == 0) throw Error(std::string("no usable GPU: ") + cuda_description());
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a CUDA stream");
    return Stream{true, stream};
#else
    throw Error("this build has no CUDA: configure the cuda preset, or use --device cpu");
#endif
}

} // namespace heat::kernels
