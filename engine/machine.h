#pragma once

#include "engine/device.h"

#include <string>
#include <vector>

namespace heat {

/// Whether networks run faster in bf16 than in f32 there: on a CPU, where it has AMX or AVX512_BF16 and this
/// build uses them.
bool bf16_is_faster(Device device);

/// A library that this build links or was built with.
struct LinkedLibrary {
    std::string name, version, license;
};
std::vector<LinkedLibrary> linked_libraries();

/// "Intel(R) Xeon(R) …, 2 threads"; "NVIDIA H200", or why there is no GPU.
std::string describe_device(Device device);
/// Threads that kernels on the CPU use.
int cpu_threads();

} // namespace heat
