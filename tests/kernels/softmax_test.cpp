#include "kernels/softmax.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/activation.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heat;
using namespace heat::kernels;

namespace {

struct Size {
    int rows, columns;
};
constexpr Size sizes[] = {{1, 1}, {3, 1}, {1, 2}, {5, 7}, {7, 49}, {2, 257}, {3, 1024}};

template <class T>
void check_softmax() {
    for (const Stream& stream : test_streams()) {
        for (const Size& size : sizes) {
            const int rows = size.rows, columns = size.columns;
            CAPTURE(stream.on_cuda);
            CAPTURE(rows);
            CAPTURE(columns);
            const size_t n = size_t(rows) * columns;
            const auto x = reference::random_stored<float>(n, 1, 20., 4.); // exp(x) itself would lose digits
            DeviceArray<float> scores(stream, x.stored);
            DeviceArray<T> y(stream, n), dx(stream, n);
            softmax_forward(stream, scores.data(), y.data(), rows, columns);
            const std::vector<double> expected = reference::softmax_forward(x.exact, rows, columns);
            CHECK(reference::nmse(reference::widened(y.host()), expected) <= reference::tolerance<T>);

            const auto dy = reference::random_stored<float>(n, 2);
            const auto saved = reference::widened(y.host());
            DeviceArray<float> upstream(stream, dy.stored);
            softmax_backward(stream, y.data(), upstream.data(), dx.data(), rows, columns);
            const std::vector<double> d_expected =
                reference::softmax_backward(saved, dy.exact, rows, columns);
            const std::vector<double> d_actual = reference::widened(dx.host());
            if (columns == 1) // all that is expected is 0
                CHECK(reference::largest_error(d_actual, d_expected) < 1e-6);
            else
                CHECK(reference::nmse(d_actual, d_expected) <= reference::tolerance<T>);
        }
    }
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("softmax: forward and backward, f32") {
    check_softmax<float>();
}
TEST_CASE("softmax: forward and backward, bf16") {
    check_softmax<bf16>();
}

TEST_CASE("softmax: in place, and rows with far-off and masked scores") {
    for (const Stream& stream : test_streams()) {
        DeviceArray<float> x(stream, {1000.f, 1000.f, -1000.f, -1e30f, -INFINITY, 5.f});
        softmax_forward(stream, x.data(), x.data(), 2, 3);
        CHECK(reference::largest_error(reference::widened(x.host()), {0.5, 0.5, 0., 0., 0., 1.}) < 1e-7);
    }
}

TEST_SUITE_END();
