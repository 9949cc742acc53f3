#include "engine/io/apng.h"
#include "engine/io/byte_order.h"
#include "engine/io/file.h"
#include "engine/io/image_grid.h"
#include "engine/io/png.h"
#include "engine/io/png_chunks.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

#include <iterator>

using namespace heat;
using namespace heat::test;

namespace {

/// Pixels without structure that a filter or a mix-up of axes could hide.
Image8 make_image(int height, int width, int channels, uint32_t seed) {
    Image8 image{height, width, channels, {}};
    uint32_t state = seed;
    for (int i = 0; i < height * width * channels; ++i) {
        state = state * 1664525u + 1013904223u;
        image.pixels.push_back(static_cast<uint8_t>(state >> 24));
    }
    return image;
}

void check_equal(const Image8& a, const Image8& b) {
    CHECK(a.height == b.height);
    CHECK(a.width == b.width);
    CHECK(a.channels == b.channels);
    CHECK(a.pixels == b.pixels);
}

std::string types_of(std::span<const PngChunk> chunks) {
    std::string types;
    for (const PngChunk& chunk : chunks) types += chunk.type + " ";
    return types;
}

} // namespace

TEST_SUITE("io") {

#if defined(HEAT_WITH_PNG)
    TEST_CASE("png: round trips of grey and RGB of odd sizes") {
        const TemporaryFolder folder;
        for (const int channels : {1, 3})
            for (const auto& [height, width] : {std::pair{1, 1}, {1, 7}, {13, 1}, {28, 28}, {31, 17}}) {
                const Image8 image = make_image(height, width, channels, 1);
                write_png(folder / "x.png", image);
                check_equal(decode_png(read_file(folder / "x.png"), "x.png").image, image);
            }
    }

    TEST_CASE("png: bad images and bad files are refused with the reason") {
        const TemporaryFolder folder;
        CHECK(contains(error_of([] { encode_png({1, 1, 2, {0, 0}}); }), "1 or 3 channels"));
        CHECK(contains(error_of([] { encode_png({0, 1, 1, {}}); }), "refused"));
        CHECK(contains(error_of([] { encode_png({-1, 1, 1, {}}); }), "refused"));
        CHECK(contains(error_of([] { encode_png({60000, 60000, 3, {}}); }), "at most 256 MiB"));
        CHECK(contains(error_of([] { encode_png({2, 2, 1, {1, 2, 3}}); }), "takes 4 bytes, got 3"));
        CHECK(contains(error_of([&] {
                           write_png(folder / "x.png", {2, 2, 1, {}});
                       }),
                       (folder / "x.png").string()));

        const std::vector<uint8_t> good = encode_png(make_image(5, 4, 3, 2));
        CHECK(contains(error_of([] { decode_png(to_bytes("GIF89a, not a PNG"), "x.png"); }),
                       "x.png: expected a PNG file"));
        for (size_t size = 0; size < good.size(); ++size)
            CHECK_FALSE(error_of([&] { decode_png(std::span(good).first(size), "x.png"); }).empty());
        for (size_t at = 0; at < good.size(); ++at) { // each byte is under the signature, a length, or a CRC
            std::vector<uint8_t> altered = good;
            altered[at] ^= 0x04;
            CHECK_FALSE(error_of([&] { decode_png(altered, "x.png"); }).empty());
        }

        std::vector<uint8_t> huge(std::begin(png_signature), std::end(png_signature));
        append_png_chunk(huge, "IHDR",
                         std::vector<uint8_t>{0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 8, 2, 0, 0, 0});
        append_png_chunk(huge, "IEND", {});
        CHECK(contains(error_of([&] { decode_png(huge, "x.png"); }), "65535x65535 pixels is refused"));
        std::vector<uint8_t> hollow(std::begin(png_signature), std::end(png_signature));
        append_png_chunk(hollow, "IHDR", std::vector<uint8_t>{0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0});
        append_png_chunk(hollow, "IEND", {});
        CHECK(contains(error_of([&] { decode_png(hollow, "x.png"); }), "cannot be decoded"));
    }

    TEST_CASE("apng: chunks in order with the frames and delays given") {
        const std::vector<Image8> frames{make_image(9, 6, 3, 1), make_image(9, 6, 3, 2),
                                         make_image(9, 6, 3, 3)};
        const std::vector<int> delays{40, 0, 2000};
        const TemporaryFolder folder;
        write_apng(folder / "x.png", frames, delays, 5);
        const std::vector<uint8_t> file = read_file(folder / "x.png");
        const std::vector<PngChunk> chunks = split_png(file, "x.png"); // checks every CRC
        CHECK(types_of(chunks) == "IHDR acTL fcTL IDAT fcTL fdAT fcTL fdAT IEND ");
        CHECK(load_big_endian_u32(chunks[1].data.data()) == 3);
        CHECK(load_big_endian_u32(chunks[1].data.data() + 4) == 5);
        uint32_t sequence = 0;
        size_t frame = 0;
        for (const PngChunk& chunk : chunks) {
            if (chunk.type != "fcTL" && chunk.type != "fdAT") continue;
            CHECK(load_big_endian_u32(chunk.data.data()) == sequence++);
            if (chunk.type == "fcTL") {
                REQUIRE(chunk.data.size() == 26);
                CHECK(load_big_endian_u32(chunk.data.data() + 4) == 6);
                CHECK(load_big_endian_u32(chunk.data.data() + 8) == 9);
                CHECK((chunk.data[20] << 8 | chunk.data[21]) == delays[frame]);
                CHECK((chunk.data[22] << 8 | chunk.data[23]) == 1000);
                ++frame;
            } else { // the data of a later frame make a PNG of its own
                std::vector<uint8_t> png(std::begin(png_signature), std::end(png_signature));
                append_png_chunk(png, "IHDR", chunks[0].data);
                append_png_chunk(png, "IDAT", chunk.data.subspan(4));
                append_png_chunk(png, "IEND", {});
                check_equal(decode_png(png, "frame").image, frames[frame - 1]);
            }
        }
        CHECK(frame == 3);
        check_equal(decode_png(file, "x.png").image, frames[0]);
    }

#endif

    TEST_CASE("apng: frames that do not fit together are refused") {
        const std::vector<Image8> frames{make_image(2, 3, 1, 1), make_image(3, 2, 1, 1)};
        CHECK(contains(error_of([&] { encode_apng({}, {}); }), "at least one frame"));
        CHECK(contains(error_of([&] { encode_apng(frames, std::vector{1, 1}); }), "frame 1 is 3x2x1"));
        CHECK(contains(error_of([&] {
                           encode_apng(std::span(frames).first(1), std::vector{1, 1});
                       }),
                       "delays, got 2"));
        CHECK(contains(error_of([&] { encode_apng(std::span(frames).first(1), std::vector{65536}); }),
                       "65536 ms"));
        CHECK(contains(error_of([&] { encode_apng(std::span(frames).first(1), std::vector{-1}); }), "-1 ms"));
        CHECK(contains(error_of([&] {
                           encode_apng(std::vector<Image8>{{1, 1, 1, {}}}, std::vector{1});
                       }),
                       "frame 0"));
    }

    TEST_CASE("image grid: pixels land where they belong") {
        // Three 1x2 images of RGB, two columns, doubled, with a gap of one: 5 rows by 9 columns.
        const std::vector<uint8_t> pixels{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26};
        const Image8 grid = image_grid(pixels, 3, 1, 2, 3, {.scale = 2, .columns = 2, .gap = 1, .fill = 99});
        REQUIRE(grid.height == 5);
        REQUIRE(grid.width == 9);
        REQUIRE(grid.channels == 3);
        const std::string expected[] = {"aabb.ccdd", "aabb.ccdd", ".........", "eeff.....", "eeff....."};
        for (int y = 0; y < 5; ++y)
            for (int x = 0; x < 9; ++x)
                for (int c = 0; c < 3; ++c) {
                    const char cell = expected[y][static_cast<size_t>(x)];
                    const int value = cell == '.' ? 99 : pixels[static_cast<size_t>((cell - 'a') * 3 + c)];
                    CHECK(int(grid.pixels[static_cast<size_t>((y * 9 + x) * 3 + c)]) == value);
                }
    }

    TEST_CASE("image grid: the shape is near square and its gaps are two pixels") {
        const auto size = [](int count) {
            const std::vector<uint8_t> pixels(static_cast<size_t>(count) * 28 * 28);
            const Image8 grid = image_grid(pixels, count, 28, 28, 1);
            return std::pair{(grid.height + 2) / 30, (grid.width + 2) / 30};
        };
        CHECK(size(64) == std::pair{8, 8});
        CHECK(size(1) == std::pair{1, 1});
        CHECK(size(2) == std::pair{1, 2});
        CHECK(size(10) == std::pair{3, 4});
        CHECK(size(65) == std::pair{8, 9});
        const Image8 grid = image_grid(std::vector<uint8_t>(64 * 28 * 28), 64, 28, 28, 1);
        CHECK(grid.height == 8 * 28 + 7 * 2);
        CHECK(grid.width == 8 * 28 + 7 * 2);
    }

    TEST_CASE("image grid: what does not fit is refused") {
        const std::vector<uint8_t> pixels(12);
        CHECK(contains(error_of([&] { image_grid(pixels, 0, 2, 2, 1); }), "a grid needs"));
        CHECK(contains(error_of([&] { image_grid(pixels, 3, 2, 1, 2); }), "1 or 3 channels"));
        CHECK(contains(error_of([&] { image_grid(pixels, 2, 2, 2, 1); }), "take 8 bytes, got 12"));
        CHECK(contains(error_of([&] { image_grid(pixels, 3, 2, 2, 1, {.scale = 0}); }), "scale >= 1"));
        CHECK(contains(error_of([&] { image_grid(pixels, 3, 2, 2, 1, {.scale = 1 << 30}); }), "too large"));
        CHECK(contains(error_of([&] { image_grid(pixels, 1 << 30, 2, 2, 1); }), "too large"));
    }

} // TEST_SUITE
