#include "engine/device.h"

#include "kernels/error.h"
#include "kernels/memory.h"

#include <fmt/format.h>

namespace heat {

const char* name_of(Device device) {
    return device == Device::cuda ? "cuda" : "cpu";
}

Device device_from_name(const std::string& name) {
    if (name == "cpu") return Device::cpu;
    const bool available = kernels::cuda_device_count() > 0;
    if (name == "auto") return available ? Device::cuda : Device::cpu;
    if (name != "cuda") throw Error(fmt::format("unknown device '{}': expected auto, cpu or cuda", name));
    if (!available)
        throw Error(
            fmt::format("--device cuda: no usable GPU ({}); use --device cpu", kernels::cuda_description()));
    return Device::cuda;
}

const kernels::Stream& stream_of(Device device) {
    static const kernels::Stream host;
    if (device == Device::cpu) return host;
    static thread_local const kernels::Stream cuda = kernels::create_cuda_stream();
    return cuda;
}

} // namespace heat
