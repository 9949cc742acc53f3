#pragma once

#include "kernels/stream.h"

#include <cstddef>

namespace heat::kernels {

/// Raw memory of a device, for the engine's pooling allocator: 64-byte aligned (host) or by cudaMalloc.
/// Throws Error with the size asked for when there is none.
void* allocate_device_memory(bool on_cuda, size_t bytes);
void free_device_memory(bool on_cuda, void* pointer) noexcept;

enum class CopyKind { host_to_device, device_to_host, device_to_device };
/// Copies in stream order; a copy that involves the host has finished on return. On a host stream all kinds
/// are memcpy.
void copy_memory(const Stream&, void* to, const void* from, size_t bytes, CopyKind kind);
void set_memory_to_zero(const Stream&, void* pointer, size_t bytes);

/// CUDA devices that can be used now: 0 without a toolkit, a driver or a card.
int cuda_device_count() noexcept;
/// Why cuda_device_count() is 0, or the card's name, for `engine info`.
const char* cuda_description();
/// A new in-order stream on the current card; throws Error where there is none. Lives as long as the process.
Stream create_cuda_stream();

} // namespace heat::kernels
