#include "kernels/reduce.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>

#if defined(_OPENMP)
#include <omp.h>
#endif

using namespace heat;
using namespace heat::kernels;

namespace {

float sum_of_squares_of(const Stream& stream, const std::vector<float>& values) {
    DeviceArray<float> x(stream, values), out(stream, 1);
    DeviceArray<float> workspace(stream, size_t(reduce_workspace_floats(int64_t(values.size()))));
    sum_of_squares(stream, x.data(), int64_t(values.size()), out.data(), workspace.data());
    return out.host()[0];
}

template <class T>
void check_error(const Stream& stream, size_t images, size_t elements, bool weighted, bool squared) {
    CAPTURE(stream.on_cuda);
    CAPTURE(images);
    CAPTURE(elements);
    CAPTURE(weighted);
    CAPTURE(squared);
    const size_t n = images * elements;
    const auto p = reference::random_stored<T>(n, 1);
    const auto t = reference::random_stored<float>(n, 2);
    const auto w = reference::random_stored<float>(weighted ? images : 0, 3, 1., 0.25);
    const float scale = 0.125f, upstream = 1.5f;
    double loss = 0.;
    std::vector<double> per_image(images), gradient(n);
    for (size_t i = 0; i < images; ++i) {
        const double weight = weighted ? w.exact[i] : 1.;
        for (size_t e = i * elements; e < (i + 1) * elements; ++e) {
            const double d = p.exact[e] - t.exact[e], sign = double(d > 0) - double(d < 0);
            per_image[i] += squared ? d * d : std::abs(d);
            gradient[e] = upstream * scale * weight * (squared ? 2. * d : sign);
        }
        loss += scale * weight * per_image[i];
    }
    DeviceArray<T> prediction(stream, p.stored), d_prediction(stream, n);
    DeviceArray<float> target(stream, t.stored), weight(stream, w.stored), up(stream, {upstream});
    DeviceArray<float> loss_out(stream, 1), per_image_out(stream, images);
    DeviceArray<float> workspace(stream, size_t(reduce_workspace_floats(int64_t(n))));
    const LossKind kind = squared ? LossKind::squared : LossKind::absolute;
    weighted_error(stream, kind, prediction.data(), target.data(), weight.data(), scale, int(images),
                   int64_t(elements), loss_out.data(), per_image_out.data(), workspace.data());
    CHECK(reference::nmse(reference::widened(loss_out.host()), {loss}) <= 1e-9);
    DeviceArray<float> alone(stream, 1);
    weighted_sum(stream, per_image_out.data(), weight.data(), scale, int(images), alone.data());
    CHECK(reference::nmse(reference::widened(alone.host()), {loss}) <= 1e-9);
    CHECK(reference::nmse(reference::widened(per_image_out.host()), per_image) <= 1e-9);
    weighted_error_backward(stream, kind, prediction.data(), target.data(), weight.data(), scale, up.data(),
                            int(images), int64_t(elements), d_prediction.data());
    CHECK(reference::nmse(reference::widened(d_prediction.host()), gradient) <= reference::tolerance<T>);
}

template <class T>
void check_column_sums(const Stream& stream, int rows, int columns) {
    CAPTURE(stream.on_cuda);
    CAPTURE(rows);
    CAPTURE(columns);
    const auto x = reference::random_stored<T>(size_t(rows) * columns, 1, 0.5);
    const auto start = reference::random_stored<float>(size_t(columns), 2, 3.);
    std::vector<double> expected = start.exact;
    for (size_t i = 0; i < x.exact.size(); ++i) expected[i % size_t(columns)] += x.exact[i];
    DeviceArray<T> in(stream, x.stored);
    DeviceArray<float> out(stream, start.stored);
    DeviceArray<float> workspace(stream, size_t(column_sums_workspace_floats(rows, columns)));
    column_sums(stream, in.data(), rows, columns, out.data(), workspace.data());
    CHECK(reference::nmse(reference::widened(out.host()), expected) <= 1e-7);
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("reduce: sum of squares") {
    for (const Stream& stream : test_streams()) {
        for (const size_t n : {1, 7, 16384, 16385, 100003}) {
            CAPTURE(stream.on_cuda);
            CAPTURE(n);
            const auto x = reference::random_stored<float>(n, 1);
            double expected = 0.;
            for (const double v : x.exact) expected += v * v;
            CHECK(sum_of_squares_of(stream, x.stored) == doctest::Approx(expected).epsilon(2e-5));
        }
    }
}

TEST_CASE("reduce: weighted squared and absolute errors and their gradients") {
    for (const Stream& stream : test_streams())
        for (const bool squared : {false, true})
            for (const bool weighted : {false, true}) {
                for (const size_t elements : {1, 7, 784, 16385, 40000}) {
                    check_error<float>(stream, 3, elements, weighted, squared);
                    check_error<bf16>(stream, 3, elements, weighted, squared);
                }
                check_error<float>(stream, 301, 2, weighted, squared);
            }
}

TEST_CASE("reduce: the absolute error has no gradient where nothing is wrong") {
    for (const Stream& stream : test_streams()) {
        DeviceArray<float> x(stream, std::vector<float>{1.f, 2.f}), up(stream, std::vector<float>{1.f}),
            d(stream, 2);
        weighted_error_backward(stream, LossKind::absolute, x.data(), x.data(),
                                static_cast<const float*>(nullptr), 1.f, up.data(), 1, 2, d.data());
        CHECK(d.host() == std::vector<float>{0.f, 0.f});
    }
}

TEST_CASE("reduce: column sums") {
    for (const Stream& stream : test_streams()) {
        for (const int columns : {1, 3, 17, 64, 83, 130}) {
            for (const int rows : {1, 63, 129, 1009}) {
                check_column_sums<float>(stream, rows, columns);
                check_column_sums<bf16>(stream, rows, columns);
            }
        }
        check_column_sums<float>(stream, 20011, 5);
    }
}

#if defined(_OPENMP)
TEST_CASE("reduce: the number of threads does not change a bit") {
    const auto x = reference::stored<float>(reference::random_values(200003, 1));
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    const float one = sum_of_squares_of(Stream{}, x);
    omp_set_num_threads(3);
    const float three = sum_of_squares_of(Stream{}, x);
    omp_set_num_threads(before);
    CHECK(one == three);
}
#endif

TEST_SUITE_END();
