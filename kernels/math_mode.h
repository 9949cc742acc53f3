#pragma once

namespace heat::kernels {

/// What a library may trade for speed on a GPU; one setting for the process. On the CPU products of f32 are
/// f32 and results are the same at any number of threads, whatever is set.
struct MathMode {
    bool tf32 =
        true; ///< products of f32 may round their factors to TF32 (10 bits of mantissa); sums stay f32
    bool deterministic = false; ///< only algorithms that give the same bits in each run
    bool operator==(const MathMode&) const = default;
};

MathMode math_mode();
/// Takes effect for whatever is computed from now on; plans are kept for each mode.
void set_math_mode(MathMode);

} // namespace heat::kernels
