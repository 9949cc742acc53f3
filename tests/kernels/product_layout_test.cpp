#include "kernels/descriptions/product_layout.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

namespace heat::kernels {
namespace {

GemmShape product(int64_t m, int64_t n, int64_t k, MatrixView a, MatrixView b, MatrixView d) {
    GemmShape s;
    s.m = m;
    s.n = n;
    s.k = k;
    s.a = a;
    s.b = b;
    s.d = d;
    return s;
}

GemmShape batched(GemmShape s, int64_t batch0, int64_t batch1) {
    s.batch0 = batch0;
    s.batch1 = batch1;
    return s;
}

size_t elements_of(const GemmShape& s, const MatrixView& v, int64_t rows, int64_t columns) {
    return size_t((s.batch0 - 1) * v.batch0 + (s.batch1 - 1) * v.batch1 + (rows - 1) * v.row +
                  (columns - 1) * v.column + 1);
}

/// What BLAS computes for a layout, by its definition.
void interpret(const ProductLayout& p, const GemmShape& s, const float* a, const float* b, float* d,
               const float* bias) {
    const float* left = p.swapped ? b : a;
    const float* right = p.swapped ? a : b;
    const int64_t depth = p.transpose_left ? p.left.rows : p.left.columns;
    CHECK(depth == (p.transpose_right ? p.right.columns : p.right.rows));
    CHECK(p.d.rows == (p.transpose_left ? p.left.columns : p.left.rows));
    CHECK(p.d.columns == (p.transpose_right ? p.right.rows : p.right.columns));
    for (const BlasMatrix* m : {&p.left, &p.right, &p.d}) CHECK(m->leading >= m->rows);
    for (int64_t outer = 0; outer < p.outer_count; ++outer)
        for (int64_t i = 0; i < p.batch_count; ++i) {
            const float* l = left + outer * p.outer_left + i * p.left.batch_stride;
            const float* r = right + outer * p.outer_right + i * p.right.batch_stride;
            float* to = d + outer * p.outer_d + i * p.d.batch_stride;
            for (int64_t column = 0; column < p.d.columns; ++column)
                for (int64_t row = 0; row < p.d.rows; ++row) {
                    double sum = 0;
                    for (int64_t k = 0; k < depth; ++k)
                        sum +=
                            double(
                                l[p.transpose_left ? row * p.left.leading + k : k * p.left.leading + row]) *
                            double(r[p.transpose_right ? k * p.right.leading + column
                                                       : column * p.right.leading + k]);
                    float& out = to[column * p.d.leading + row];
                    out = float(s.alpha * sum) + (s.accumulate ? out : 0.f) + (bias ? bias[row] : 0.f);
                }
        }
}

/// The layout of a shape gives what our own product gives, and writes nowhere else.
void check_layout(const GemmShape& s) {
    INFO(s.m << "×" << s.n << "×" << s.k << " a " << s.a.row << "," << s.a.column << " b " << s.b.row << ","
             << s.b.column << " d " << s.d.row << " batches " << s.batch0 << "," << s.batch1);
    const auto a = reference::random_stored<float>(elements_of(s, s.a, s.m, s.k), 1).stored,
               b = reference::random_stored<float>(elements_of(s, s.b, s.k, s.n), 2).stored,
               bias = reference::random_stored<float>(size_t(s.n), 3).stored;
    auto own = reference::random_stored<float>(elements_of(s, s.d, s.m, s.n), 4).stored, interpreted = own;
    const auto layout = product_layout(s);
    REQUIRE(layout);
    const float* used_bias = s.bias ? bias.data() : nullptr;
    gemm_portable(Stream{}, s, a.data(), b.data(), own.data(), used_bias);
    interpret(*layout, s, a.data(), b.data(), interpreted.data(), used_bias);
    CHECK(reference::nmse(reference::widened(interpreted), reference::widened(own)) <= 1e-12);
}

GemmShape accumulated(GemmShape s) {
    s.accumulate = true;
    return s;
}
GemmShape biased(GemmShape s) {
    s.bias = true;
    return s;
}

} // namespace

TEST_SUITE("kernels") {
    TEST_CASE("product layout: linear layers, their gradients, and both halves of a concatenation") {
        for (const auto& [rows, inputs, outputs] :
             std::vector<std::array<int64_t, 3>>{{6, 5, 7}, {1, 5, 7}, {6, 1, 7}, {6, 5, 1}, {1, 1, 1}}) {
            const MatrixView x{inputs, 1}, w{inputs, 1}, wt{1, inputs}, y{outputs, 1}, yt{1, outputs};
            check_layout(biased(product(rows, outputs, inputs, x, wt, y)));
            check_layout(product(rows, inputs, outputs, y, w, x));
            check_layout(accumulated(product(outputs, inputs, rows, yt, x, w)));
            // The second part: columns of a wider weight, added.
            const int64_t wide = inputs + 4;
            check_layout(accumulated(product(rows, outputs, inputs, x, {1, wide}, y)));
            check_layout(accumulated(biased(product(rows, outputs, inputs, x, {1, wide}, y))));
            check_layout(product(rows, inputs, outputs, y, {wide, 1}, x));
            check_layout(accumulated(product(outputs, inputs, rows, yt, x, {wide, 1})));
        }
    }

    TEST_CASE("product layout: attention's six products") {
        for (const std::array<int64_t, 4>& e : std::vector<std::array<int64_t, 4>>{{3, 5, 4, 2},
                                                                                   {3, 5, 4, 1},
                                                                                   {1, 5, 4, 3},
                                                                                   {2, 1, 4, 2},
                                                                                   {2, 3, 1, 3},
                                                                                   {2, 3, 1, 1},
                                                                                   {1, 1, 1, 1}}) {
            const int64_t n = e[0], t = e[1], depth = e[2], heads = e[3];
            const int64_t c = depth * heads;
            const MatrixView rows{c, 1, t * c, depth}, transposed{1, c, t * c, depth},
                scores{t, 1, heads * t * t, t * t}, scores_transposed{1, t, heads * t * t, t * t};
            const auto check_one = [&](GemmShape s) {
                s.alpha = 0.25f;
                check_layout(batched(s, n, heads));
            };
            check_one(product(t, t, depth, rows, transposed, scores));
            check_one(product(t, depth, t, scores, rows, rows));
            check_one(product(t, depth, t, scores_transposed, rows, rows));
        }
        // Heads do not follow images at one distance: one batch over the images for each of two heads.
        const int64_t n = 8, t = 5, c = 6, heads = 2;
        const MatrixView rows{c, 1, t * c, 3}, transposed{1, c, t * c, 3}, scores{t, 1, heads * t * t, t * t};
        const auto p = product_layout(batched(product(t, t, 3, rows, transposed, scores), n, heads));
        REQUIRE(p);
        CHECK(p->batch_count == 8);
        CHECK(p->outer_count == 2);
        CHECK(p->outer_left == 3);
        CHECK(p->outer_d == 25);
        CHECK(p->left == BlasMatrix{3, 5, 6, 30}); // kᵀ read as it lies: columns are rows of k
        CHECK(p->transpose_left);
        CHECK(p->right == BlasMatrix{3, 5, 6, 30});
        CHECK_FALSE(p->transpose_right);
        CHECK(p->d == BlasMatrix{5, 5, 5, 50});
    }

    TEST_CASE("product layout: cosine transforms and unfolded convolutions") {
        const int64_t images = 3, height = 5, line = 8;
        for (const bool inverse : {false, true}) {
            GemmShape columns = product(height, line, height, {height, 1}, {line, 1}, {line, 1});
            if (inverse) columns.a = {1, height};
            columns.b.batch0 = columns.d.batch0 = height * line;
            check_layout(batched(columns, images, 1)); // one matrix for the whole batch
            const MatrixView b = inverse ? MatrixView{line, 1} : MatrixView{1, line};
            check_layout(product(images * height, line, line, {line, 1}, b, {line, 1}));
        }
        const int64_t positions = 12, width = 27, out = 5;
        check_layout(biased(product(positions, out, width, {width, 1}, {1, width}, {out, 1})));
        check_layout(product(positions, width, out, {out, 1}, {width, 1}, {width, 1}));
        check_layout(accumulated(product(out, width, positions, {1, out}, {width, 1}, {width, 1})));
    }

    TEST_CASE("product layout: values by hand") {
        // D = A·Bᵀ + bias, row-major, A 6 × 5, B 7 × 5: Dᵀ = B·Aᵀ, where memory holds Bᵀ and Aᵀ column-major.
        const auto p = product_layout(biased(product(6, 7, 5, {5, 1}, {1, 5}, {7, 1})));
        REQUIRE(p);
        CHECK(p->swapped);
        CHECK(p->transpose_left);
        CHECK_FALSE(p->transpose_right);
        CHECK(p->left == BlasMatrix{5, 7, 5, 0});
        CHECK(p->right == BlasMatrix{5, 6, 5, 0});
        CHECK(p->d == BlasMatrix{7, 6, 7, 0});
        CHECK(p->batch_count == 1);
        CHECK(p->outer_count == 1);

        // Two batch extents that lie at one distance are one batch.
        const MatrixView packed{4, 1, 24, 12};
        const auto flat = product_layout(batched(product(3, 4, 3, {3, 1, 18, 9}, packed, packed), 5, 2));
        REQUIRE(flat);
        CHECK(flat->batch_count == 10);
        CHECK(flat->outer_count == 1);
        CHECK(flat->d.batch_stride == 12);
        check_layout(batched(product(3, 4, 3, {3, 1, 18, 9}, packed, packed), 5, 2));
    }

    TEST_CASE("product layout: a column-major result is taken as it is, without a bias") {
        const GemmShape s = product(4, 3, 5, {5, 1}, {3, 1}, {1, 4});
        check_layout(s);
        CHECK_FALSE(product_layout(s)->swapped);
        CHECK_FALSE(product_layout(biased(s)));
    }

    TEST_CASE("product layout: what BLAS cannot say is left to our own product") {
        CHECK_FALSE(product_layout(product(3, 3, 3, {9, 2}, {3, 1}, {3, 1})));  // neither stride is 1
        CHECK_FALSE(product_layout(product(3, 3, 3, {2, 1}, {3, 1}, {3, 1})));  // rows overlap
        CHECK_FALSE(product_layout(product(3, 3, 3, {0, 1}, {3, 1}, {3, 1})));  // one row for all
        CHECK_FALSE(product_layout(product(3, 3, 3, {-3, 1}, {3, 1}, {3, 1}))); // backwards
        CHECK_FALSE(product_layout(batched(product(3, 3, 3, {3, 1}, {3, 1}, {3, 1}), 2, 1))); // one D for two
        CHECK_FALSE(product_layout(product(3, 3, 0, {3, 1}, {3, 1}, {3, 1})));
    }
}

} // namespace heat::kernels
