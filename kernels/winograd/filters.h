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
        const int panel_count = panels.count(), blocks = view.depth / lanes;
#pragma omp parallel for collapse(2) schedule(static)
        for (int panel = 0; panel < panel_count; ++panel)
            for (int block = 0; block < blocks; ++block)
                for (int j = 0; j < panels.size(panel); ++j) transform_block(weight, u, panel, j, block);
    }

private:
    static constexpr int pairing = rows_per_element<Element>;

    /// The nine taps of `lanes` × `lanes` filters: [tap][k], a vector along the width.
    using Taps = Vector[9][lanes];

    void load_taps(const float* weight, int64_t k, int64_t n, Taps& taps) const {
        for (int tap = 0; tap < 9; ++tap) {
            const float* from =
                weight + k * view.depth_stride + n * view.width_stride + tap * view.tap_stride;
            auto& rows = taps[view.turned ? 8 - tap : tap];
            // One of the two strides is 1; where it is the depth's, the block is read lying down.
            const int64_t stride = view.width_stride == 1 ? view.depth_stride : view.width_stride;
            for (int i = 0; i < lanes; ++i) rows[i] = load(from + i * stride);
            if (view.width_stride != 1) transpose(rows);
        }
    }

    static void filter(const Taps& taps, int k, Vector* v) {
#pragma GCC unroll 9
        for (int i = 0; i < 9; ++i) v[Tile::inputs * (i / 3) + i % 3] = taps[i][k];
        transform_filter<Tile>(v);
    }

    void transform_block(const float* weight, Element* u, int panel, int j, int block) const {
        const int64_t n = int64_t(panels.first(panel) + j) * lanes, row = int64_t(panels.size(panel)) * lanes;
        Taps taps;
        load_taps(weight, int64_t(block) * lanes, n, taps);
        for (int k = 0; k < lanes; k += pairing) {
            const int64_t to = (int64_t(block) * lanes + k) / pairing * row + j * lanes;
            TileValues<Tile> v;
            filter(taps, k, v);
            if constexpr (pairing == 1) {
                for (int p = 0; p < points<Tile>; ++p) store(at(u, panel, p) + to, v[p]);
            } else {
                TileValues<Tile> odd;
                filter(taps, k + 1, odd);
                for (int p = 0; p < points<Tile>; ++p) store_pairs(at(u, panel, p) + to, v[p], odd[p]);
            }
        }
    }
};

} // namespace heat::kernels::winograd
