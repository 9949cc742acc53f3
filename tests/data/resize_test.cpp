#include "engine/data/resize.h"
#include "tests/io/golden_images.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heat;
using namespace heat::test;

namespace {

/// The same weighted mean, in both directions at once and in double, for one output pixel.
double oracle(const Image8& image, int height, int width, int y, int x, int channel) {
    const double scale = std::min(double(image.height) / height, double(image.width) / width);
    const double reach = std::max(1., scale);
    const double centre_y = (image.height - scale * height) / 2 + (y + 0.5) * scale;
    const double centre_x = (image.width - scale * width) / 2 + (x + 0.5) * scale;
    double sum = 0, weights = 0;
    for (int j = 0; j < image.height; ++j)
        for (int i = 0; i < image.width; ++i) {
            const double down = 1 - std::abs(j + 0.5 - centre_y) / reach;
            const double across = 1 - std::abs(i + 0.5 - centre_x) / reach;
            if (down <= 0 || across <= 0) continue;
            sum += down * across * image.pixels[size_t((j * image.width + i) * image.channels + channel)];
            weights += down * across;
        }
    return sum / weights;
}

Image8 noise(int height, int width, int channels) {
    Image8 image{height, width, channels, {}};
    uint32_t state = 7;
    for (int i = 0; i < height * width * channels; ++i)
        image.pixels.push_back(uint8_t((state = state * 1664525u + 1013904223u) >> 24));
    return image;
}

} // namespace

TEST_SUITE("data") {

    TEST_CASE("resize: every pixel against a mean in double precision") {
        for (const int channels : {1, 3})
            for (const auto& sizes : {std::tuple{13, 29, 8, 8},
                                      {29, 13, 8, 8},
                                      {31, 37, 5, 11},
                                      {5, 7, 13, 17},
                                      {1, 1, 3, 2},
                                      {9, 9, 1, 1},
                                      {1, 50, 4, 4},
                                      {50, 1, 2, 9},
                                      {64, 64, 63, 63},
                                      {3, 4, 4, 3}}) {
                // Named one by one: clang 14 cannot capture structured bindings.
                const int from_height = std::get<0>(sizes), from_width = std::get<1>(sizes);
                const int height = std::get<2>(sizes), width = std::get<3>(sizes);
                const Image8 image = noise(from_height, from_width, channels);
                const Image8 result = resize_and_crop(image, height, width);
                REQUIRE(result.pixels.size() == size_t(height * width * channels));
                double worst = 0;
                for (int y = 0; y < height; ++y)
                    for (int x = 0; x < width; ++x)
                        for (int c = 0; c < channels; ++c)
                            worst = std::max(worst,
                                             std::abs(result.pixels[size_t((y * width + x) * channels + c)] -
                                                      oracle(image, height, width, y, x, c)));
                CAPTURE(from_height);
                CAPTURE(height);
                CHECK(worst <= 0.5001); // of rounding
            }
    }

    TEST_CASE("resize: as Pillow's ImageOps.fit") {
        const Image8 source = golden_pixels("resize.source");
        for (const auto& [height, width] : {std::pair{8, 8}, {16, 24}, {31, 11}, {40, 29}, {1, 1}, {3, 50}}) {
            const Image8 expected =
                golden_pixels("resize." + std::to_string(height) + "x" + std::to_string(width));
            CHECK(largest_difference(resize_and_crop(source, height, width), expected) <=
                  1); // it rounds twice
        }
    }

    TEST_CASE("resize: an image of the right size stays as it is and nothing is stretched") {
        const Image8 image = noise(7, 5, 3);
        CHECK(resize_and_crop(image, 7, 5).pixels == image.pixels);
        // A cross in the middle of a wide image: as wide as high afterwards.
        Image8 wide{40, 80, 1, std::vector<uint8_t>(40 * 80)};
        for (int i = -16; i < 16; ++i)
            for (int j = -4; j < 4; ++j)
                wide.pixels[size_t((20 + i) * 80 + 40 + j)] = wide.pixels[size_t((20 + j) * 80 + 40 + i)] =
                    255;
        const Image8 square = resize_and_crop(wide, 20, 20);
        for (int y = 0; y < 20; ++y)
            for (int x = 0; x < 20; ++x)
                CHECK(square.pixels[size_t(y * 20 + x)] == square.pixels[size_t(x * 20 + y)]);
        CHECK(square.pixels[size_t(10 * 20 + 7)] == 255);
        CHECK(contains(error_of([&] { resize_and_crop(image, 0, 5); }), "got 0x5"));
    }

} // TEST_SUITE
