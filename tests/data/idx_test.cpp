#include "engine/data/idx.h"
#include "tests/data/support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::test;

namespace {

constexpr const char* images_name = "train-images-idx3-ubyte";
constexpr const char* labels_name = "train-labels-idx1-ubyte";

std::string refusal(const TemporaryFolder& folder, std::span<const uint8_t> file) {
    write_bytes(folder / images_name, file);
    std::string message = error_of([&] { load_idx(folder / images_name); });
    if (!message.empty()) CHECK(contains(message, (folder / images_name).string()));
    return message;
}

/// The header alone, with dimensions that the (missing) pixels do not have to justify.
std::vector<uint8_t> header_of(uint32_t count, uint32_t height, uint32_t width) {
    std::vector<uint8_t> file;
    for (const uint32_t value : {0x00000803u, count, height, width}) append_big_endian(file, value, 4);
    return file;
}

} // namespace

TEST_SUITE("data") {

    TEST_CASE("idx: images and the labels beside them") {
        const TemporaryFolder folder;
        write_bytes(folder / images_name, make_idx_images(3, 2, 4));
        write_bytes(folder / labels_name, make_idx_labels(std::vector<uint8_t>{7, 0, 9}));
        const Dataset dataset = load_idx(folder / images_name);
        CHECK(dataset.count == 3);
        CHECK(dataset.height == 2);
        CHECK(dataset.width == 4);
        CHECK(dataset.channels == 1);
        REQUIRE(dataset.pixels.size() == 24);
        for (size_t i = 0; i < 24; ++i) CHECK(int(dataset.pixels[i]) == int(3 * i + 1));
        CHECK(dataset.labels == std::vector<int>{7, 0, 9});
        CHECK(contains(dataset.description, "3 images of 2x4"));
        CHECK(contains(dataset.description, "labels 0 to 9"));
    }

    TEST_CASE("idx: without a labels file there are no labels") {
        const TemporaryFolder folder;
        write_bytes(folder / images_name, make_idx_images(1, 2, 2));
        CHECK(load_idx(folder / images_name).labels.empty());
        write_bytes(folder / "pictures", make_idx_images(1, 2, 2));
        CHECK(load_idx(folder / "pictures").labels.empty());
    }

    TEST_CASE("idx: the labels file is found under its usual names") {
        const TemporaryFolder folder;
        CHECK_FALSE(labels_file_of(folder / "t10k-images-idx3-ubyte.gz"));
        write_bytes(folder / "t10k-labels-idx1-ubyte", {});
        CHECK(labels_file_of(folder / "t10k-images-idx3-ubyte") == folder / "t10k-labels-idx1-ubyte");
        CHECK(labels_file_of(folder / "t10k-images-idx3-ubyte.gz") == folder / "t10k-labels-idx1-ubyte");
        write_bytes(folder / "t10k-labels-idx1-ubyte.gz", {});
        CHECK(labels_file_of(folder / "t10k-images-idx3-ubyte.gz") == folder / "t10k-labels-idx1-ubyte.gz");
        CHECK(labels_file_of(folder / "t10k-images-idx3-ubyte") == folder / "t10k-labels-idx1-ubyte");
        write_bytes(folder / "a-labels.idx1-ubyte.gz", {});
        CHECK(labels_file_of(folder / "a-images.idx3-ubyte") == folder / "a-labels.idx1-ubyte.gz");
    }

    TEST_CASE("idx: bad images files are refused with the reason") {
        const TemporaryFolder folder;
        CHECK(contains(refusal(folder, {}), "it is empty"));
        CHECK(contains(refusal(folder, std::vector<uint8_t>{0, 0, 8}), "only 3 bytes"));
        CHECK(contains(refusal(folder, to_bytes("something else")), "magic 0x736f6d65"));
        CHECK(contains(refusal(folder, make_idx_labels(std::vector<uint8_t>{1})), "a labels file"));
        const std::vector<uint8_t> good = make_idx_images(2, 3, 3);
        CHECK(contains(refusal(folder, std::span(good).first(12)), "cut off within its header"));
        CHECK(contains(refusal(folder, std::span(good).first(good.size() - 1)),
                       "take 18 bytes after the header, the file has 17: it is cut off"));
        std::vector<uint8_t> longer = good;
        longer.push_back(0);
        CHECK(contains(refusal(folder, longer), "something follows"));
        CHECK(contains(refusal(folder, header_of(0, 28, 28)), "there are none"));
        CHECK(contains(refusal(folder, header_of(5, 0, 28)), "refused"));
        CHECK(contains(refusal(folder, header_of(5, 28, 0)), "refused"));
        CHECK(contains(refusal(folder, header_of(1, 16385, 1)), "refused"));
        CHECK(contains(refusal(folder, header_of(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)), "refused"));
        // 2^30 · 2^14 · 2^14 = 2^58 bytes: refused by the size of the file, not by a failing allocation.
        CHECK(contains(refusal(folder, header_of(1u << 30, 16384, 16384)), "cut off"));
        // 2^32 · 1 · 1 would be 0 in 32 bits.
        CHECK(contains(refusal(folder, header_of(1u << 20, 1u << 12, 1)), "cut off"));
    }

    TEST_CASE("idx: bad labels files are refused with the reason") {
        const TemporaryFolder folder;
        write_bytes(folder / images_name, make_idx_images(2, 3, 3));
        const auto refusal_of_labels = [&](std::span<const uint8_t> file) {
            write_bytes(folder / labels_name, file);
            std::string message = error_of([&] { load_idx(folder / images_name); });
            CHECK(contains(message, (folder / labels_name).string()));
            return message;
        };
        CHECK(contains(refusal_of_labels(make_idx_labels(std::vector<uint8_t>{1, 2, 3})),
                       "3 labels for the 2 images"));
        CHECK(contains(refusal_of_labels({}), "it is empty"));
        CHECK(contains(refusal_of_labels(make_idx_images(2, 3, 3)), "an images file"));
        CHECK(contains(refusal_of_labels(std::vector<uint8_t>{0, 0, 8, 1, 0}), "cut off within its header"));
        std::vector<uint8_t> labels = make_idx_labels(std::vector<uint8_t>{1, 2});
        labels.pop_back();
        CHECK(contains(refusal_of_labels(labels), "expected 2 labels as its header says, got 1"));
    }

} // TEST_SUITE
