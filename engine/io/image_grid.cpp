#include "engine/io/image_grid.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat {
namespace {

/// Smallest root with root·root ≥ count.
int ceil_square_root(int count) {
    int root = 1;
    while (int64_t{root} * root < count) ++root;
    return root;
}

} // namespace

Image8 image_grid(std::span<const uint8_t> pixels, int count, int height, int width, int channels,
                  const ImageGridOptions& options) {
    if (count < 1 || height < 1 || width < 1 || (channels != 1 && channels != 3))
        throw Error(fmt::format("a grid needs images of 1 or 3 channels, got {} of {}x{}x{}", count, height,
                                width, channels));
    if (options.scale < 1 || options.gap < 0 || options.columns < 0)
        throw Error(fmt::format("a grid needs scale >= 1, gap >= 0 and columns >= 0, got {}, {} and {}",
                                options.scale, options.gap, options.columns));
    const int columns = std::min(options.columns > 0 ? options.columns : ceil_square_root(count), count);
    const int rows = (count - 1) / columns + 1;

    constexpr int64_t largest_side = 65536;
    constexpr int64_t largest_bytes = int64_t{256} << 20;
    const int64_t cell_height = int64_t{height} * options.scale, cell_width = int64_t{width} * options.scale;
    const bool cell_fits =
        cell_height <= largest_side && cell_width <= largest_side && options.gap <= largest_side;
    const int64_t grid_height = cell_fits ? rows * cell_height + int64_t{rows - 1} * options.gap : 0;
    const int64_t grid_width = cell_fits ? columns * cell_width + int64_t{columns - 1} * options.gap : 0;
    if (!cell_fits || grid_height > largest_side || grid_width > largest_side ||
        grid_height * grid_width * channels > largest_bytes)
        throw Error(fmt::format(
            "a grid of {} images of {}x{} at scale {} is too large for one picture; show fewer of them",
            count, height, width, options.scale));
    const int64_t image_bytes = int64_t{height} * width * channels;
    if (pixels.size() != static_cast<uint64_t>(count * image_bytes))
        throw Error(fmt::format("{} images of {}x{}x{} take {} bytes, got {}", count, height, width, channels,
                                count * image_bytes, pixels.size()));

    Image8 grid{static_cast<int>(grid_height), static_cast<int>(grid_width), channels, {}};
    grid.pixels.assign(static_cast<size_t>(grid_height * grid_width * channels), options.fill);
    for (int i = 0; i < count; ++i) {
        const uint8_t* image = pixels.data() + i * image_bytes;
        const int64_t top = (i / columns) * (cell_height + options.gap);
        const int64_t left = (i % columns) * (cell_width + options.gap);
        for (int64_t y = 0; y < cell_height; ++y) {
            const uint8_t* source = image + (y / options.scale) * width * channels;
            uint8_t* target = grid.pixels.data() + ((top + y) * grid_width + left) * channels;
            for (int64_t x = 0; x < cell_width; ++x)
                for (int c = 0; c < channels; ++c) *target++ = source[(x / options.scale) * channels + c];
        }
    }
    return grid;
}

} // namespace heat
