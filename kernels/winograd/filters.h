#pragma once

#include "kernels/winograd/product.h"
#include "kernels/winograd/tile_transforms.h"

#include <algorithm>

namespace heat::kernels::winograd {

/// How many rows of a sum one element stands for.
template <class Element>
inline constexpr int rows_per_element = 1;
template <>
inline constexpr int rows_per_element<Pair> = 2;

/// How the filters of one direction are read from the OHWI master: depth (summed over) by width (vectors lie
/// along it).
struct FilterView {
    int depth, width;
    int64_t depth_stride, width_stride, tap_stride;
    bool turned; ///< half round, for the gradient of the input
};

/// Channels in panels of at most widest_panel vectors, as equal as can be.
struct Panels {
    int vectors; ///< in all
    explicit Panels(int channels) : vectors(channels / lanes) {}
    int count() const { return (vectors + widest_panel - 1) / widest_panel; }
    int first(int panel) const { return panel * vectors / count(); }
    int size(int panel) const { return first(panel + 1) - first(panel); }
};

/// U: the transformed filters, panel by panel; in each the points; in each a matrix of depth × the panel's
/// columns.
template <class Tile, class Element>
class Filters {
public:
    explicit Filters(const FilterView& v) : view(v), panels(v.width) {}

    const FilterView view;
    const Panels panels;

    /// Rows of each matrix.
    int depth() const { return view.depth / rows_per_element<Element>; }
    int64_t size() const { return int64_t(points<Tile>) * depth() * view.width; }
    Element* at(Element* u, int panel, int point) const {
        const int64_t before =
            int64_t(panels.first(panel)) * points<Tile> + int64_t(point) * panels.size(panel);
        return u + before * depth() * lanes;
    }

    /// Fills u, size() elements, from the master.
    void transform(const float* weight, Element* u) const {
        const int panel_count = panels.count(), rows = depth();
        constexpr int block = 16; // keeps the lines of a strided master in the first cache
        const int blocks = (rows + block - 1) / block;
#pragma omp parallel for collapse(2) schedule(static)
        for (int panel = 0; panel < panel_count; ++panel)
            for (int part = 0; part < blocks; ++part)
                for (int j = 0; j < panels.size(panel); ++j)
                    for (int k = part * block; k < std::min(rows, (part + 1) * block); ++k)
                        transform_row(weight, u, panel, j, k);
    }

private:
    Vector tap(const float* weight, int64_t k, int64_t n) const {
        const float* from = weight + k * view.depth_stride + n * view.width_stride;
        if (view.width_stride == 1) return load(from);
        Vector v;
        for (int lane = 0; lane < lanes; ++lane) v[lane] = from[lane * view.width_stride];
        return v;
    }

    void filter(const float* weight, int k, int64_t n, Vector* v) const {
        for (int i = 0; i < 9; ++i)
            v[Tile::inputs * (i / 3) + i % 3] =
                tap(weight + (view.turned ? 8 - i : i) * view.tap_stride, k, n);
        transform_filter<Tile>(v);
    }

    void transform_row(const float* weight, Element* u, int panel, int j, int k) const {
        const int64_t n = int64_t(panels.first(panel) + j) * lanes, row = int64_t(panels.size(panel)) * lanes;
        const int64_t to = k * row + j * lanes;
        TileValues<Tile> v;
        if constexpr (rows_per_element<Element> == 1) {
            filter(weight, k, n, v);
            for (int p = 0; p < points<Tile>; ++p) store(at(u, panel, p) + to, v[p]);
        } else {
            TileValues<Tile> odd;
            filter(weight, 2 * k, n, v);
            filter(weight, 2 * k + 1, n, odd);
            for (int p = 0; p < points<Tile>; ++p) store_pairs(at(u, panel, p) + to, v[p], odd[p]);
        }
    }
};

} // namespace heat::kernels::winograd
