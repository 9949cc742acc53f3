#include "engine/io/byte_order.h"
#include "engine/io/exif.h"
#include "engine/io/image_decoder.h"
#include "engine/io/png_chunks.h"
#include "tests/io/golden_images.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>

using namespace heat;
using namespace heat::test;

namespace {

/// What no change of a file may do is crash or allocate without bounds; an error or a picture are both fine.
void decode_or_refuse(std::span<const uint8_t> file) {
    const std::string message = error_of([&] { decode_image(file, "x"); });
    CHECK_FALSE(message.starts_with("more than one line"));
}

std::vector<uint8_t> png_with(uint32_t width, uint32_t height, std::span<const uint8_t> idat) {
    std::vector<uint8_t> png(std::begin(png_signature), std::end(png_signature)), header;
    append_big_endian(header, width, 4);
    append_big_endian(header, height, 4);
    append(header, std::vector<uint8_t>{8, 0, 0, 0, 0});
    append_png_chunk(png, "IHDR", header);
    append_png_chunk(png, "IDAT", idat);
    append_png_chunk(png, "IEND", {});
    return png;
}

} // namespace

TEST_SUITE("io") {

    TEST_CASE("image8: grey and RGB become each other") {
        const Image8 grey = with_channels(golden_pixels("rgb8.png"), 1);
        CHECK(largest_difference(grey, golden_pixels("luma")) == 0); // Pillow's
        const Image8 rgb = with_channels(grey, 3);
        CHECK(largest_difference(with_channels(rgb, 1), grey) == 0);
        CHECK(rgb.pixels[3] == grey.pixels[1]);
        CHECK(rgb.pixels[5] == grey.pixels[1]);
        CHECK(contains(error_of([&] { with_channels(grey, 2); }), "1 or 3 channels"));
    }

    TEST_CASE("image8: alpha is laid over white") {
        const Image8 image = over_white({1, 3, 2, {100, 255, 100, 0, 100, 51}});
        CHECK(image.channels == 1);
        CHECK(image.pixels == std::vector<uint8_t>{100, 255, 224});
    }

    TEST_CASE("exif: the orientation is found in both byte orders and never outside the block") {
        const auto block = [](bool big, uint8_t orientation) {
            std::vector<uint8_t> bytes{'E', 'x', 'i', 'f', 0, 0};
            const auto number = [&](uint32_t value, int size) {
                if (big)
                    append_big_endian(bytes, value, size);
                else
                    append_little_endian(bytes, value, size);
            };
            append(bytes, big ? to_bytes("MM") : to_bytes("II"));
            for (const auto& [value, size] : {std::pair{42, 2},
                                              {8, 4},
                                              {2, 2},
                                              {0x010F, 2},
                                              {2, 2},
                                              {1, 4},
                                              {0, 4},
                                              {0x0112, 2},
                                              {3, 2},
                                              {1, 4},
                                              {int(orientation), 2},
                                              {0, 2},
                                              {0, 4}})
                number(uint32_t(value), size);
            return bytes;
        };
        for (const bool big : {false, true}) {
            const std::vector<uint8_t> good = block(big, 6);
            CHECK(exif_orientation(good) == 6);
            CHECK(exif_orientation(block(big, 9)) == 1);
            for (size_t size = 0; size < good.size(); ++size) {
                const std::vector<uint8_t> part(good.begin(), good.begin() + std::ptrdiff_t(size));
                const int found = exif_orientation(part);
                CHECK((found == 1 || found == 6));
            }
        }
        std::vector<uint8_t> far = block(true, 6);
        far[10] = 0xFF; // the directory lies beyond the end
        CHECK(exif_orientation(far) == 1);
    }

#if defined(HEAT_WITH_PNG)
    TEST_CASE("image decoder: PNGs of every kind against Pillow and exact arithmetic") {
        struct Kind {
            const char *name, *colours;
            int bits;
        };
        for (const Kind& kind : {Kind{"grey1.png", "grey", 1},
                                 {"grey2.png", "grey", 2},
                                 {"grey4.png", "grey", 4},
                                 {"grey8.png", "grey", 8},
                                 {"grey16.png", "grey", 16},
                                 {"grey_alpha8.png", "grey with alpha", 8},
                                 {"rgb8.png", "RGB", 8},
                                 {"rgb8_interlaced.png", "RGB", 8},
                                 {"rgb16.png", "RGB", 16},
                                 {"rgba8.png", "RGBA", 8},
                                 {"rgba16.png", "RGBA", 16},
                                 {"palette4.png", "palette", 4},
                                 {"palette8_alpha.png", "palette", 8},
                                 {"rgb8_transparent_colour.png", "RGBA", 8},
                                 {"gamma.png", "RGB", 8}}) {
            CAPTURE(kind.name);
            const DecodedImage decoded = decode_image(golden_image_file(kind.name), kind.name);
            CHECK(largest_difference(decoded.image, golden_pixels(kind.name)) == 0);
            CHECK(decoded.colours == kind.colours);
            CHECK(decoded.bits == kind.bits);
        }
    }

    TEST_CASE("image decoder: a PNG of the wrong amount of data is refused or costs nothing") {
        // Deflate's stored blocks by hand: what they unpack to is what they hold.
        const auto stored = [](size_t size) {
            std::vector<uint8_t> data{0x78, 0x01};
            uint32_t a = 1, b = 0; // Adler-32 of zeros: a stays 1
            for (size_t left = size; left > 0;) {
                const size_t block = std::min<size_t>(left, 60000);
                left -= block;
                data.push_back(left == 0);
                append_little_endian(data, block, 2);
                append_little_endian(data, ~block, 2);
                data.insert(data.end(), block, 0);
                b = uint32_t((b + block * a) % 65521);
            }
            append_big_endian(data, b << 16 | a, 4);
            return data;
        };
        const DecodedImage decoded = decode_image(png_with(4, 4, stored(20)), "x");
        CHECK(decoded.image.pixels == std::vector<uint8_t>(16));
        CHECK(
            contains(error_of([&] { decode_image(png_with(4, 4, stored(19)), "x"); }), "x: the PNG cannot"));
        decode_or_refuse(png_with(4, 4, stored(3000000))); // beyond its header
        CHECK(contains(error_of([&] { decode_image(png_with(65536, 65536, stored(20)), "x"); }),
                       "65536x65536 pixels is refused"));
        CHECK(contains(error_of([&] { decode_image(png_with(0, 4, stored(20)), "x"); }), "is refused"));
    }

    TEST_CASE("image decoder: PNGs cut off anywhere are refused") {
        for (const char* name : {"palette8_alpha.png", "rgb8_interlaced.png"}) {
            const std::vector<uint8_t> good = golden_image_file(name);
            for (size_t size = 0; size < good.size(); ++size) {
                const std::vector<uint8_t> part(good.begin(),
                                                good.begin() + std::ptrdiff_t(size)); // exact: asan
                const std::string message = error_of([&] { decode_image(part, "x.png"); });
                CHECK(message.starts_with("x.png: "));
            }
        }
    }

    TEST_CASE("image decoder: a PNG with a damaged chunk and a right CRC never crashes") {
        for (const char* name : {"palette4.png", "rgb8_interlaced.png", "rgba16.png"}) {
            const std::vector<uint8_t> good = golden_image_file(name);
            const std::vector<PngChunk> chunks = split_png(good, name);
            for (size_t damaged = 0; damaged < chunks.size(); ++damaged)
                for (size_t at = 0; at < chunks[damaged].data.size(); ++at)
                    for (const int change : {0x01, 0x80, 0xFF}) {
                        std::vector<uint8_t> png(std::begin(png_signature), std::end(png_signature));
                        for (size_t i = 0; i < chunks.size(); ++i) {
                            std::vector<uint8_t> data(chunks[i].data.begin(), chunks[i].data.end());
                            if (i == damaged) data[at] ^= uint8_t(change);
                            append_png_chunk(png, chunks[i].type, data);
                        }
                        decode_or_refuse(png);
                    }
        }
    }
#endif

#if defined(HEAT_WITH_JPEG)
    TEST_CASE("image decoder: JPEGs of every kind against Pillow") {
        for (const auto& jpeg : {std::pair{"baseline420.jpg", "RGB"},
                                 {"baseline444.jpg", "RGB"},
                                 {"progressive.jpg", "RGB"},
                                 {"grey.jpg", "grey"},
                                 {"cmyk.jpg", "CMYK"}}) {
            const std::string name = jpeg.first;
            CAPTURE(name);
            const DecodedImage decoded = decode_image(golden_image_file(name), name);
            CHECK(largest_difference(decoded.image, golden_pixels(name)) <= 1); // another build of libjpeg
            CHECK(decoded.colours == jpeg.second);
        }
    }

    TEST_CASE("image decoder: photographs are turned upright as Exif says") {
        std::vector<uint8_t> file = golden_image_file("oriented.jpg");
        const std::vector<uint8_t> tag{0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00};
        const auto found = std::search(file.begin(), file.end(), tag.begin(), tag.end());
        REQUIRE(found != file.end());
        for (int orientation = 1; orientation <= 8; ++orientation) {
            CAPTURE(orientation);
            found[std::ptrdiff_t(tag.size())] = uint8_t(orientation);
            const Image8 image = decode_image(file, "oriented.jpg").image;
            CHECK(largest_difference(image, golden_pixels("oriented.jpg." + std::to_string(orientation))) <=
                  1);
        }
    }

    TEST_CASE("image decoder: JPEGs cut off anywhere are refused") {
        for (const char* name : {"grey.jpg", "progressive.jpg", "cmyk.jpg"}) {
            const std::vector<uint8_t> good = golden_image_file(name);
            for (size_t size = 0; size < good.size(); ++size) {
                const std::vector<uint8_t> part(good.begin(), good.begin() + std::ptrdiff_t(size));
                const std::string message = error_of([&] { decode_image(part, "x.jpg"); });
                CHECK(message.starts_with("x.jpg: "));
            }
        }
    }

    TEST_CASE("image decoder: damaged JPEGs never crash") {
        for (const char* name : {"baseline420.jpg", "progressive.jpg", "cmyk.jpg", "oriented.jpg"}) {
            const std::vector<uint8_t> good = golden_image_file(name);
            for (size_t at = 2; at < good.size(); ++at)
                for (const int change : {0x01, 0xFF}) {
                    std::vector<uint8_t> altered = good;
                    altered[at] ^= uint8_t(change);
                    decode_or_refuse(altered);
                }
        }
    }

    TEST_CASE(
        "image decoder: a JPEG with bytes between its segments is read, absurd dimensions are refused") {
        std::vector<uint8_t> file = golden_image_file("grey.jpg");
        std::vector<uint8_t> loose = file;
        loose.insert(loose.begin() + 2, {0, 0, 0}); // cameras do this: libjpeg warns and goes on
        CHECK(contains(error_of([&] { decode_image(loose, "x"); }), "begin ff d8 00 00"));
        loose = file;
        const std::vector<uint8_t> table{0xFF, 0xDB}, frame{0xFF, 0xC0};
        loose.insert(std::search(loose.begin(), loose.end(), table.begin(), table.end()), {0x12, 0x34});
        CHECK(largest_difference(decode_image(loose, "x").image, golden_pixels("grey.jpg")) <= 1);
        const auto found = std::search(file.begin(), file.end(), frame.begin(), frame.end());
        REQUIRE(found != file.end());
        for (int i = 5; i < 9; ++i) found[i] = 0xFF;
        CHECK(contains(error_of([&] { decode_image(file, "x"); }), "x: "));
    }
#endif

    TEST_CASE("image decoder: what is no image is refused with what it begins with") {
        CHECK(contains(error_of([] { decode_image({}, "x.png"); }),
                       "x.png: expected a PNG or JPEG image, the file is empty"));
        CHECK(contains(error_of([] { decode_image(to_bytes("RIFF....WEBP"), "x.jpg"); }),
                       "x.jpg: expected a PNG or JPEG image, got 12 bytes that begin 52 49 46 46"));
    }

} // TEST_SUITE
