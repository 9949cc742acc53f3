#include "kernels/transform/fourier.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/transform.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <complex>
#include <numbers>

namespace heat::kernels {
namespace {

using Complex = std::complex<double>;

/// The Fourier transform between the two halves, by its definition, on the host: its lines as FourierAxis
/// lays them out.
template <class T>
std::vector<T> fourier(const FourierAxis& axis, const std::vector<T>& in) {
    const int length = axis.length(), frequencies = axis.frequencies();
    const bool back = axis.from_complex();
    std::vector<T> out(size_t(axis.lines()) * size_t(back ? length : 2 * frequencies));
    const auto turn = [&](int k, int t) {
        return std::polar(1.0, (back ? 2 : -2) * std::numbers::pi * double(int64_t(k) * t % length) / length);
    };
    const auto at = [&](int64_t line, int t, bool complex) {
        return size_t((complex ? 2 : 1) * (t * axis.step() + line * axis.line_step(complex)));
    };
    for (int64_t line = 0; line < axis.lines(); ++line) {
        if (back)
            for (int t = 0; t < length; ++t) {
                double sum = 0;
                for (int k = 0; k < length; ++k) { // the upper half are the conjugates of the lower
                    const size_t i = at(line, k < frequencies ? k : length - k, true);
                    sum += (Complex(in[i], k < frequencies ? in[i + 1] : -in[i + 1]) * turn(k, t)).real();
                }
                out[at(line, t, false)] = T(sum);
            }
        else
            for (int k = 0; k < frequencies; ++k) {
                Complex sum = 0;
                for (int t = 0; t < length; ++t) sum += double(in[at(line, t, false)]) * turn(k, t);
                out[at(line, k, true)] = T(sum.real());
                out[at(line, k, true) + 1] = T(sum.imag());
            }
    }
    return out;
}

template <class T>
void check(const Stream& stream, const FourierAxis& axis) {
    INFO("kind " << int(axis.kind) << ", length " << axis.n << ", " << axis.outer << "×" << axis.inner
                 << " lines");
    const std::vector<double> random = reference::random_values(size_t(axis.lines() * axis.n), 9);
    const std::vector<T> values(random.begin(), random.end());
    const size_t real = size_t(axis.lines() * axis.length()),
                 pairs = 2 * size_t(axis.lines() * axis.frequencies());
    DeviceArray<T> x(stream, values), packed(stream, axis.from_complex() ? pairs : real),
        y(stream, values.size());
    fourier_prepare(stream, axis, x.data(), packed.data());
    DeviceArray<T> transformed(stream, fourier(axis, packed.host()));
    fourier_finish(stream, axis, transformed.data(), y.data());

    std::vector<double> expected;
    for (int64_t o = 0; o < axis.outer; ++o) { // an image of one column is a transform along one axis
        const auto first = values.begin() + o * axis.n * axis.inner;
        const std::vector<double> lines(first, first + axis.n * axis.inner);
        const auto part = reference::transform(axis.kind, lines, axis.n, 1, int(axis.inner));
        expected.insert(expected.end(), part.begin(), part.end());
    }
    const std::vector<T> actual = y.host();
    CHECK(reference::nmse(std::vector<double>(actual.begin(), actual.end()), expected) <
          (sizeof(T) == 4 ? 1e-13 : 1e-28));
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("fourier: cosine and sine transforms around a Fourier transform of real numbers") {
    for (const Stream& stream : test_streams())
        for (const TransformKind kind :
             {TransformKind::dct1, TransformKind::dct2, TransformKind::dct3, TransformKind::dst1,
              TransformKind::trapezoid_dct1, TransformKind::trapezoid_dct1_inverse})
            for (const int n : {2, 3, 4, 7, 16, 31, 50})
                for (const auto& [outer, inner] : {std::pair<int, int>{3, 1}, {2, 3}, {2, 40}}) {
                    check<float>(stream, {kind, n, outer, inner});
                    check<double>(stream, {kind, n, outer, inner});
                }
}

TEST_SUITE_END();

} // namespace heat::kernels
