#pragma once

#include "bench/kernel_cases.h"
#include "bench/op_cases.h"
#include "bench/roofline.h"
#include "bench/timing.h"

#include <nlohmann/json.hpp>

namespace heat::bench {

/// What one op took at one size.
struct OpMeasurement {
    std::string name;      ///< the family
    std::string direction; ///< "forward" or "backward" of a differentiable op, "kernel" otherwise
    std::string size;
    Dtype dtype = Dtype::f32;
    bool cold = false; ///< activations rotate through more memory than the last-level cache holds
    Timing timing;
    double bytes = 0, flops = 0;
    double roofline_share = 0; ///< least time by the roofline over median

    /// "conv2d forward 32×28×28×64 to 64, … f32 hot": what a filter sees.
    std::string text() const;
};

struct OpBenchmarkOptions {
    Dtype dtype = Dtype::f32;
    Device device = Device::cpu;
    std::string filter; ///< a regular expression that a measurement's text must contain; empty: all
    TimingOptions timing;
};

/// Times every family of op_families() and kernel_cases(), each forward and backward, hot (the same memory
/// again and again) and cold. On a card a forward pass or kernel is a graph of its own, timed by marks in the
/// stream; a backward pass is what its launches take. A forward pass records no tape; a backward pass is
/// timed without the forward pass before it. Parameters, and what is derived from them, stay where they are.
/// `report` is called after each. Throws Error for a filter that is no regular expression or lets nothing
/// pass.
std::vector<OpMeasurement> measure_ops(const OpBenchmarkOptions& options, const Roofline& roofline,
                                       const std::function<void(const OpMeasurement&)>& report);

/// Bytes and FLOPs of one call of an op as the profiler counts them (weights packed already).
OpWork counted_work(const OpCase& op_case, Dtype dtype, bool backward, Device device = Device::cpu);

/// One measurement as JSON: name, direction, size, dtype, state, median_us, least_us, most_us,
/// lower_quartile_us, upper_quartile_us, repeats, calls, bytes, flops, gb_s, gflop_s, roofline_percent.
nlohmann::json to_json(const OpMeasurement& measurement);

} // namespace heat::bench
