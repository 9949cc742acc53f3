#pragma once

#include "kernels/portable.h"

namespace heat {

/// Element types of tensors. Activations are f32 or bf16; i32 holds labels and indices.
enum class Dtype { f32, bf16, i32 };

constexpr size_t size_of(Dtype dtype) {
    return dtype == Dtype::bf16 ? 2 : 4;
}
constexpr const char* name_of(Dtype dtype) {
    return dtype == Dtype::f32 ? "f32" : dtype == Dtype::bf16 ? "bf16" : "i32";
}

} // namespace heat
