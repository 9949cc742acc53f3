#include "kernels/error.h"
#include "kernels/transform.h"
#include "kernels/transform/by_products.h"
#include "kernels/transform/fftw.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/transform.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace heat::kernels {
namespace {

struct Size {
    int images, height, width, channels;
};

constexpr Size sizes[] = {{2, 1, 1, 1},   {3, 1, 7, 1},   {2, 7, 1, 3},   {3, 2, 2, 4},   {2, 2, 3, 1},
                          {3, 5, 11, 3},  {1, 13, 17, 1}, {2, 13, 17, 3}, {5, 28, 28, 1}, {2, 28, 28, 3},
                          {2, 31, 32, 4}, {1, 64, 48, 1}, {3, 32, 32, 3}, {1, 96, 20, 1}};
constexpr TransformKind kinds[] = {TransformKind::dct1,           TransformKind::dct2,
                                   TransformKind::dct3,           TransformKind::dst1,
                                   TransformKind::trapezoid_dct1, TransformKind::trapezoid_dct1_inverse};
constexpr TransformMethod methods[] = {TransformMethod::automatic, TransformMethod::matrix,
                                       TransformMethod::fft};

size_t count_of(Size s) {
    return size_t(s.images) * size_t(s.height) * size_t(s.width) * size_t(s.channels);
}

/// Largest error over the largest value expected.
template <class T>
double relative_error(const std::vector<T>& actual, const std::vector<double>& expected) {
    double largest = 0;
    for (const double value : expected) largest = std::max(largest, std::abs(value));
    return reference::largest_error(std::vector<double>(actual.begin(), actual.end()), expected) / largest;
}

template <class T>
constexpr double limit = sizeof(T) == 4 ? 1e-6 : 1e-13;

template <class T>
std::vector<T> transformed(const Stream& stream, TransformKind kind, const std::vector<T>& values, Size s,
                           TransformMethod method, bool in_place) {
    DeviceArray<T> x(stream, values), y(stream, values.size());
    DeviceArray<T> workspace(stream, size_t(transform_workspace_elements<T>(stream, kind, s.images, s.height,
                                                                            s.width, s.channels, method)));
    T* to = in_place ? x.data() : y.data();
    transform(stream, kind, x.data(), to, s.images, s.height, s.width, s.channels, workspace.data(), method);
    return in_place ? x.host() : y.host();
}

template <class T>
void check(const Stream& stream, TransformKind kind, Size s, TransformMethod method) {
    INFO("kind " << int(kind) << ", method " << int(method) << ", " << sizeof(T) << " bytes, on CUDA "
                 << stream.on_cuda << ", " << s.images << "×" << s.height << "×" << s.width << "×"
                 << s.channels);
    const std::vector<double> random = reference::random_values(count_of(s), 5);
    const std::vector<T> values(random.begin(), random.end());
    const std::vector<double> exact(values.begin(), values.end());
    const std::vector<T> y = transformed(stream, kind, values, s, method, false);
    CHECK(relative_error(y, reference::transform(kind, exact, s.height, s.width, s.channels)) < limit<T>);
    CHECK(transformed(stream, kind, values, s, method, true) == y);
    CHECK(relative_error(transformed(stream, inverse_of(kind), y, s, method, false), exact) < limit<T>);
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("transform: every kind and method at every size, its inverse, and in place") {
    for (const Stream& stream : test_streams())
        for (const TransformKind kind : kinds)
            for (const TransformMethod method : methods)
                for (const Size& size : sizes) {
                    check<float>(stream, kind, size, method);
                    check<double>(stream, kind, size, method);
                }
}

TEST_CASE("transform: by products with whole matrices") {
    for (const Stream& stream : test_streams())
        for (const TransformKind kind : kinds)
            for (const Size& s : sizes) {
                const auto values = reference::random_stored<float>(count_of(s), 7);
                const std::vector<double> expected =
                    reference::transform(kind, values.exact, s.height, s.width, s.channels);
                DeviceArray<float> x(stream, values.stored), workspace(stream, count_of(s));
                transform_by_products(stream, kind, x.data(), x.data(), s.images, s.height, s.width,
                                      s.channels, workspace.data());
                CHECK(relative_error(x.host(), expected) < limit<float>);
                DeviceArray<double> x64(stream, values.exact), workspace64(stream, count_of(s));
                transform_by_products(stream, kind, x64.data(), x64.data(), s.images, s.height, s.width,
                                      s.channels, workspace64.data());
                CHECK(relative_error(x64.host(), expected) < limit<double>);
            }
}

TEST_CASE("transform: every length that codelets or halving know, and their neighbours") {
    for (const int n :
         {3, 4, 5, 6, 8, 9, 10, 12, 14, 15, 16, 18, 20, 24, 36, 40, 56, 64, 65, 72, 80, 112, 128, 129, 144})
        for (const TransformKind kind : {TransformKind::dct2, TransformKind::dct3}) {
            check<float>({}, kind, {1, n, 2, 1}, TransformMethod::fft);
            check<double>({}, kind, {1, 2, n, 1}, TransformMethod::fft);
        }
}

TEST_CASE("transform: an image divided among threads has the bits of one that is not") {
    // Fewer images than threads are divided, and images beyond a core's cache always are.
    for (const Size& s : {Size{1, 100, 120, 3}, Size{1, 384, 352, 1}}) {
        const auto values = reference::random_stored<float>(count_of(s), 8);
        const auto alone =
            transformed({}, TransformKind::dct2, values.stored, s, TransformMethod::automatic, false);
        CHECK(relative_error(alone, reference::transform(TransformKind::dct2, values.exact, s.height, s.width,
                                                         s.channels)) < limit<float>);
        std::vector<float> many;
        for (int i = 0; i < 4; ++i) many.insert(many.end(), values.stored.begin(), values.stored.end());
        Size together = s;
        together.images = 4;
        const auto all =
            transformed({}, TransformKind::dct2, many, together, TransformMethod::automatic, true);
        CHECK(std::equal(alone.begin(), alone.end(), all.begin() + long(3 * count_of(s))));
    }
}

TEST_CASE("transform: one large image by a library's threads") {
    const Size large{1, 190, 178, 1};
    for (const TransformKind kind : kinds) {
        check<float>({}, kind, large, TransformMethod::fft);
        check<double>({}, kind, large, TransformMethod::fft);
    }
    // Whatever FFTW computes needs no scratch of ours.
    const auto scratch = [&](TransformMethod method) {
        return transform_workspace_elements<float>({}, TransformKind::dst1, 1, 190, 178, 1, method);
    };
    CHECK(scratch(TransformMethod::matrix) > 0);
    CHECK(scratch(TransformMethod::fft) == (fftw::description() ? 0 : scratch(TransformMethod::matrix)));
}

TEST_CASE("transform: an image's result does not depend on its batch") {
    for (const TransformMethod method : methods) {
        const Size together{5, 12, 20, 3}, alone{1, 12, 20, 3};
        const auto values = reference::random_stored<float>(count_of(together), 6).stored;
        const auto y = transformed({}, TransformKind::dct2, values, together, method, false);
        const auto n = long(count_of(alone));
        for (long i = 0; i < 5; ++i) {
            const std::vector<float> image(values.begin() + i * n, values.begin() + (i + 1) * n);
            const auto one = transformed({}, TransformKind::dct2, image, alone, method, false);
            CHECK(std::equal(one.begin(), one.end(), y.begin() + i * n));
        }
    }
}

TEST_CASE("transform: no images are no work, and sizes below one are refused") {
    float x = 7.f;
    transform({}, TransformKind::dct2, &x, &x, 0, 3, 3, 1, &x);
    CHECK(x == 7.f);
    CHECK_THROWS_AS(transform({}, TransformKind::dct2, &x, &x, 1, 0, 3, 1, &x), Error);
    CHECK_THROWS_AS(transform({}, TransformKind::dst1, &x, &x, 1, 3, 3, 0, &x), Error);
}

TEST_SUITE_END();

} // namespace heat::kernels
