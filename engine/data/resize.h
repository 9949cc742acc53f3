#pragma once

#include "engine/io/image8.h"

namespace heat {

/// The largest centred part of the image that has the shape height:width, scaled to height × width; nothing
/// is stretched. An image of that size already comes back as it is.
///
/// Each output pixel is the mean of the pixels around its place in the source, weighed by a triangle of
/// half-width max(1, scale) source pixels, rows and columns apart, where scale is how many source pixels make
/// one: bilinear interpolation when enlarging, antialiased when shrinking (Pillow's BILINEAR). The kernel
/// reaches beyond the part cut out, not beyond the image, where its weights are scaled to sum to 1. Computed
/// in f32, rounded to nearest.
Image8 resize_and_crop(const Image8& image, int height, int width);

} // namespace heat
