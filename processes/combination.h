#pragma once

#include "engine/tensor.h"

#include <initializer_list>

namespace heat::processes {

/// One term of an affine combination: images N×H×W×C times a row of a table R×width (width 1 or H·W).
struct Term {
    Tensor data;
    Tensor table; ///< undefined: ones
};

/// y = Σ coefficient·data over one to three terms, by kernels::diagonal_combination: row rows[i] (row 0 for
/// null) of every table for image i; rows are in device memory. y, of the data's shape, may share storage
/// with a term. All tables have one width.
void combine(std::initializer_list<Term> terms, const int32_t* rows, Tensor& y);

/// A table R×width in device memory from f32 values, row by row.
Tensor upload_table(const std::vector<float>& values, int width, Device device);

} // namespace heat::processes
