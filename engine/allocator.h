#pragma once

#include "engine/device.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace heat {

/// A block of device memory that returns to the device's pool when the last owner lets go. On a card its next
/// user must be on the same stream, whose order makes reuse safe without a synchronisation: one thread
/// computes on a card at a time.
using Storage = std::shared_ptr<std::byte>;

struct MemoryStatistics {
    int64_t in_use = 0;      ///< bytes handed out now, or reserved for graphs
    int64_t peak = 0;        ///< the largest in_use since start or reset_peak_memory
    int64_t reserved = 0;    ///< bytes taken from the system
    int64_t allocations = 0; ///< how often the system was asked; constant in a steady step
};

/// At least `bytes` bytes, 64-byte aligned, contents undefined. Throws Error when the device has none left:
/// what was asked for, what is in use, and which setting to lower.
Storage allocate(Device device, size_t bytes);

MemoryStatistics memory_statistics(Device device);
void reset_peak_memory(Device device);
/// Gives cached free blocks back to the system. Not while this thread captures a graph.
void release_cached_memory(Device device);

/// The memory of captured graphs. A graph works on the addresses it was captured with, each time it runs, so
/// nobody else may get them as long as it exists. Hence the rule:
///   - While a Scope is open, what its thread allocates comes from the reservation and goes back to it. Taken
///     is first what was given back to it already, then free blocks of the pool (the eager steps before have
///     left them there), then the system's. Nothing is given back to the system meanwhile.
///   - What a graph reads or writes from outside was allocated before the Scope and lives as long as the
///     graph. A block from outside that is let go of within the Scope breaks this: the reservation is
///     `broken` and the graph must not be used.
/// When the reservation ends its blocks return to the pool. Graphs that run one after the other may share
/// one.
class MemoryReservation {
public:
    explicit MemoryReservation(Device device);
    /// No graph of it may run any more.
    ~MemoryReservation();
    MemoryReservation(const MemoryReservation&) = delete;
    MemoryReservation& operator=(const MemoryReservation&) = delete;

    /// Allocations of this thread and device are the reservation's while it lives. One at a time.
    class Scope {
    public:
        explicit Scope(MemoryReservation& reservation);
        ~Scope();
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
    };

    Device device() const;
    int64_t bytes() const;
    /// Told of each graph that is made and destroyed. Where none is left, free blocks return to the pool:
    /// work that runs without its graph finds them there.
    void graph_made() { ++graphs_; }
    void graph_gone() noexcept;
    void give_back_if_unused() noexcept;
    /// Whether a block that is not the reservation's was let go of in a Scope.
    bool broken() const;

    class Blocks;

private:
    std::shared_ptr<Blocks> blocks_;
    int graphs_ = 0;
};

} // namespace heat
