#pragma once

#include "kernels/stream.h"

namespace heat::kernels {

/// A point in the work of a stream that other streams and the host can wait for. Host streams execute at
/// once, so that there it does nothing. Owns the CUDA event.
class Event {
public:
    Event() = default;
    ~Event();
    Event(Event&& other) noexcept : cuda_(other.cuda_) { other.cuda_ = nullptr; }
    Event& operator=(Event&&) = delete;

    /// Moves the point to where the stream's work stands; what waits for it already is not affected. Throws
    /// Error as CUDA says, here and below.
    void record(const Stream&);
    /// What is given to the stream from now on begins after the point. Nothing before the first record.
    void make_wait(const Stream&) const;
    /// Whether the point is reached now; true before the first record.
    bool is_reached() const;
    /// The host waits until the point is reached, asleep; returns at once before the first record.
    void wait() const;

private:
    void* cuda_ = nullptr; ///< a cudaEvent_t, made at the first record on a card
};

} // namespace heat::kernels
