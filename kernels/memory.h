#pragma once

#include "kernels/error.h"
#include "kernels/stream.h"

#include <cstddef>
#include <string>

namespace heat::kernels {

/// A device has not the memory that was asked for.
class OutOfMemory : public Error {
public:
    using Error::Error;
};

/// Raw memory of a device, for the engine's pooling allocator: 64-byte aligned (host) or by cudaMalloc, which
/// is allowed while this thread captures a graph. Throws OutOfMemory with the size asked for when there is
/// none.
void* allocate_device_memory(bool on_cuda, size_t bytes);
/// Until all work that was given to the device is done; not while this thread captures a graph.
void wait_for_device(bool on_cuda) noexcept;
/// Nothing on the device may still use the block (cudaFree may wait, and need not); not while this thread
/// captures a graph.
void free_device_memory(bool on_cuda, void* pointer) noexcept;

/// Memory of the host that a card copies from and to without the host waiting (page-locked); ordinary memory
/// unless for_cuda. Throws OutOfMemory.
void* allocate_pinned_memory(bool for_cuda, size_t bytes);
void free_pinned_memory(bool for_cuda, void* pointer) noexcept;

/// The card's memory as its driver counts it, that of other processes included; zeros without one.
struct CardMemory {
    size_t free = 0, total = 0;
};
CardMemory card_memory() noexcept;

enum class CopyKind { host_to_device, device_to_host, device_to_device };
/// Copies in stream order; a copy that involves the host has finished on return. On a host stream all kinds
/// are memcpy.
void copy_memory(const Stream&, void* to, const void* from, size_t bytes, CopyKind kind);
/// The same without waiting: host memory is pinned, and stays as it is until an event recorded after the copy
/// has passed (kernels/event.h).
void copy_memory_unawaited(const Stream&, void* to, const void* from, size_t bytes, CopyKind kind);
void set_memory_to_zero(const Stream&, void* pointer, size_t bytes);

/// CUDA devices that can be used now: 0 without a toolkit, a driver or a card.
int cuda_device_count() noexcept;
/// The card's name, or why cuda_device_count() is 0: built without CUDA, no driver, one too old, no card.
std::string cuda_description();
/// A new in-order stream on the current card; throws Error where there is none. Lives as long as the process.
Stream create_cuda_stream();

} // namespace heat::kernels
