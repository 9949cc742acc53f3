#pragma once

#include "processes/basis.h"

#include <vector>

namespace heat::processes {

/// One operand of a step: images N×H×W×C times a row of a table R×width (width 1 or H·W).
struct StepOperand {
    Tensor data;
    Tensor table;        ///< undefined: ones
    bool pixels = false; ///< whether the data are pixels or coefficients
};

/// Pixels made of a step's coefficients times a row of a table.
struct StepResult {
    Tensor* pixels = nullptr; ///< of the images' shape, undefined: made anew
    Tensor table;             ///< undefined: ones
};

/// coefficients = Σ table·operand and, of each result, pixels = from_basis(table·coefficients), by
/// kernels::diagonal_step: row rows[i] (row 0 for null) of every table for image i; rows are in device
/// memory. One to four operands, at most two results; null `coefficients` are not kept, others may share
/// storage with an operand. In the pixel basis a result without a table shares the storage of the
/// coefficients, where those are kept.
void basis_step(Basis basis, const std::vector<StepOperand>& operands, const int32_t* rows,
                Tensor* coefficients, const std::vector<StepResult>& results);

} // namespace heat::processes
