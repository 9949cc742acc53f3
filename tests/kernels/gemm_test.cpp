#include "kernels/gemm.h"
#include "kernels/math_mode.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/gemm.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

namespace heat::kernels {
namespace {

struct Case {
    int m, n, k;
    bool transpose_a = false, transpose_b = false, accumulate = false, bias = false;
    int batch0 = 1, batch1 = 1;
    float alpha = 1.f;
};

using Product = void (*)(const Stream&, const GemmShape&, const void*, const void*, void*, const float*);

template <class In, class Out>
void check_case(const Case& c, Product product, const Stream& stream,
                double tolerance = reference::tolerance<Out>) {
    INFO(c.m << "×" << c.n << "×" << c.k << " batch " << c.batch0 << "," << c.batch1 << " ta "
             << c.transpose_a << " tb " << c.transpose_b);
    const size_t batches = size_t(c.batch0) * size_t(c.batch1), a_size = size_t(c.m) * c.k,
                 b_size = size_t(c.k) * c.n, d_size = size_t(c.m) * c.n;
    const auto a = reference::random_stored<In>(batches * a_size, 1),
               b = reference::random_stored<In>(batches * b_size, 2);
    const auto d = reference::random_stored<Out>(batches * d_size, 3);
    const auto bias = reference::random_stored<float>(size_t(c.n), 4);

    GemmShape s;
    s.m = c.m;
    s.n = c.n;
    s.k = c.k;
    s.batch0 = c.batch0;
    s.batch1 = c.batch1;
    // Batches lie one after the other, the second index innermost.
    s.a = c.transpose_a ? MatrixView{1, c.m, int64_t(a_size) * c.batch1, int64_t(a_size)}
                        : MatrixView{c.k, 1, int64_t(a_size) * c.batch1, int64_t(a_size)};
    s.b = c.transpose_b ? MatrixView{1, c.k, int64_t(b_size) * c.batch1, int64_t(b_size)}
                        : MatrixView{c.n, 1, int64_t(b_size) * c.batch1, int64_t(b_size)};
    s.d = {c.n, 1, int64_t(d_size) * c.batch1, int64_t(d_size)};
    s.input = sizeof(In) == 2 ? Dtype::bf16 : Dtype::f32;
    s.output = sizeof(Out) == 2 ? Dtype::bf16 : Dtype::f32;
    s.alpha = c.alpha;
    s.accumulate = c.accumulate;
    s.bias = c.bias;

    DeviceArray<In> device_a(stream, a.stored), device_b(stream, b.stored);
    DeviceArray<Out> device_d(stream, d.stored);
    DeviceArray<float> device_bias(stream, bias.stored);
    product(stream, s, device_a.data(), device_b.data(), device_d.data(),
            c.bias ? device_bias.data() : nullptr);

    std::vector<double> expected;
    for (size_t i = 0; i < batches; ++i) {
        const auto part = [&](const std::vector<double>& v, size_t each) {
            return std::vector<double>(v.begin() + long(i * each), v.begin() + long((i + 1) * each));
        };
        std::vector<double> y = reference::gemm(c.m, c.n, c.k, part(a.exact, a_size), part(b.exact, b_size),
                                                c.transpose_a, c.transpose_b);
        for (size_t j = 0; j < y.size(); ++j) {
            y[j] *= c.alpha;
            if (c.bias) y[j] += bias.exact[j % size_t(c.n)];
            if (c.accumulate) y[j] += d.exact[i * d_size + j];
        }
        expected.insert(expected.end(), y.begin(), y.end());
    }
    CHECK(reference::nmse(reference::widened(device_d.host()), expected) <= tolerance);
}

const std::vector<Case> cases{
    {1, 1, 1},
    {7, 5, 3},
    {33, 65, 70},
    {64, 48, 130, true, false},
    {5, 67, 33, false, true},
    {13, 17, 19, true, true},
    {12, 20, 8, false, true, true, true},
    {9, 4, 31, false, false, true},
    {6, 10, 7, false, true, false, true},
    {7, 7, 5, false, true, false, false, 3, 2, 0.25f},
    {11, 3, 6, true, false, true, false, 2, 1, 2.f},
};

void check_all(Product product) {
    for (const Stream& stream : test_streams())
        for (const Case& c : cases) {
            check_case<float, float>(c, product, stream);
            check_case<bf16, bf16>(c, product, stream);
            check_case<bf16, float>(c, product, stream);
        }
}

} // namespace

TEST_SUITE("kernels") {
    TEST_CASE("gemm: the library's product, any strides, batches and epilogues") {
        check_all(gemm);
    }
    TEST_CASE("gemm: our own product") {
        check_all(gemm_portable);
    }
    TEST_CASE("gemm: TF32 where it is allowed") {
        const MathMode before = math_mode();
        set_math_mode({.tf32 = true});
        for (const Stream& stream : test_streams())
            for (const Case& c : cases) // factors of 11 bits on a GPU, f32 on the CPU
                check_case<float, float>(c, gemm, stream, stream.on_cuda ? 1e-6 : 1e-7);
        set_math_mode(before);
    }
    TEST_CASE("gemm: one matrix shared by a batch") {
        const auto a = reference::random_stored<float>(6, 1),
                   b = reference::random_stored<float>(4 * 3 * 5, 2);
        GemmShape s; // D[i] = A·B[i], A 2×3, four B of 3×5
        s.m = 2;
        s.n = 5;
        s.k = 3;
        s.batch0 = 4;
        s.a = {3, 1, 0, 0};
        s.b = {5, 1, 15, 0};
        s.d = {5, 1, 10, 0};
        for (const auto product : {gemm, gemm_portable}) {
            std::vector<float> d(40);
            product(Stream{}, s, a.stored.data(), b.stored.data(), d.data(), nullptr);
            for (size_t i = 0; i < 4; ++i) {
                const std::vector<double> part(b.exact.begin() + long(i) * 15,
                                               b.exact.begin() + long(i + 1) * 15);
                const std::vector<float> got(d.begin() + long(i) * 10, d.begin() + long(i + 1) * 10);
                CHECK(reference::nmse(reference::widened(got), reference::gemm(2, 5, 3, a.exact, part)) <=
                      1e-7);
            }
        }
    }
    TEST_CASE("gemm: an inner extent of zero gives zero or leaves what is there") {
        GemmShape s;
        s.m = s.n = 2;
        s.a = {1, 1};
        s.b = s.d = {2, 1};
        float d[4] = {1, 2, 3, 4};
        s.accumulate = true;
        gemm(Stream{}, s, nullptr, nullptr, d);
        CHECK(d[3] == 4.f);
        s.accumulate = false;
        gemm(Stream{}, s, nullptr, nullptr, d);
        CHECK(d[3] == 0.f);
    }
    TEST_CASE("gemm: impossible requests are refused") {
        GemmShape s;
        s.m = -1;
        CHECK_THROWS_AS(gemm(Stream{}, s, nullptr, nullptr, nullptr), Error);
        s.m = s.n = s.k = 1;
        s.bias = true;
        CHECK_THROWS_AS(gemm(Stream{}, s, nullptr, nullptr, nullptr), Error);
    }
}

} // namespace heat::kernels
