#include "engine/io/line_plot.h"

#include "engine/io/bitmap_font.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace heat {

namespace {

struct Colour {
    uint8_t red, green, blue;
};
constexpr Colour black{40, 40, 40}, grid{225, 225, 225};
/// Okabe and Ito's, which colour-blind readers tell apart.
constexpr Colour palette[] = {{0, 114, 178},  {213, 94, 0},  {0, 158, 115},  {204, 121, 167},
                              {86, 180, 233}, {230, 159, 0}, {120, 94, 240}, {90, 90, 90},
                              {150, 75, 40},  {0, 85, 60},   {185, 180, 50}, {125, 45, 105}};

class Canvas {
public:
    Canvas(int width, int height)
        : image_{height, width, 3, std::vector<uint8_t>(size_t(width) * size_t(height) * 3, 255)} {}

    void blend(int x, int y, Colour colour, double share) {
        if (x < 0 || y < 0 || x >= image_.width || y >= image_.height || share <= 0) return;
        uint8_t* pixel = &image_.pixels[(size_t(y) * size_t(image_.width) + size_t(x)) * 3];
        const uint8_t parts[] = {colour.red, colour.green, colour.blue};
        for (int c = 0; c < 3; ++c)
            pixel[c] = uint8_t(std::lround(pixel[c] + std::min(share, 1.0) * (parts[c] - pixel[c])));
    }

    /// Every pixel by its distance from the segment.
    void line(double x0, double y0, double x1, double y1, double width, Colour colour) {
        const double reach = width / 2 + 1, dx = x1 - x0, dy = y1 - y0, squared = dx * dx + dy * dy;
        for (int y = int(std::min(y0, y1) - reach); y <= int(std::max(y0, y1) + reach); ++y)
            for (int x = int(std::min(x0, x1) - reach); x <= int(std::max(x0, x1) + reach); ++x) {
                const double along =
                    squared > 0 ? std::clamp(((x - x0) * dx + (y - y0) * dy) / squared, 0.0, 1.0) : 0.0;
                const double distance = std::hypot(x - x0 - along * dx, y - y0 - along * dy);
                blend(x, y, colour, width / 2 + 0.5 - distance);
            }
    }

    void text(int x, int y, std::string_view characters, Colour colour = black) {
        for (const char character : characters) {
            const uint8_t* columns = glyph_columns(character);
            for (int i = 0; i < 5; ++i)
                for (int j = 0; j < font_height; ++j)
                    if (columns[i] >> j & 1) blend(x + i, y + j, colour, 1);
            x += font_advance;
        }
    }

    /// Upwards, from the bottom at y.
    void vertical_text(int x, int y, std::string_view characters) {
        for (const char character : characters) {
            const uint8_t* columns = glyph_columns(character);
            for (int i = 0; i < 5; ++i)
                for (int j = 0; j < font_height; ++j)
                    if (columns[i] >> j & 1) blend(x + j, y - i, black, 1);
            y -= font_advance;
        }
    }

    Image8 take() { return std::move(image_); }

private:
    Image8 image_;
};

/// From values to pixels along one axis.
class Scale {
public:
    Scale(const PlotAxis& axis, const LinePlot& plot, const std::vector<double> PlotSeries::*values)
        : logarithmic_(axis.logarithmic) {
        for (const PlotSeries& series : plot.series)
            for (const double value : series.*values)
                if (drawable(value)) {
                    low_ = std::min(low_, position(value));
                    high_ = std::max(high_, position(value));
                }
        if (low_ > high_)
            throw Error(
                fmt::format("plot \"{}\": no value on the axis \"{}\" can be drawn", plot.title, axis.label));
        const double margin = high_ > low_ ? 0.03 * (high_ - low_) : 0.5;
        low_ -= margin;
        high_ += margin;
    }
    void set_pixels(double first, double last) {
        first_ = first;
        last_ = last;
    }

    bool drawable(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0); }
    double pixel(double value) const {
        return first_ + (position(value) - low_) / (high_ - low_) * (last_ - first_);
    }
    std::vector<double> ticks() const { return logarithmic_ ? decades() : steps(); }

private:
    double position(double value) const { return logarithmic_ ? std::log10(value) : value; }

