#include "engine/data/cifar10.h"
#include "tests/data/support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::test;

TEST_SUITE("data") {

    TEST_CASE("cifar10: planes become interleaved and files follow one another") {
        const TemporaryFolder folder;
        write_bytes(folder / "a.bin", make_cifar10(std::vector<uint8_t>{6, 9}));
        write_bytes(folder / "b.bin", make_cifar10(std::vector<uint8_t>{0}));
        const std::vector<std::filesystem::path> files{folder / "a.bin", folder / "b.bin"};
        const Dataset dataset = load_cifar10(files);
        CHECK(dataset.count == 3);
        CHECK(dataset.height == 32);
        CHECK(dataset.width == 32);
        CHECK(dataset.channels == 3);
        CHECK(dataset.labels == std::vector<int>{6, 9, 0});
        REQUIRE(dataset.pixels.size() == 3u * 32 * 32 * 3);
        size_t wrong = 0;
        for (int i = 0; i < 3; ++i)
            for (int y = 0; y < 32; ++y)
                for (int x = 0; x < 32; ++x)
                    for (int c = 0; c < 3; ++c)
                        wrong += dataset.pixels[static_cast<size_t>(((i * 32 + y) * 32 + x) * 3 + c)] !=
                                 cifar10_pixel(i == 2 ? 0 : i, y, x, c);
        CHECK(wrong == 0);
        CHECK(contains(dataset.description, "3 images of 32x32"));
        CHECK(contains(dataset.description, "and 1 files more"));
    }

    TEST_CASE("cifar10: bad files are refused with the reason") {
        const TemporaryFolder folder;
        const auto refusal = [&](std::span<const uint8_t> file) {
            write_bytes(folder / "a.bin", file);
            const std::vector<std::filesystem::path> files{folder / "a.bin"};
            std::string message = error_of([&] { load_cifar10(files); });
            CHECK(contains(message, (folder / "a.bin").string()));
            return message;
        };
        CHECK(contains(refusal({}), "it is empty"));
        std::vector<uint8_t> file = make_cifar10(std::vector<uint8_t>{1, 2});
        file.pop_back();
        CHECK(contains(refusal(file), "1 records and 3072 bytes more"));
        CHECK(contains(refusal(std::vector<uint8_t>(3074)), "1 records and 1 bytes more"));
        CHECK(contains(refusal(make_cifar10(std::vector<uint8_t>{9, 10})), "record 1 has 10"));
        CHECK(contains(error_of([] { load_cifar10({}); }), "at least one"));
    }

} // TEST_SUITE
