#pragma once

// The transforms of one axis over a vector of lanes, planned for a kind and a length. Host only.

#include "kernels/transform.h"
#include "kernels/transform/codelets.h"

#include <memory>
#include <vector>

namespace heat::kernels {

/// Transforms lanes<T> lines of n elements at once.
template <class T>
class LineTransform {
public:
    virtual ~LineTransform() = default;
    /// Element j of the lines is the vector at x + j·x_stride, result k goes to y + k·y_stride, in elements;
    /// y may be x with the same stride. `scratch`, of scratch_elements() elements, is aligned to a vector.
    virtual void run(const T* x, int64_t x_stride, T* y, int64_t y_stride, T* scratch) const = 0;
    virtual int64_t scratch_elements() const = 0;
};

/// A product with the matrix, which symmetry halves: n²/2 multiplications.
template <class T>
std::unique_ptr<LineTransform<T>> folded_product(TransformKind kind, int n);

/// By halving down to codelets, about 2n log₂ n operations; null where the kind or length has no such way:
/// for DCT-II and DCT-III of lengths 2^k·(1, 3, 5, 7 or 9) there is.
template <class T>
std::unique_ptr<LineTransform<T>> halving_transform(TransformKind kind, int n);

/// Either, kept for the life of the process. `fast` asks for halving_transform and gives null where there is
/// none.
template <class T>
const LineTransform<T>* line_transform(TransformKind kind, int n, bool fast);

} // namespace heat::kernels
