#pragma once

#include "engine/device.h"

#include <string>
#include <vector>

namespace heat {

/// Whether bf16 runs on matrix units there (AMX on a CPU), and so pays.
bool has_bf16_matrix_units(Device device);

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
