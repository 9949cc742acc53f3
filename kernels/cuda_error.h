#pragma once

// What the sources that call CUDA's runtime share: its errors as ours, and a build that has none. Internal to
// kernels/.

#include "kernels/error.h"
#include "kernels/portable.h"
#include "kernels/stream.h"

#include <string>
#include <string_view>

namespace heat::kernels {

#if defined(__CUDACC__)

/// Throws Error "<what>: <CUDA's own words>" unless the status is success.
inline void check_cuda(cudaError_t status, std::string_view what = "work on the GPU failed") {
    if (status == cudaSuccess) return;
    (void)cudaGetLastError(); // whoever catches this and goes another way must not find it at the next launch
    throw Error(std::string(what) + ": " + cudaGetErrorString(status));
}

inline cudaStream_t cuda_stream(const Stream& stream) {
    return static_cast<cudaStream_t>(stream.cuda);
}

/// Whether the work before the event is done; `what` is said of it if it failed.
inline bool is_event_reached(cudaEvent_t event, std::string_view what) {
    const cudaError_t status = cudaEventQuery(event);
    if (status == cudaErrorNotReady) {
        (void)cudaGetLastError(); // no error, though the next launch would report it as one
        return false;
    }
    check_cuda(status, what);
    return true;
}

#else

inline Error no_cuda() {
    return Error("this build has no CUDA: configure the cuda preset, or use --device cpu");
}

#endif

} // namespace heat::kernels
