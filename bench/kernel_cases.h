#pragma once

#include "engine/profiler.h"

#include <functional>
#include <string>
#include <vector>

namespace heat::bench {

/// A kernel that is no differentiable op, at one size.
struct KernelCase {
    std::string family; ///< "adam and ema"
    std::string oracle; ///< the file under tests/ that compares it with an oracle
    OpWork work;        ///< by the rules of engine/profiler.h; work.shape names the size
    /// Memory of its own with the values of a seed, and the call that works on it.
    std::function<std::function<void()>(uint64_t seed)> make;
};

/// Those that exist for activations of this type: optimiser and processes are f32 alone, and listed there.
std::vector<KernelCase> kernel_cases(Dtype dtype, Device device = Device::cpu);

} // namespace heat::bench
