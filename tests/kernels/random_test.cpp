#include "kernels/random.h"
#include "tests/kernels/device_array.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace heat::kernels;

namespace {

constexpr uint32_t seed_low = 0x12345678u, seed_high = 0x9abcdef0u, step = 77u;

std::vector<float> normals(const Stream& stream, int64_t images, int64_t elements, uint32_t purpose,
                           uint32_t offset, const std::vector<uint32_t>& index = {}) {
    DeviceArray<uint32_t> state(stream, {seed_low, seed_high, step});
    DeviceArray<uint32_t> image_index(stream, index);
    DeviceArray<float> out(stream, size_t(images * elements));
    fill_normal(stream, out.data(), images, elements, state.data(), purpose, offset, image_index.data());
    return out.host();
}

std::vector<float> uniforms(const Stream& stream, int64_t images, int64_t elements, uint32_t purpose,
                            uint32_t offset) {
    DeviceArray<uint32_t> state(stream, {seed_low, seed_high, step});
    DeviceArray<float> out(stream, size_t(images * elements));
    fill_uniform(stream, out.data(), images, elements, state.data(), purpose, offset);
    return out.host();
}

/// Element e of an image by the definition: Box–Muller in double precision on the words of its Philox block.
double exact_normal(uint32_t image, int64_t e, uint32_t purpose) {
    const PhiloxBlock bits = philox4x32_10(uint32_t(e / 4), image, step, purpose, seed_low, seed_high);
    const uint32_t a = bits.v[e % 4 / 2 * 2], b = bits.v[e % 4 / 2 * 2 + 1];
    const double radius = std::sqrt(-2. * std::log(((a >> 8) + 1.) / 16777216.));
    const double angle = std::numbers::pi * double(int32_t(b) >> 8) / 8388608.;
    return radius * (e % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

/// Largest distance between the empirical distribution function and the exact one.
template <class F>
double kolmogorov_smirnov(std::vector<float> values, F distribution) {
    std::sort(values.begin(), values.end());
    const double n = double(values.size());
    double largest = 0.;
    for (size_t i = 0; i < values.size(); ++i) {
        const double p = distribution(double(values[i]));
        largest = std::max({largest, p - double(i) / n, double(i + 1) / n - p});
    }
    return largest;
}

double moment(const std::vector<float>& values, int order) {
    double sum = 0.;
    for (const float v : values) sum += std::pow(double(v), order);
    return sum / double(values.size());
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("random: known answers of Philox4x32-10") {
    const auto check = [](const PhiloxBlock& block, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
        CHECK(block.v[0] == a);
        CHECK(block.v[1] == b);
        CHECK(block.v[2] == c);
        CHECK(block.v[3] == d);
    };
    const uint32_t ones = 0xffffffffu;
    check(philox4x32_10(0, 0, 0, 0, 0, 0), 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u);
    check(philox4x32_10(ones, ones, ones, ones, ones, ones), 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u,
          0x6d5451fdu);
    check(philox4x32_10(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u),
          0xd16cfe09u, 0x94fdcceBu, 0x5001e420u, 0x24126ea1u);
}

TEST_CASE("random: normals are Box-Muller of their counter's bits") {
    const uint32_t purpose = purpose_word(Purpose::training_noise, 3);
    for (const Stream& stream : test_streams()) {
        CAPTURE(stream.on_cuda);
        for (const int64_t elements : {1, 2, 3, 4, 7, 784, 4099, 12288}) {
            CAPTURE(elements);
            const std::vector<float> z = normals(stream, 3, elements, purpose, 5);
            double largest = 0.;
            for (int64_t i = 0; i < 3; ++i)
                for (int64_t e = 0; e < elements; ++e)
                    largest = std::max(largest, std::abs(double(z[size_t(i * elements + e)]) -
                                                         exact_normal(uint32_t(5 + i), e, purpose)));
            CHECK(largest < 1e-6);
        }
    }
}

TEST_CASE("random: the extreme words stay finite") {
    for (const uint32_t a : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
        CHECK(uniform_from_bits(a) > 0.f);
        CHECK(uniform_from_bits(a) < 1.f);
        for (const uint32_t b : {0u, 0x40000000u, 0x7fffffffu, 0x80000000u, 0xc0000000u, 0xffffffffu}) {
            float z0 = NAN, z1 = NAN;
            normal_pair_from_bits(a, b, z0, z1);
            CHECK(std::abs(z0) < 5.8f);
            CHECK(std::abs(z1) < 5.8f);
        }
    }
}

TEST_CASE("random: an image's numbers do not depend on its batch") {
    const uint32_t purpose = purpose_word(Purpose::prior);
    for (const Stream& stream : test_streams()) {
        const size_t elements = 5003;
        const std::vector<float> batch = normals(stream, 6, elements, purpose, 10);
        const std::vector<float> alone = normals(stream, 1, elements, purpose, 13);
        const std::vector<float> chosen = normals(stream, 2, elements, purpose, 999, {15, 11});
        const auto image = [&](const std::vector<float>& from, size_t i) {
            return std::vector<float>(from.begin() + long(i * elements),
                                      from.begin() + long((i + 1) * elements));
        };
        CHECK(image(batch, 3) == alone);
        CHECK(image(batch, 5) == image(chosen, 0));
        CHECK(image(batch, 1) == image(chosen, 1));
        CHECK(image(batch, 0) != image(batch, 1));
        // A shorter image is the beginning of a longer one.
        const std::vector<float> shorter = normals(stream, 1, 6, purpose, 13);
        CHECK(shorter == std::vector<float>(alone.begin(), alone.begin() + 6));
    }
}

TEST_CASE("random: purposes, layers, steps and seeds are independent streams") {
    const Stream host;
    const std::vector<float> z = normals(host, 1, 64, purpose_word(Purpose::prior), 0);
    CHECK(z != normals(host, 1, 64, purpose_word(Purpose::step_noise), 0));
    CHECK(z != normals(host, 1, 64, purpose_word(Purpose::prior, 1), 0));
    for (const std::vector<uint32_t>& state : {std::vector<uint32_t>{seed_low + 1, seed_high, step},
                                               {seed_low, seed_high + 1, step},
                                               {seed_low, seed_high, step + 1}}) {
        std::vector<float> other(64);
        fill_normal(host, other.data(), 1, 64, state.data(), purpose_word(Purpose::prior), 0);
        CHECK(z != other);
    }
}

TEST_CASE("random: a million normals are normal") {
    for (const Stream& stream : test_streams()) {
        CAPTURE(stream.on_cuda);
        const std::vector<float> z = normals(stream, 8, 125000, purpose_word(Purpose::training_noise), 0);
        const double n = double(z.size());
        // Bounds of about 3.5 standard errors.
        CHECK(std::abs(moment(z, 1)) < 3.5 / std::sqrt(n));
        CHECK(std::abs(moment(z, 2) - 1.) < 3.5 * std::sqrt(2. / n));
        CHECK(std::abs(moment(z, 3)) < 3.5 * std::sqrt(15. / n));
        CHECK(std::abs(moment(z, 4) - 3.) < 3.5 * std::sqrt(96. / n));
        const auto distribution = [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); };
        CHECK(kolmogorov_smirnov(z, distribution) < 1.63 / std::sqrt(n)); // 1 % level
        double correlation = 0.;
        for (size_t i = 0; i < z.size(); i += 2) correlation += double(z[i]) * z[i + 1];
        CHECK(std::abs(correlation / (n / 2.)) < 3.5 / std::sqrt(n / 2.));
    }
}

TEST_CASE("random: uniforms are uniform and follow the same addresses") {
    const uint32_t purpose = purpose_word(Purpose::timestep);
    for (const Stream& stream : test_streams()) {
        CAPTURE(stream.on_cuda);
        const std::vector<float> u = uniforms(stream, 7, 30001, purpose, 2);
        CHECK(*std::min_element(u.begin(), u.end()) > 0.f);
        CHECK(*std::max_element(u.begin(), u.end()) < 1.f);
        CHECK(kolmogorov_smirnov(u, [](double x) { return x; }) < 1.63 / std::sqrt(double(u.size())));
        bool same = true;
        for (size_t e = 0; e < 30001; ++e) {
            const PhiloxBlock bits =
                philox4x32_10(uint32_t(e / 4), 2 + 6, step, purpose, seed_low, seed_high);
            same = same && u[6 * 30001 + e] == uniform_from_bits(bits.v[e % 4]);
        }
        CHECK(same);
        CHECK(uniforms(stream, 5, 1, purpose, 0)[3] == uniforms(stream, 1, 1, purpose, 3)[0]);
    }
}

TEST_SUITE_END();
