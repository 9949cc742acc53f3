#include "engine/io/png.h"
#include "engine/io/png16.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::test;

TEST_SUITE("io") {

#if defined(HEAT_WITH_PNG)
    TEST_CASE("png of 16 bits: grey and RGB of odd sizes are read back, rounded to 8") {
        for (const int channels : {1, 3})
            for (const auto& [height, width] : {std::pair{1, 1}, {1, 7}, {13, 1}, {31, 17}}) {
                Image16 image{height, width, channels, {}};
                uint32_t state = 5;
                std::vector<uint8_t> expected;
                for (int i = 0; i < height * width * channels; ++i) {
                    state = state * 1664525u + 1013904223u;
                    image.pixels.push_back(uint16_t(state >> 16));
                    expected.push_back(uint8_t((2u * image.pixels.back() + 257) / 514));
                }
                const DecodedImage decoded = decode_png(encode_png16(image), "deep");
                CHECK(decoded.bits == 16);
                CHECK(decoded.image.height == height);
                CHECK(decoded.image.width == width);
                CHECK(decoded.image.channels == channels);
                CHECK(decoded.image.pixels == expected);
            }
    }
#endif

    TEST_CASE("png of 16 bits: bad images are refused with the reason") {
        CHECK(contains(error_of([] { encode_png16({1, 1, 2, {0, 0}}); }), "expected 1 or 3 channels, got 2"));
        CHECK(contains(error_of([] { encode_png16({0, 1, 1, {}}); }), "expected pixels, got 0x1"));
        CHECK(contains(error_of([] { encode_png16({2, 1, 1, {0}}); }), "expected 2 values, got 1"));
    }
}
