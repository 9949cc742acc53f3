#include "kernels/diagonal.h"
#include "kernels/error.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::kernels;

namespace {

struct Size {
    int images, points, channels;
};
constexpr Size sizes[] = {{1, 1, 1}, {3, 35, 1}, {2, 49, 3}, {2, 17, 5}, {2, 4099, 3}, {1, 2500, 1}};
constexpr int table_rows = 4;

/// y by the definition, with the first `count` of the terms.
std::vector<double> combined(const std::vector<std::vector<double>>& data,
                             const std::vector<std::vector<double>>& tables, int count,
                             const std::vector<int32_t>& rows, int width, Size s) {
    std::vector<double> y(size_t(s.images) * s.points * s.channels);
    for (int i = 0; i < s.images; ++i)
        for (int p = 0; p < s.points; ++p)
            for (int c = 0; c < s.channels; ++c)
                for (int k = 0; k < count; ++k) {
                    const size_t at = (size_t(i) * s.points + p) * s.channels + c;
                    const size_t row = rows.empty() ? 0 : size_t(rows[i]);
                    y[at] += tables[k][row * width + (width == 1 ? 0 : p)] * data[k][at];
                }
    return y;
}

void check(const Stream& stream, Size s, int count, bool per_point, bool chosen_rows) {
    CAPTURE(stream.on_cuda);
    CAPTURE(s.points);
    CAPTURE(s.channels);
    CAPTURE(count);
    CAPTURE(per_point);
    CAPTURE(chosen_rows);
    const int width = per_point ? s.points : 1;
    const size_t n = size_t(s.images) * s.points * s.channels;
    std::vector<int32_t> rows;
    for (int i = 0; chosen_rows && i < s.images; ++i) rows.push_back((3 + 2 * i) % table_rows);

    std::vector<std::vector<double>> data, tables;
    std::vector<reference::Values<float>> stored;
    for (int k = 0; k < 3; ++k) {
        stored.push_back(reference::random_stored<float>(n, 1 + k));
        data.push_back(stored.back().exact);
        stored.push_back(reference::random_stored<float>(size_t(table_rows) * width, 11 + k));
        tables.push_back(stored.back().exact);
    }
    DeviceArray<float> d0(stream, stored[0].stored), d1(stream, stored[2].stored),
        d2(stream, stored[4].stored);
    DeviceArray<float> t0(stream, stored[1].stored), t1(stream, stored[3].stored),
        t2(stream, stored[5].stored);
    DeviceArray<int32_t> row_of(stream, rows);
    DeviceArray<float> y(stream, n);
    // The absent terms come first, so that the kernel has to leave them out wherever they stand.
    DiagonalTerm terms[3];
    terms[2] = {d0.data(), t0.data()};
    if (count > 1) terms[1] = {d1.data(), t1.data()};
    if (count > 2) terms[0] = {d2.data(), t2.data()};
    const std::vector<double> expected = combined(data, tables, count, rows, width, s);
    diagonal_combination(stream, terms, row_of.data(), width, y.data(), s.images, s.points, s.channels);
    CHECK(reference::nmse(reference::widened(y.host()), expected) <= 1e-7);
    // In place.
    diagonal_combination(stream, terms, row_of.data(), width, d0.data(), s.images, s.points, s.channels);
    CHECK(d0.host() == y.host());
}

} // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("diagonal: one to three terms, one coefficient an image or an eigenvalue") {
    for (const Stream& stream : test_streams())
        for (const Size& size : sizes)
            for (const int count : {1, 2, 3})
                for (const bool per_point : {false, true})
                    for (const bool chosen_rows : {false, true})
                        check(stream, size, count, per_point, chosen_rows);
}

TEST_CASE("diagonal: no term at all is refused") {
    float y = 0.f;
    const DiagonalTerm terms[3];
    CHECK_THROWS_AS(diagonal_combination(Stream{}, terms, nullptr, 1, &y, 1, 1, 1), Error);
}

TEST_SUITE_END();
