#pragma once

// The diagonal step on the CPU, and the plain transform, which is a step of one operand: images stay in the
// caches of a core between the passes. Host only.

#include "kernels/transform/line.h"

namespace heat::kernels {

template <class T>
struct ImageStep {
    struct Operand {
        const T* data = nullptr;
        const T* table = nullptr; ///< null: ones
        bool transformed = false; ///< whether the data pass through the transform first
    };
    struct Result {
        T* data = nullptr;
        const T* table = nullptr; ///< null: ones
    };

    static constexpr int most_operands = 4, most_results = 2;

    int64_t images = 0;
    int height = 0, width = 0, channels = 0;
    const LineTransform<T>*columns = nullptr, *rows = nullptr; ///< along the height and the width
    const LineTransform<T>*inverse_columns = nullptr, *inverse_rows = nullptr; ///< needed by results
    Operand operands[most_operands];
    int operand_count = 0;
    const int32_t* table_rows = nullptr; ///< per image; null: row 0
    int table_width = 1;                 ///< 1, or height · width
    T* sum = nullptr;                    ///< of the operands; null: not kept
    Result results[most_results];        ///< inverse transforms of table · sum
    int result_count = 0;
};

/// Elements of workspace for a step.
template <class T>
int64_t workspace_elements(const ImageStep<T>& step);

/// `sum` may be the data of an operand, and the data of a result that of an operand.
template <class T>
void run(const ImageStep<T>& step, T* workspace);

} // namespace heat::kernels
