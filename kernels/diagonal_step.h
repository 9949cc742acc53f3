#pragma once

#include "kernels/transform.h"

namespace heat::kernels {

/// One operand of a diagonal step: images N×H×W×C times a row of a table (kernels/diagonal.h). Null data:
/// left out.
struct DiagonalOperand {
    const float* data = nullptr;
    const float* table = nullptr; ///< null: ones
    bool pixels = false;          ///< whether the data are pixels, to be transformed first, or coefficients
};

/// Pixels made of the coefficients: the inverse transform of table · coefficients. Null pixels: left out.
struct DiagonalResult {
    float* pixels = nullptr;
    const float* table = nullptr; ///< null: ones
};

/// The step of every process that is diagonal in a basis, in one call (docs/math.md §1):
///
///     coefficients[i,p,c] = Σ_k table_k[row(i), p] · data_k[i,p,c]       data in pixels are transformed
///     first pixels_m            = inverse transform of table_m[row(i), p] · coefficients
///
/// Forward: a∘u_0 + s∘ε of clean pixels and noise, and the pixels of it. Reverse: the network's output
/// (pixels) with the state and noise (coefficients); the next state is kept in `coefficients`, and `results`
/// make the next input. A blur at two levels is one operand and two results. Each image may be at its own
/// level: row(i) = rows ? rows[i] : 0 of tables R × width; width is 1 or H·W.
struct DiagonalStep {
    static constexpr int most_operands = 4, most_results = 2;

    TransformKind kind = TransformKind::dct2; ///< from pixels to coefficients
    int64_t images = 0;
    int height = 0, width = 0, channels = 0;
    DiagonalOperand operands[most_operands];
    const int32_t* rows = nullptr;
    int table_width = 1;
    float* coefficients = nullptr;        ///< null: not kept; may be the data of an operand
    DiagonalResult results[most_results]; ///< pixels may be the data of an operand, not of another result
};

/// Floats of scratch for the step.
int64_t diagonal_step_workspace_floats(const Stream&, const DiagonalStep&,
                                       TransformMethod method = TransformMethod::automatic);

/// On the CPU an image stays in a core's caches from the first transform to the last, where FFTW is not the
/// way the transform takes; elsewhere the parts run one after the other. Throws Error where there is no
/// operand or nothing to make, or a size is below 1.
void diagonal_step(const Stream&, const DiagonalStep&, float* workspace,
                   TransformMethod method = TransformMethod::automatic);

} // namespace heat::kernels
