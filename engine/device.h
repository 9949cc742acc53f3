#pragma once

#include "kernels/stream.h"

#include <string>

namespace heat {

enum class Device { cpu, cuda };

/// "cpu" or "cuda".
const char* name_of(Device device);
/// Parses `--device auto|cpu|cuda`; auto is cuda where a usable card is present. Throws Error for cuda
/// without one (with the reason) and for an unknown name.
Device device_from_name(const std::string& name);

/// The calling thread's stream on a device; made at first use.
const kernels::Stream& stream_of(Device device);

} // namespace heat
