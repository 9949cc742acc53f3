#include "kernels/cuda_error.h"
#include "kernels/event.h"

namespace heat::kernels {

Event::~Event() {
#if defined(__CUDACC__)
    if (cuda_) (void)cudaEventDestroy(static_cast<cudaEvent_t>(cuda_)); // released once it is reached
#endif
}

void Event::record(const Stream& stream) {
#if defined(__CUDACC__)
    if (!stream.on_cuda) return;
    if (!cuda_) {
        cudaEvent_t event = nullptr;
        check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync));
        cuda_ = event;
    }
    check_cuda(cudaEventRecord(static_cast<cudaEvent_t>(cuda_), cuda_stream(stream)));
#else
    (void)stream;
#endif
}

void Event::make_wait(const Stream& stream) const {
#if defined(__CUDACC__)
    // A host stream's handle is null, which CUDA would take for its default stream.
    if (cuda_ && stream.on_cuda)
        check_cuda(cudaStreamWaitEvent(cuda_stream(stream), static_cast<cudaEvent_t>(cuda_), 0));
#else
    (void)stream;
#endif
}

bool Event::is_reached() const {
#if defined(__CUDACC__)
    if (cuda_) return is_event_reached(static_cast<cudaEvent_t>(cuda_), "work on the GPU failed");
#endif
    return true;
}

void Event::wait() const {
#if defined(__CUDACC__)
    if (cuda_) check_cuda(cudaEventSynchronize(static_cast<cudaEvent_t>(cuda_)));
#endif
}

} // namespace heat::kernels
