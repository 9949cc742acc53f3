#pragma once

#include "bench/roofline.h"

#include <string>
#include <vector>

namespace heat::bench {

/// One property of a device, measured: median, least and most over the samples, in `unit`.
struct DeviceFigure {
    std::string name;    ///< snake_case with the unit: "copy_gb_s"
    std::string meaning; ///< one line
    double median = 0, least = 0, most = 0;
};

/// Measures, in about two seconds (`quick`: a fifth of that, less exactly):
/// copy_gb_s and triad_gb_s (STREAM's, all threads, arrays past the last-level cache; bytes read and written,
/// none for the lines that a store fetches first), update_gb_s (a = −a, which fetches none), cache_copy_gb_s
/// (each thread in its own level-2 cache), fma_f32_gflop_s and fma_f32_one_thread_gflop_s (multiply-adds in
/// registers), matmul_f32_gflop_s and matmul_bf16_gflop_s (kernels::gemm of 1024³, what is within reach),
/// parallel_region_us (an empty one).
std::vector<DeviceFigure> measure_device(bool quick);

/// Memory: the fastest of copy, triad and update. f32: multiply-adds of all threads, or a card's fastest
/// product of f32 matrices. bf16: the faster of that and the matrix product. Throws Error where a figure is
/// missing.
Roofline roofline_of(const std::vector<DeviceFigure>& figures);

} // namespace heat::bench
