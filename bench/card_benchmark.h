#pragma once

#include "bench/device_benchmark.h"

namespace heat::bench {

/// Measures the GPU, in about two seconds (`quick`: less exactly), by marks in its stream: copy_gb_s (a
/// device copy) and triad_gb_s (the engine's own kernel), bytes read and written; upload_gb_s and
/// download_gb_s, of pinned memory; matmul_card_f32_gflop_s and matmul_card_bf16_gflop_s (kernels::gemm of
/// 4096³; products of f32 as the engine computes them), and where the engine may round factors to TF32, that
/// as matmul_card_tf32_gflop_s and f32 without it; launch_us (an empty kernel after another) and
/// graph_launch_us (a graph of one such kernel). Throws Error where there is no card.
std::vector<DeviceFigure> measure_card(bool quick);

} // namespace heat::bench
