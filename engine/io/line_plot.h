#pragma once

#include "engine/io/image8.h"

#include <string>
#include <vector>

namespace heat {

/// A line through points. What cannot be drawn (not finite, or not positive on a logarithmic axis) is left
/// out and parts the line.
struct PlotSeries {
    std::string name; ///< in the legend; ASCII
    std::vector<double> x, y;
};

struct PlotAxis {
    std::string label;
    bool logarithmic = false;
};

struct LinePlot {
    std::string title;
    PlotAxis x, y;
    std::vector<PlotSeries> series;
    int width = 860, height = 460; ///< pixels
};

/// Draws axes with ticks, the lines with a mark at each point where there are few, and a legend. Throws Error
/// where nothing can be drawn, a series has x and y of different counts, or the size is below 300×200.
Image8 draw(const LinePlot& plot);

} // namespace heat
