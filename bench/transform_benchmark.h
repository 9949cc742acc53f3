#pragma once

#include "bench/timing.h"
#include "kernels/transform.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <vector>

namespace heat::bench {

struct TransformBenchmarkOptions {
    std::vector<std::string> operations{"dct1", "dct2", "dst1", "spectral"};
    std::vector<std::string> methods{"matrix", "fft", "automatic"};
    std::vector<int> sides{28, 32, 64, 128, 256, 1024};
    std::vector<int> channels{1, 3};
    int batch = 0; ///< 0: default_batch
    bool f64 = false;
    TimingOptions timing;
};

/// Images that are transformed together at a side: 192 up to 64 pixels, 64 up to 128, 16 up to 256, else 4.
int default_batch(int side);

struct TransformMeasurement {
    std::string operation, method;
    int side = 0, channels = 0, batch = 0;
    Timing timing;
};
nlohmann::json to_json(const TransformMeasurement& m);

/// Times square images on the CPU: transforms (dct1, dct2, dct3, dst1), and "spectral", a whole
/// multiplication by a table in the DCT-II's basis (kernels/diagonal_step.h, f32 alone). Throws Error for
/// names it does not know.
std::vector<TransformMeasurement>
measure_transforms(const TransformBenchmarkOptions& options,
                   const std::function<void(const TransformMeasurement&)>& report);

} // namespace heat::bench
