#pragma once

#include "kernels/stream.h"

namespace heat::kernels {

/// A point in the work of a CUDA stream, for timing without waiting for the device. Whoever recorded it
/// gives it back with release_time_mark.
struct TimeMark {
    void* event = nullptr; ///< a cudaEvent_t
};

/// Marks where the stream's work stands. Throws Error in a build without CUDA.
TimeMark record_time_mark(const Stream&);
/// Whether the device has come to the mark; never waits.
bool is_reached(TimeMark);
/// Seconds of the device from one mark to a later one of the same stream; waits for the later one.
double seconds_between(TimeMark from, TimeMark to);
void release_time_mark(TimeMark) noexcept;

/// Opens and closes a named range for NVIDIA's profilers (NVTX); ranges nest. Nothing without CUDA.
void open_range(const char* name) noexcept;
void close_range() noexcept;

} // namespace heat::kernels
