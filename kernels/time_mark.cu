#include "kernels/error.h"
#include "kernels/portable.h"
#include "kernels/time_mark.h"

#include <mutex>
#include <string>
#include <vector>

#if defined(__CUDACC__) && __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define HEAT_WITH_NVTX 1
#endif

namespace heat::kernels {

#if defined(__CUDACC__)
namespace {

void check(cudaError_t status) {
    if (status != cudaSuccess)
        throw Error(std::string("timing work on the GPU failed: ") + cudaGetErrorString(status));
}

/// Events that were given back: making one takes longer than recording it.
struct FreeEvents {
    std::mutex mutex;
    std::vector<cudaEvent_t> events;
};
FreeEvents& free_events() {
    static auto& events = *new FreeEvents;
    return events;
}

cudaEvent_t handle(TimeMark mark) {
    return static_cast<cudaEvent_t>(mark.event);
}

} // namespace
#endif

TimeMark record_time_mark(const Stream& stream) {
#if defined(__CUDACC__)
    cudaEvent_t event = nullptr;
    {
        FreeEvents& free = free_events();
        const std::lock_guard<std::mutex> lock(free.mutex);
        if (!free.events.empty()) {
            event = free.events.back();
            free.events.pop_back();
        }
    }
    if (!event) check(cudaEventCreate(&event));
    check(cudaEventRecord(event, static_cast<cudaStream_t>(stream.cuda)));
    return TimeMark{event};
#else
    (void)stream;
    throw Error("this build has no CUDA: configure the cuda preset, or use --device cpu");
#endif
}

bool is_reached(TimeMark mark) {
#if defined(__CUDACC__)
    const cudaError_t status = cudaEventQuery(handle(mark));
    if (status == cudaErrorNotReady) {
        (void)cudaGetLastError(); // no error, though the next launch would report it as one
        return false;
    }
    check(status);
#endif
    (void)mark;
    return true;
}

double seconds_between(TimeMark from, TimeMark to) {
#if defined(__CUDACC__)
    float milliseconds = 0.f;
    check(cudaEventSynchronize(handle(to)));
    check(cudaEventElapsedTime(&milliseconds, handle(from), handle(to)));
    return 1e-3 * double(milliseconds);
#else
    (void)from;
    (void)to;
    return 0.0;
#endif
}

void release_time_mark(TimeMark mark) noexcept {
#if defined(__CUDACC__)
    if (!mark.event) return;
    try {
        FreeEvents& free = free_events();
        const std::lock_guard<std::mutex> lock(free.mutex);
        free.events.push_back(handle(mark));
    } catch (...) {
        (void)cudaEventDestroy(handle(mark)); // no memory for the list
    }
#else
    (void)mark;
#endif
}

void open_range(const char* name) noexcept {
#if defined(HEAT_WITH_NVTX)
    nvtxRangePushA(name);
#else
    (void)name;
#endif
}

void close_range() noexcept {
#if defined(HEAT_WITH_NVTX)
    nvtxRangePop();
#endif
}

} // namespace heat::kernels
