#pragma once

#include "kernels/winograd/tile_transforms.h"

#include <algorithm>
#include <utility>

namespace heat::kernels::winograd {

/// The tiles of `outputs`² pixels that cover a batch of H×W images, image by image and row by row; those at
/// the lower and right edges may stick out.
template <class Tile>
struct Tiling {
    int images, h, w;

    int rows() const { return (h + Tile::outputs - 1) / Tile::outputs; }
    int columns() const { return (w + Tile::outputs - 1) / Tile::outputs; }
    int64_t count() const { return int64_t(images) * rows() * columns(); }
};

/// The part of an N×H×W×C tensor that a tile reads or writes: `size`² pixels, of which those of rows
/// first_row … last_row and likewise columns lie in the image. The others count as zero.
template <class T>
struct Window {
    T* corner; ///< of pixel (0, 0), which may lie outside
    int64_t row_stride, column_stride;
    int first_row, last_row, first_column, last_column;

    T* at(int r, int c) const { return corner + r * row_stride + c * column_stride; }
};

/// Tile `tile`'s window of `size`² pixels, beginning `border` pixels above and left of its outputs.
template <class Tile, class T>
Window<T> window_of(const Tiling<Tile>& tiling, int64_t tile, T* tensor, int channels, int size, int border) {
    const int64_t per_image = int64_t(tiling.rows()) * tiling.columns();
    const int64_t image = tile / per_image;
    const int in_image = int(tile % per_image);
    const int y = Tile::outputs * (in_image / tiling.columns()) - border;
    const int x = Tile::outputs * (in_image % tiling.columns()) - border;
    const int64_t row_stride = int64_t(tiling.w) * channels;
    return {tensor + (image * tiling.h + y) * row_stride + int64_t(x) * channels,
            row_stride,
            channels,
            std::max(0, -y),
            std::min(size, tiling.h - y),
            std::max(0, -x),
            std::min(size, tiling.w - x)};
}

/// Reads Size² pixels, one vector of channels from `channel` on, into the upper left of v.
template <class Tile, int Size, class T>
HEAT_HD void load_window(const Window<const T>& window, int channel, Vector* v) {
    const bool inside = window.first_row == 0 && window.last_row == Size && window.first_column == 0 &&
                        window.last_column == Size;
    if (inside) {
#pragma GCC unroll 6
        for (int r = 0; r < Size; ++r)
#pragma GCC unroll 6
            for (int c = 0; c < Size; ++c) v[Tile::inputs * r + c] = load(window.at(r, c) + channel);
        return;
    }
    // Every load goes to a pixel of the image and is masked, so that the values stay in registers.
#pragma GCC unroll 6
    for (int r = 0; r < Size; ++r) {
        const bool row_inside = r >= window.first_row && r < window.last_row;
        const T* row = window.at(std::clamp(r, window.first_row, window.last_row - 1), 0) + channel;
#pragma GCC unroll 6
        for (int c = 0; c < Size; ++c) {
            const bool is_inside = row_inside && c >= window.first_column && c < window.last_column;
            const int column = std::clamp(c, window.first_column, window.last_column - 1);
            const Words value = Words(load(row + column * window.column_stride));
            v[Tile::inputs * r + c] = Vector(value & (is_inside ? ~0u : 0u));
        }
    }
}

/// A matrix of rows × columns for each point of a tile. The padding keeps the many matrices from sharing
/// cache sets.
template <class Tile>
struct PointMatrices {
    int64_t rows, columns;
    int64_t stride() const { return rows * columns + lanes; }
    int64_t size() const { return points<Tile> * stride(); }
};

} // namespace heat::kernels::winograd
