#include "kernels/descriptions/product_layout.h"

#include <algorithm>
#include <utility>

namespace heat::kernels {
namespace {

struct Stored {
    BlasMatrix matrix;
    bool transposed; ///< memory holds the transpose
};

/// rows × columns with these strides as memory has it, column-major.
std::optional<Stored> stored(int64_t rows, int64_t columns, int64_t row, int64_t column,
                             int64_t batch_stride) {
    // Strides of an extent of 1 are never used; a leading dimension must still not be less than the rows.
    const auto fits = [](int64_t inner, int64_t inner_stride, int64_t outer, int64_t outer_stride) {
        return (inner == 1 || inner_stride == 1) && (outer == 1 || outer_stride >= inner);
    };
    if (fits(rows, row, columns, column))
        return Stored{{rows, columns, columns == 1 ? rows : column, batch_stride}, false};
    if (fits(columns, column, rows, row))
        return Stored{{columns, rows, rows == 1 ? columns : row, batch_stride}, true};
    return std::nullopt;
}

/// How the two batch extents become one batch and one loop.
struct Batches {
    int64_t count, outer;
    bool inner_is_second; ///< the batch runs over batch1, the loop over batch0
};

Batches batches_of(const GemmShape& s) {
    if (s.batch0 == 1) return {s.batch1, 1, true};
    if (s.batch1 == 1) return {s.batch0, 1, false};
    const auto contiguous = [&](const MatrixView& v) { return v.batch0 == v.batch1 * s.batch1; };
    if (contiguous(s.a) && contiguous(s.b) && contiguous(s.d)) return {s.batch0 * s.batch1, 1, true};
    // The loop on the host takes the shorter one.
    return s.batch1 >= s.batch0 ? Batches{s.batch1, s.batch0, true} : Batches{s.batch0, s.batch1, false};
}

} // namespace

std::optional<ProductLayout> product_layout(const GemmShape& s) {
    if (s.m < 1 || s.n < 1 || s.k < 1 || s.batch0 < 1 || s.batch1 < 1) return std::nullopt;
    const Batches batches = batches_of(s);
    const auto batch_stride = [&](const MatrixView& v) {
        if (batches.count == 1) return int64_t(0);
        return batches.inner_is_second ? v.batch1 : v.batch0;
    };
    const auto outer_stride = [&](const MatrixView& v) {
        if (batches.outer == 1) return int64_t(0);
        return batches.inner_is_second ? v.batch0 : v.batch1;
    };
    for (const MatrixView* v : {&s.a, &s.b, &s.d})
        if (batch_stride(*v) < 0 || outer_stride(*v) < 0) return std::nullopt;
    if ((batches.count > 1 && batch_stride(s.d) == 0) || (batches.outer > 1 && outer_stride(s.d) == 0))
        return std::nullopt; // several products into one place

    ProductLayout p;
    const auto d_transposed = stored(s.n, s.m, s.d.column, s.d.row, batch_stride(s.d));
    p.swapped = d_transposed && !d_transposed->transposed;
    if (!p.swapped && s.bias) return std::nullopt;
    std::optional<Stored> left, right, d;
    if (p.swapped) {
        left = stored(s.n, s.k, s.b.column, s.b.row, batch_stride(s.b));
        right = stored(s.k, s.m, s.a.column, s.a.row, batch_stride(s.a));
        d = d_transposed;
    } else {
        left = stored(s.m, s.k, s.a.row, s.a.column, batch_stride(s.a));
        right = stored(s.k, s.n, s.b.row, s.b.column, batch_stride(s.b));
        d = stored(s.m, s.n, s.d.row, s.d.column, batch_stride(s.d));
    }
    if (!left || !right || !d || d->transposed) return std::nullopt;
    p.transpose_left = left->transposed;
    p.transpose_right = right->transposed;
    p.left = left->matrix;
    p.right = right->matrix;
    p.d = d->matrix;
    p.batch_count = batches.count;
    p.outer_count = batches.outer;
    p.outer_left = outer_stride(p.swapped ? s.b : s.a);
    p.outer_right = outer_stride(p.swapped ? s.a : s.b);
    p.outer_d = outer_stride(s.d);
    return p;
}

} // namespace heat::kernels
