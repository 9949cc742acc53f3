#include "kernels/cuda_error.h"
#include "kernels/time_mark.h"

#include <mutex>
#include <vector>

#if defined(__CUDACC__) && __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#define HEAT_WITH_NVTX 1
#endif

namespace heat::kernels {

#if defined(__CUDACC__)
namespace {

constexpr const char* timing = "timing work on the GPU failed";

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
    if (!event) check_cuda(cudaEventCreate(&event), timing);
    check_cuda(cudaEventRecord(event, cuda_stream(stream)), timing);
    return TimeMark{event};
#else
    (void)stream;
    throw no_cuda();
#endif
}

bool is_reached(TimeMark mark) {
#if defined(__CUDACC__)
    return is_event_reached(handle(mark), timing);
#else
    (void)mark;
    return true;
#endif
}

double seconds_between(TimeMark from, TimeMark to) {
#if defined(__CUDACC__)
    float milliseconds = 0.f;
    check_cuda(cudaEventSynchronize(handle(to)), timing);
    check_cuda(cudaEventElapsedTime(&milliseconds, handle(from), handle(to)), timing);
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
