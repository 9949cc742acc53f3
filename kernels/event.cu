#include "kernels/error.h"
#include "kernels/event.h"
#include "kernels/portable.h"

#include <string>

namespace heat::kernels {

#if defined(__CUDACC__)
namespace {
void check(cudaError_t status) {
    if (status != cudaSuccess)
        throw Error(std::string("work on the GPU failed: ") + cudaGetErrorString(status));
}
} // namespace
#endif

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
        check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync));
        cuda_ = event;
    }
    check(cudaEventRecord(static_cast<cudaEvent_t>(cuda_), static_cast<cudaStream_t>(stream.cuda)));
#else
    (void)stream;
#endif
}

void Event::make_wait(const Stream& stream) const {
#if defined(__CUDACC__)
    if (cuda_)
        check(
            cudaStreamWaitEvent(static_cast<cudaStream_t>(stream.cuda), static_cast<cudaEvent_t>(cuda_), 0));
#else
    (void)stream;
#endif
}

bool Event::is_reached() const {
#if defined(__CUDACC__)
    if (!cuda_) return true;
    const cudaError_t status = cudaEventQuery(static_cast<cudaEvent_t>(cuda_));
    if (status == cudaErrorNotReady) {
        (void)cudaGetLastError(); // no error, though the next launch would report it as one
        return false;
    }
    check(status);
#endif
    return true;
}

void Event::wait() const {
#if defined(__CUDACC__)
    if (cuda_) check(cudaEventSynchronize(static_cast<cudaEvent_t>(cuda_)));
#endif
}

} // namespace heat::kernels