    std::vector<double> steps() const {
        const double rough = (high_ - low_) / 6, unit = std::pow(10.0, std::floor(std::log10(rough)));
        double step = 10 * unit;
        for (const double factor : {5.0, 2.0, 1.0})
            if (factor * unit >= rough) step = factor * unit;
        std::vector<double> ticks;
        for (double k = std::ceil(low_ / step); k * step <= high_; ++k) ticks.push_back(k * step);
        return ticks;
    }
    std::vector<double> decades() const {
        const int every = std::max(1, int(std::ceil((high_ - low_) / 8)));
        const bool fine = high_ - low_ < 2.5;
        std::vector<double> ticks;
        for (int decade = int(std::floor(low_)); decade <= high_; ++decade)
            for (const double factor : {1.0, 2.0, 5.0}) {
                const double place = decade + std::log10(factor);
                if (place < low_ || place > high_ || (factor > 1 && !fine) || decade % every) continue;
                ticks.push_back(factor * std::pow(10.0, decade));
            }
        return ticks;
    }

    bool logarithmic_;
    double low_ = std::numeric_limits<double>::infinity(), high_ = -low_, first_ = 0, last_ = 1;
};

std::string tick_label(double value) {
    const double size = std::abs(value);
    if (size != 0 && (size < 1e-3 || size >= 1e5)) return fmt::format("{:.0e}", value);
    return fmt::format("{:.6g}", size < 1e-12 ? 0.0 : value);
}

void draw_axes(Canvas& canvas, const LinePlot& plot, const Scale& x, const Scale& y, int left, int right,
               int top, int bottom) {
    for (const double tick : x.ticks()) {
        const double at = x.pixel(tick);
        canvas.line(at, top, at, bottom, 1, grid);
        const std::string label = tick_label(tick);
        canvas.text(int(at) - text_width(label) / 2 + 1, bottom + 6, label);
    }
    for (const double tick : y.ticks()) {
        const double at = y.pixel(tick);
        canvas.line(left, at, right, at, 1, grid);
        const std::string label = tick_label(tick);
        canvas.text(left - 5 - text_width(label), int(at) - font_height / 2, label);
    }
    canvas.line(left, bottom, right, bottom, 1, black);
    canvas.line(left, top, left, bottom, 1, black);
    canvas.text((left + right - text_width(plot.title)) / 2, top - 16, plot.title);
    canvas.text((left + right - text_width(plot.x.label)) / 2, bottom + 20, plot.x.label);
    canvas.vertical_text(5, (top + bottom + text_width(plot.y.label)) / 2, plot.y.label);
}

void draw_series(Canvas& canvas, const PlotSeries& series, const Scale& x, const Scale& y, Colour colour) {
    constexpr size_t most_marked = 40;
    for (size_t i = 0; i < series.x.size(); ++i) {
        if (!x.drawable(series.x[i]) || !y.drawable(series.y[i])) continue;
        const double px = x.pixel(series.x[i]), py = y.pixel(series.y[i]);
        if (series.x.size() <= most_marked) canvas.line(px, py, px, py, 5, colour);
        if (i > 0 && x.drawable(series.x[i - 1]) && y.drawable(series.y[i - 1]))
            canvas.line(x.pixel(series.x[i - 1]), y.pixel(series.y[i - 1]), px, py, 1.6, colour);
    }
}

} // namespace

Image8 draw(const LinePlot& plot) {
    if (plot.width < 300 || plot.height < 200)
        throw Error(fmt::format("plot of {}×{} pixels: expected at least 300×200", plot.width, plot.height));
    int legend = 0;
    for (const PlotSeries& series : plot.series) {
        if (series.x.size() != series.y.size())
            throw Error(fmt::format("plot \"{}\": series \"{}\" has {} x and {} y", plot.title, series.name,
                                    series.x.size(), series.y.size()));
        legend = std::max(legend, text_width(series.name) + 36);
    }
    Scale x(plot.x, plot, &PlotSeries::x), y(plot.y, plot, &PlotSeries::y);
    const int left = 64, top = 26, bottom = plot.height - 34;
    const int right = plot.width - std::min(legend, plot.width / 2) - 8;
    x.set_pixels(left, right);
    y.set_pixels(bottom, top);

    Canvas canvas(plot.width, plot.height);
    draw_axes(canvas, plot, x, y, left, right, top, bottom);
    for (size_t i = 0; i < plot.series.size(); ++i) {
        const Colour colour = palette[i % std::size(palette)];
        draw_series(canvas, plot.series[i], x, y, colour);
        const int row = top + 6 + int(i) * 14;
        canvas.line(right + 8, row + 3, right + 26, row + 3, 2, colour);
        canvas.text(right + 32, row, plot.series[i].name);
    }
    return canvas.take();
}

} // namespace heat
