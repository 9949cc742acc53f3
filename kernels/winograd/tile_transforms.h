#pragma once

// Winograd's algorithm in two dimensions, on vectors of channels. A tile y of the correlation of a tile d of
// inputs with a 3×3 filter g is y = Aᵀ((G·g·Gᵀ) ⊙ (Bᵀ·d·B))A. Transposing the same three matrices gives the
// gradients: of the filter from d and y's, and of the input by the filter turned half round.
//
// `v` holds inputs × inputs values row by row; smaller arrays (outputs, filters) lie in its upper left
// corner.

#include "kernels/winograd/vector.h"

namespace heat::kernels::winograd {

template <class Tile>
inline constexpr int points = Tile::inputs* Tile::inputs;

/// The values of one tile, for one vector of channels.
template <class Tile>
using TileValues = Vector[points<Tile>];

template <class Tile>
HEAT_HD void transform_input(Vector* v) {
#pragma GCC unroll 6
    for (int i = 0; i < Tile::inputs; ++i) Tile::input_line(v + i, Tile::inputs);
#pragma GCC unroll 6
    for (int i = 0; i < Tile::inputs; ++i) Tile::input_line(v + Tile::inputs * i, 1);
}
template <class Tile>
HEAT_HD void transform_output(Vector* v) {
#pragma GCC unroll 6
    for (int i = 0; i < Tile::inputs; ++i) Tile::output_line(v + i, Tile::inputs);
#pragma GCC unroll 6
    for (int i = 0; i < Tile::outputs; ++i) Tile::output_line(v + Tile::inputs * i, 1);
}
template <class Tile>
HEAT_HD void transform_gradient(Vector* v) {
#pragma GCC unroll 6
    for (int i = 0; i < Tile::outputs; ++i) Tile::gradient_line(v + Tile::inputs * i, 1);
#pragma GCC unroll 6
    for (int i = 0; i < Tile::inputs; ++i) Tile::gradient_line(v + i, Tile::inputs);
}
template <class Tile>
HEAT_HD void transform_filter(Vector* v) {
#pragma GCC unroll 6
    for (int i = 0; i < 3; ++i) Tile::filter_line(v + Tile::inputs * i, 1);
#pragma GCC unroll 6
    for (int i = 0; i < Tile::inputs; ++i) Tile::filter_line(v + i, Tile::inputs);
}
template <class Tile>
HEAT_HD void transform_filter_gradient(Vector* v) {
#pragma GCC unroll 6
    for (int i = 0; i < Tile::inputs; ++i) Tile::filter_gradient_line(v + i, Tile::inputs);
#pragma GCC unroll 6
    for (int i = 0; i < 3; ++i) Tile::filter_gradient_line(v + Tile::inputs * i, 1);
}

} // namespace heat::kernels::winograd
