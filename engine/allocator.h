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
    int64_t in_use = 0;      ///< bytes handed out now
    int64_t peak = 0;        ///< the largest in_use since start or reset_peak_memory
    int64_t reserved = 0;    ///< bytes taken from the system
    int64_t allocations = 0; ///< how often the system was asked; constant in a steady step
};

/// At least `bytes` bytes, 64-byte aligned, contents undefined. Throws Error when the device has none left.
Storage allocate(Device device, size_t bytes);

MemoryStatistics memory_statistics(Device device);
void reset_peak_memory(Device device);
/// Gives cached free blocks back to the system.
void release_cached_memory(Device device);

} // namespace heat
