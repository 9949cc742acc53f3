#include "kernels/resample.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/resample.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::kernels;

namespace {

struct Size {
    int n, h, w, c; ///< of the coarse image
};
constexpr Size sizes[] = {{1, 1, 1, 1}, {2, 3, 5, 1}, {3, 1, 7, 3}, {1, 7, 2, 17}, {2, 4, 4, 64}};

template <class T>
void check_resample() {
    for (const Stream& stream : test_streams()) {
        for (const Size& s : sizes) {
            const int n = s.n, h = s.h, w = s.w, c = s.c;
            CAPTURE(stream.on_cuda);
            CAPTURE(w);
            CAPTURE(c);
            const size_t size = size_t(n) * h * w * c;
            const auto small = reference::random_stored<T>(size, 1),
                       large = reference::random_stored<T>(4 * size, 2);
            DeviceArray<T> coarse(stream, small.stored), fine(stream, large.stored);
            DeviceArray<T> to_fine(stream, 4 * size), to_coarse(stream, size);
            const auto matches = [](const DeviceArray<T>& actual, const std::vector<double>& expected) {
                return reference::nmse(reference::widened(actual.host()), expected) <=
                       reference::tolerance<T>;
            };

            upsample_nearest_forward(stream, coarse.data(), to_fine.data(), n, h, w, c);
            CHECK(reference::widened(to_fine.host()) ==
                  reference::upsample_nearest_forward(small.exact, n, h, w, c));
            upsample_nearest_backward(stream, fine.data(), to_coarse.data(), n, h, w, c);
            CHECK(matches(to_coarse, reference::upsample_nearest_backward(large.exact, n, h, w, c)));

            average_pool_forward(stream, fine.data(), to_coarse.data(), n, 2 * h, 2 * w, c);
            CHECK(matches(to_coarse, reference::average_pool_forward(large.exact, n, 2 * h, 2 * w, c)));
            average_pool_backward(stream, coarse.data(), to_fine.data(), n, 2 * h, 2 * w, c);
            CHECK(matches(to_fine, reference::average_pool_backward(small.exact, n, 2 * h, 2 * w, c)));
        }
    }
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("resample: up-sampling and average pooling, f32") {
    check_resample<float>();
}
TEST_CASE("resample: up-sampling and average pooling, bf16") {
    check_resample<bf16>();
}

TEST_SUITE_END();
