#include "engine/io/bitmap_font.h"
#include "engine/io/line_plot.h"
#include "kernels/error.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>

using namespace heat;

TEST_SUITE_BEGIN("io");

namespace {

/// Rows of column x that have the first series' colour, a blue, or much of it; all else is grey.
std::vector<int> first_series_rows(const Image8& image, int x) {
    std::vector<int> rows;
    for (int y = 0; y < image.height; ++y) {
        const uint8_t* pixel = &image.pixels[(size_t(y) * size_t(image.width) + size_t(x)) * 3];
        if (pixel[2] - pixel[0] > 80) rows.push_back(y);
    }
    return rows;
}

} // namespace

TEST_CASE("line plot: a power law is a straight line on logarithmic axes") {
    LinePlot plot{"squares", {"x", true}, {"y", true}, {{"", {}, {}}}};
    for (int i = 0; i <= 100; ++i) {
        const double x = std::pow(10.0, 0.04 * i);
        plot.series[0].x.push_back(x);
        plot.series[0].y.push_back(x * x);
    }
    const Image8 image = draw(plot);
    CHECK(image.width == 860);
    CHECK(image.height == 460);
    // Left 64 to right 816: three columns at equal distances have rows at equal distances, going up.
    std::vector<double> heights;
    for (const int x : {140, 440, 740}) {
        const std::vector<int> rows = first_series_rows(image, x);
        REQUIRE(!rows.empty());
        CHECK(rows.back() - rows.front() <= 4);
        heights.push_back((rows.front() + rows.back()) / 2.0);
    }
    CHECK(heights[0] - heights[1] > 100);
    CHECK(std::abs((heights[0] - heights[1]) - (heights[1] - heights[2])) < 1.5);
}

TEST_CASE("line plot: what cannot be drawn is left out, and nothing at all is an error") {
    LinePlot plot{"gaps", {"x", false}, {"y", true}, {{"", {0, 1, 2, 3, 4}, {1, 10, 0, 10, 1}}}};
    const Image8 image = draw(plot);
    const auto middle = (64 + 816) / 2;
    CHECK(first_series_rows(image, middle).empty());
    CHECK(!first_series_rows(image, middle - 280).empty());
    plot.series[0].y = {-1, 0, NAN, INFINITY, -2};
    CHECK_THROWS_WITH_AS(draw(plot), "plot \"gaps\": no value on the axis \"y\" can be drawn", Error);
    plot.series[0].y = {1, 2};
    CHECK_THROWS_AS(draw(plot), Error);
    CHECK_THROWS_AS(draw(LinePlot{"small", {}, {}, {{"", {1}, {1}}}, 100, 100}), Error);
    CHECK(draw(LinePlot{"one point", {}, {}, {{"a", {1}, {1}}}}).height == 460);
}

TEST_CASE("bitmap font: every printable character has a glyph of its own") {
    std::set<std::string> glyphs;
    for (int c = ' '; c <= '~' + 1; ++c)
        glyphs.insert(std::string(reinterpret_cast<const char*>(glyph_columns(char(c))), 5));
    CHECK(glyphs.size() == 96); // the last is the box
    CHECK(glyph_columns('\n') == glyph_columns(char(200)));
    CHECK(text_width("abc") == 18);
}

TEST_SUITE_END();
