#include "kernels/scale_shift.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/activation.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::kernels;

namespace {

constexpr int images = 3;

/// dx and dm by the definition, from u and silu' of each element.
struct Gradients {
    std::vector<double> x, m;
};

Gradients gradients(const std::vector<double>& x, const std::vector<double>& m, const std::vector<double>& dy,
                    int rows, int channels) {
    Gradients d{{}, std::vector<double>(m.size(), 0.)};
    for (size_t i = 0; i < x.size(); ++i) {
        const size_t n = i / size_t(rows * channels), c = i % size_t(channels);
        const size_t scale = 2 * n * size_t(channels) + c, shift = scale + size_t(channels);
        const double g = dy[i] * reference::silu_derivative(x[i] * (1 + m[scale]) + m[shift]);
        d.x.push_back(g * (1 + m[scale]));
        d.m[scale] += g * x[i];
        d.m[shift] += g;
    }
    return d;
}

template <class T>
void check() {
    constexpr double allowed = reference::tolerance<T>;
    for (const Stream& stream : test_streams())
        for (const int rows : {1, 35, 131})
            for (const int channels : {1, 7, 64, 100}) {
                CAPTURE(stream.on_cuda);
                CAPTURE(rows);
                CAPTURE(channels);
                const size_t n = size_t(images) * rows * channels;
                const auto x = reference::random_stored<T>(n, 1), dy = reference::random_stored<T>(n, 2);
                const auto m = reference::random_stored<float>(size_t(images) * 2 * channels, 3);
                DeviceArray<T> in(stream, x.stored), given(stream, dy.stored), out(stream, n);
                DeviceArray<float> modulation(stream, m.stored), dm(stream, m.stored.size());

                scale_shift_silu_forward(stream, in.data(), modulation.data(), out.data(), images, rows,
                                         channels);
                CHECK(reference::nmse(
                          reference::widened(out.host()),
                          reference::scale_shift_silu(x.exact, m.exact, images, rows, channels)) <= allowed);
                scale_shift_silu_backward(stream, in.data(), modulation.data(), given.data(), out.data(),
                                          dm.data(), images, rows, channels);
                const Gradients expected = gradients(x.exact, m.exact, dy.exact, rows, channels);
                CHECK(reference::nmse(reference::widened(out.host()), expected.x) <= allowed);
                CHECK(reference::nmse(reference::widened(dm.host()), expected.m) <= 1e-7);
            }
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("scale_shift: forward and gradients, f32") {
    check<float>();
}
TEST_CASE("scale_shift: forward and gradients, bf16") {
    check<bf16>();
}
