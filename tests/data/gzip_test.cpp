#include "engine/data/gzip.h"
#include "tests/data/support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::test;

TEST_SUITE("data") {

    TEST_CASE("gzip: files that are not compressed are read as they are") {
        const TemporaryFolder folder;
        write_bytes(folder / "x.gz", to_bytes("plain"));
        CHECK(read_maybe_gzip(folder / "x.gz") == to_bytes("plain"));
        write_bytes(folder / "empty", {});
        CHECK(read_maybe_gzip(folder / "empty").empty());
    }

#if defined(HEAT_WITH_ZLIB) && HEAT_WITH_ZLIB

    TEST_CASE("gzip: one member and several and padding") {
        const TemporaryFolder folder;
        std::vector<uint8_t> file = make_gzip(to_bytes("heat "));
        write_bytes(folder / "x", file);
        CHECK(read_maybe_gzip(folder / "x") == to_bytes("heat "));
        append(file, make_gzip({}));
        append(file, make_gzip(to_bytes("engine")));
        file.resize(file.size() + 100);
        CHECK(gunzip(file, "x") == to_bytes("heat engine"));
    }

    TEST_CASE("gzip: deflated text of a known file") {
        // printf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' | gzip -9n
        const std::vector<uint8_t> file{0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
                                        0x02, 0x03, 0x4b, 0x4c, 0x24, 0x0e, 0x00, 0x00,
                                        0x25, 0x8a, 0x5b, 0xc9, 0x28, 0x00, 0x00, 0x00};
        CHECK(gunzip(file, "x") == std::vector<uint8_t>(40, 'a'));
    }

    TEST_CASE("gzip: the limit of size holds to the byte") {
        std::vector<uint8_t> content(60'000);
        for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<uint8_t>(i * i >> 3);
        std::vector<uint8_t> file = make_gzip(content);
        for (int member = 1; member < 4; ++member) append(file, make_gzip(content));
        CHECK(gunzip(file, "x", 240'000).size() == 240'000);
        CHECK(contains(error_of([&] { gunzip(file, "x", 239'999); }), "more than the 239999 bytes"));
        CHECK(contains(error_of([&] { gunzip(file, "x", 0); }), "more than the 0 bytes"));
    }

    TEST_CASE("gzip: cut off and damaged files are refused") {
        const std::vector<uint8_t> file = make_gzip(to_bytes("some content"));
        for (size_t size = 2; size < file.size(); ++size)
            CHECK(contains(error_of([&] { gunzip(std::span(file).first(size), "x.gz"); }),
                           "x.gz: the gzip data are cut off"));
        std::vector<uint8_t> damaged = file;
        damaged[18] ^= 1;
        CHECK(contains(error_of([&] { gunzip(damaged, "x.gz"); }), "damaged"));
        std::vector<uint8_t> followed = file;
        append(followed, to_bytes("abc"));
        CHECK(contains(error_of([&] { gunzip(followed, "x.gz"); }), "3 bytes that are not gzip"));
        CHECK(contains(error_of([&] { gunzip(to_bytes("abc"), "x.gz"); }), "expected a gzip file"));
    }

#else

    TEST_CASE("gzip: without zlib a compressed file is refused with the package to install") {
        const TemporaryFolder folder;
        write_bytes(folder / "x.gz", make_gzip(to_bytes("heat")));
        const std::string message = error_of([&] { read_maybe_gzip(folder / "x.gz"); });
        CHECK(contains(message, (folder / "x.gz").string()));
        CHECK(contains(message, "zlib1g-dev"));
    }

#endif

} // TEST_SUITE
