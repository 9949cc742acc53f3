#include "kernels/elementwise.h"
#include "kernels/philox.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/activation.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heat;
using namespace heat::kernels;

namespace {

constexpr size_t sizes[] = {1, 7, 64, 1009, 8209, 10007};

template <class T>
double error(const DeviceArray<T>& actual, const std::vector<double>& expected) {
    return reference::nmse(reference::widened(actual.host()), expected);
}

template <class T>
void check_maps() {
    constexpr double allowed = reference::tolerance<T>;
    for (const Stream& stream : test_streams()) {
        for (const size_t n : sizes) {
            CAPTURE(stream.on_cuda);
            CAPTURE(n);
            const auto x = reference::random_stored<T>(n, 1, 0., 3.), z = reference::random_stored<T>(n, 2);
            DeviceArray<T> a(stream, x.stored), b(stream, z.stored), y(stream, n);
            const auto count = int64_t(n);

            silu_forward(stream, a.data(), y.data(), count);
            CHECK(error(y, reference::silu_forward(x.exact)) <= allowed);
            silu_backward(stream, a.data(), b.data(), y.data(), count);
            CHECK(error(y, reference::silu_backward(x.exact, z.exact)) <= allowed);

            std::vector<double> scaled, combined, summed;
            const auto start = reference::random_stored<float>(n, 3);
            for (size_t i = 0; i < n; ++i) {
                scaled.push_back(x.exact[i] * double(0.3f));
                combined.push_back(double(0.3f) * x.exact[i] + double(-1.7f) * z.exact[i]);
                summed.push_back(start.exact[i] + x.exact[i]);
            }
            scale(stream, a.data(), 0.3f, y.data(), count);
            CHECK(error(y, scaled) <= allowed);
            linear_combination(stream, 0.3f, a.data(), -1.7f, b.data(), y.data(), count);
            CHECK(error(y, combined) <= allowed);
            DeviceArray<float> sum(stream, start.stored);
            accumulate(stream, a.data(), sum.data(), count);
            CHECK(error(sum, summed) <= 1e-7);

            linear_combination(stream, 0.3f, a.data(), -1.7f, b.data(), b.data(), count); // y may be an input
            CHECK(error(b, combined) <= allowed);
        }
    }
}

template <class T>
void check_add_per_channel() {
    const int images = 3;
    for (const Stream& stream : test_streams()) {
        for (const int rows : {1, 35, 64, 131}) {
            for (const int channels : {1, 7, 64}) {
                CAPTURE(stream.on_cuda);
                CAPTURE(rows);
                CAPTURE(channels);
                const size_t n = size_t(images) * rows * channels;
                const auto x = reference::random_stored<T>(n, 1);
                const auto shift = reference::random_stored<T>(size_t(images) * channels, 2);
                std::vector<double> expected;
                for (size_t i = 0; i < n; ++i)
                    expected.push_back(x.exact[i] +
                                       shift.exact[i / channels / rows * channels + i % channels]);
                DeviceArray<T> in(stream, x.stored), add(stream, shift.stored), y(stream, n);
                add_per_channel(stream, in.data(), add.data(), y.data(), images, rows, channels);
                CHECK(error(y, expected) <= reference::tolerance<T>);
            }
        }
    }
}

/// Which elements dropout keeps, by the definition.
bool kept(uint32_t image, size_t e, float rate, uint32_t layer) {
    const PhiloxBlock bits =
        philox4x32_10(uint32_t(e / 4), image, 9, purpose_word(Purpose::dropout, layer), 21, 22);
    return uniform_from_bits(bits.v[e % 4]) >= rate;
}

template <class T>
void check_dropout() {
    for (const Stream& stream : test_streams()) {
        DeviceArray<uint32_t> state(stream, {21, 22, 9});
        for (const size_t elements : {1, 3, 4, 1003, 8197}) {
            CAPTURE(stream.on_cuda);
            CAPTURE(elements);
            const size_t images = 3;
            const auto x = reference::random_stored<T>(images * elements, 1);
            DeviceArray<T> in(stream, x.stored), out(stream, images * elements);
            dropout(stream, in.data(), out.data(), int64_t(images), int64_t(elements), 0.25f, state.data(), 5,
                    40);
            std::vector<double> expected;
            for (size_t i = 0; i < images; ++i)
                for (size_t e = 0; e < elements; ++e)
                    expected.push_back(kept(uint32_t(40 + i), e, 0.25f, 5) ? x.exact[i * elements + e] / 0.75
                                                                           : 0.);
            CHECK(error(out, expected) <= reference::tolerance<T>);
            dropout(stream, in.data(), out.data(), int64_t(images), int64_t(elements), 0.f, state.data(), 5,
                    40);
            CHECK(reference::widened(out.host()) == x.exact);
        }
    }
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("elementwise: maps, f32") {
    check_maps<float>();
}
TEST_CASE("elementwise: maps, bf16") {
    check_maps<bf16>();
}

TEST_CASE("elementwise: a shift per channel, f32") {
    check_add_per_channel<float>();
}
TEST_CASE("elementwise: a shift per channel, bf16") {
    check_add_per_channel<bf16>();
}

TEST_CASE("elementwise: fill, and buffers that begin inside another") {
    for (const Stream& stream : test_streams()) {
        for (const size_t n : sizes) {
            CAPTURE(stream.on_cuda);
            CAPTURE(n);
            const auto x = reference::random_stored<bf16>(n + 1, 1);
            DeviceArray<float> y(stream, std::vector<float>(n + 3, 1.f));
            DeviceArray<bf16> in(stream, x.stored);
            fill(stream, y.data() + 1, 2.f, int64_t(n));
            accumulate(stream, in.data() + 1, y.data() + 1, int64_t(n));
            std::vector<double> expected{1.};
            for (size_t i = 0; i < n; ++i) expected.push_back(double(float(2. + x.exact[i + 1])));
            expected.insert(expected.end(), 2, 1.);
            CHECK(reference::widened(y.host()) == expected);
        }
    }
}

TEST_CASE("elementwise: casts round to nearest even and keep what is not finite") {
    const std::vector<float> x{1.f,
                               1.00390625f,   // 1 + 2^-8: half way, to the even 1
                               1.01171875f,   // 1 + 3·2^-8: half way, to the even 1 + 2^-6
                               1.0039063692f, // just past half way
                               -3.14159f,
                               3.4e38f, // past the largest bf16
                               1e-40f,  // subnormal
                               INFINITY,      -INFINITY, NAN};
    const std::vector<uint16_t> bits{0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xc049, 0x7f80, 0x0001, 0x7f80, 0xff80};
    for (const Stream& stream : test_streams()) {
        CAPTURE(stream.on_cuda);
        DeviceArray<float> in(stream, x), back(stream, x.size());
        DeviceArray<bf16> narrow(stream, x.size());
        cast(stream, in.data(), narrow.data(), int64_t(x.size()));
        const std::vector<bf16> result = narrow.host();
        for (size_t i = 0; i < bits.size(); ++i) {
            CAPTURE(i);
            CHECK(result[i].bits == bits[i]);
        }
        cast(stream, narrow.data(), back.data(), int64_t(x.size()));
        CHECK(back.host()[4] == -3.140625f);
        CHECK(std::isnan(back.host()[9]));
    }
}

TEST_CASE("elementwise: dropout, f32") {
    check_dropout<float>();
}
TEST_CASE("elementwise: dropout, bf16") {
    check_dropout<bf16>();
}

TEST_CASE("elementwise: dropout drops its share, independently of layer and step") {
    const size_t n = 100000;
    const std::vector<float> ones(n, 1.f);
    const auto dropped = [&](uint32_t step, uint32_t layer) {
        const std::vector<uint32_t> state{1, 2, step};
        std::vector<float> y(n);
        dropout(Stream{}, ones.data(), y.data(), 1, int64_t(n), 0.1f, state.data(), layer, 0);
        return y;
    };
    const std::vector<float> y = dropped(0, 0), other_layer = dropped(0, 1), other_step = dropped(1, 0);
    size_t zeros = 0, both_layers = 0, both_steps = 0;
    for (size_t i = 0; i < n; ++i) {
        zeros += y[i] == 0.f;
        both_layers += y[i] == 0.f && other_layer[i] == 0.f;
        both_steps += y[i] == 0.f && other_step[i] == 0.f;
    }
    // Four standard errors about n/10 and n/100.
    CHECK(std::abs(double(zeros) - 10000.) < 4. * std::sqrt(n * 0.1 * 0.9));
    CHECK(std::abs(double(both_layers) - 1000.) < 4. * std::sqrt(n * 0.01 * 0.99));
    CHECK(std::abs(double(both_steps) - 1000.) < 4. * std::sqrt(n * 0.01 * 0.99));
}

TEST_SUITE_END();
