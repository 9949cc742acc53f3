#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heat {

/// An 8-bit image, rows top to bottom, channels interleaved: pixels[(y·width + x)·channels + c]. 1 channel is
/// grey, 3 are RGB.
struct Image8 {
    int height = 0;
    int width = 0;
    int channels = 0;
    std::vector<uint8_t> pixels;
};

/// An image and what its file held before it became 8-bit grey or RGB.
struct DecodedImage {
    Image8 image;
    std::string_view colours; ///< grey, grey with alpha, RGB, RGBA, palette or CMYK; a literal
    int bits = 8;             ///< of a channel in the file, 1 to 16
};

/// Throws Error unless the sides are 1…65536 and height·width·channels is at most 256 Mi; `name` stands in
/// the message.
void check_image_size(uint64_t height, uint64_t width, uint64_t channels, const std::string& name);

/// Throws Error unless the image has 1 or 3 channels, a size that check_image_size allows, and as many pixels
/// as that says.
void check_image(const Image8& image, const std::string& name);

/// The image with 1 or 3 channels. Grey becomes RGB by repeating it, RGB becomes grey by ITU-R BT.601's luma
/// 0.299 R + 0.587 G + 0.114 B, rounded. Throws Error for another number.
Image8 with_channels(Image8 image, int channels);

/// Grey with alpha (2 channels) or RGBA (4 channels) laid over white: c·a + 255·(1 − a), rounded. Images of 1
/// or 3 channels stay as they are.
Image8 over_white(Image8 image);

/// The upright picture of pixels stored in one of Exif's orientations, 1…8 (1: as it is).
Image8 upright(Image8 image, int orientation);

} // namespace heat
