#pragma once

#include "engine/device.h"
#include "kernels/memory.h"

#include <vector>

namespace heat::test {

/// The devices that there are: the CPU, and the GPU where there is one.
inline std::vector<Device> devices() {
    if (kernels::cuda_device_count() == 0) return {Device::cpu};
    return {Device::cpu, Device::cuda};
}

} // namespace heat::test
