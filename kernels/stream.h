#pragma once

namespace heat::kernels {

/// Where a kernel runs. Host streams execute at once; CUDA streams are in order and asynchronous.
struct Stream {
    bool on_cuda = false;
    void* cuda = nullptr; ///< a cudaStream_t when on_cuda; owned by the engine
};

} // namespace heat::kernels
