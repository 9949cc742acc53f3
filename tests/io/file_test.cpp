#include "engine/io/crc32.h"
#include "engine/io/file.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

using namespace heat;
using namespace heat::test;
namespace fs = std::filesystem;

TEST_SUITE("io") {

    TEST_CASE("file: a written file reads back and leaves nothing beside it") {
        const TemporaryFolder folder;
        const fs::path path = folder / "a.bin";
        write_file_atomically(path, to_bytes("first"));
        CHECK(read_file(path) == to_bytes("first"));
        write_file_atomically(path, std::string_view("second, longer"));
        CHECK(read_file(path) == to_bytes("second, longer"));
        write_file_atomically(path, std::string_view(""));
        CHECK(read_file(path).empty());
        CHECK(folder.entry_count() == 1);
    }

    TEST_CASE("file: pieces at offsets and at the end") {
        const TemporaryFolder folder;
        AtomicFile file(folder / "a.bin");
        file.write_at(4, to_bytes("ef"));
        file.write_at(0, to_bytes("ab"));
        file.write(std::string_view("g"));
        CHECK(file.size() == 7);
        CHECK_FALSE(fs::exists(folder / "a.bin"));
        file.commit();
        CHECK(read_file(folder / "a.bin") == std::vector<uint8_t>{'a', 'b', 0, 0, 'e', 'f', 'g'});
        CHECK(contains(error_of([&] { file.write(std::string_view("x")); }), "committed"));
    }

    TEST_CASE("file: without commit the old content stays and nothing is left beside it") {
        const TemporaryFolder folder;
        write_file_atomically(folder / "a.bin", std::string_view("old"));
        {
            AtomicFile file(folder / "a.bin");
            file.write(std::string_view("half of the new"));
            CHECK(folder.entry_count() == 2);
        }
        CHECK(read_file(folder / "a.bin") == to_bytes("old"));
        CHECK(folder.entry_count() == 1);
    }

    TEST_CASE("file: a write that fails half way names the path and the reason and keeps the old file") {
        const TemporaryFolder folder;
        const fs::path path = folder / "a.bin";
        write_file_atomically(path, std::string_view("old"));
        const std::vector<uint8_t> large(100'000, 7);
        // A limit on file size fails like a full disk, in the middle of a write.
        const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
        rlimit previous{};
        getrlimit(RLIMIT_FSIZE, &previous);
        const rlimit small{50'000, previous.rlim_max};
        setrlimit(RLIMIT_FSIZE, &small);
        const std::string message = error_of([&] { write_file_atomically(path, large); });
        setrlimit(RLIMIT_FSIZE, &previous);
        std::signal(SIGXFSZ, previous_handler);
        CHECK(contains(message, path.string()));
        CHECK(contains(message, "File too large"));
        CHECK(read_file(path) == to_bytes("old"));
        CHECK(folder.entry_count() == 1);
    }

    TEST_CASE("file: paths that cannot be read or written are named") {
        const TemporaryFolder folder;
        const std::string missing = error_of([&] { read_file(folder / "no"); });
        CHECK(contains(missing, (folder / "no").string()));
        CHECK(contains(missing, "No such file"));
        CHECK(contains(error_of([&] { read_file(folder.path()); }), "folder"));
        CHECK(contains(error_of([&] { MappedFile mapped(folder.path()); }), "folder"));
        CHECK(contains(error_of([&] { write_file_atomically(folder.path(), std::string_view("x")); }),
                       "it is a folder"));
        CHECK(
            contains(error_of([&] { write_file_atomically("/dev/null", std::string_view("x")); }), "device"));
        const std::string no_folder =
            error_of([&] { write_file_atomically(folder / "no/a", std::string_view("x")); });
        CHECK(contains(no_folder, (folder / "no/a").string()));
        CHECK(contains(no_folder, "create its folder"));
        write_file_atomically(folder / "ten", std::string_view("0123456789"));
        CHECK(read_file(folder / "ten", 10).size() == 10);
        CHECK(contains(error_of([&] { read_file(folder / "ten", 9); }), "10 bytes"));
        CHECK(contains(error_of([&] { read_file("/dev/zero", 9); }), "device"));
        // Nobody writes to this pipe: whoever waits for it waits for ever.
        REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
        CHECK(contains(error_of([&] { read_file(folder / "pipe"); }), "pipe"));
        CHECK(contains(error_of([&] { MappedFile mapped(folder / "pipe"); }), "pipe"));
        CHECK(contains(error_of([&] { sum_file(folder / "pipe"); }), "pipe"));
    }

    TEST_CASE("file: a symbolic link is written through") {
        const TemporaryFolder folder;
        write_file_atomically(folder / "target", std::string_view("old"));
        fs::create_symlink("target", folder / "link");
        write_file_atomically(folder / "link", std::string_view("new"));
        CHECK(fs::is_symlink(folder / "link"));
        CHECK(read_file(folder / "target") == to_bytes("new"));
    }

    TEST_CASE("file: a mapping shows the bytes and survives the replacement of its file") {
        const TemporaryFolder folder;
        write_file_atomically(folder / "a", std::string_view("old"));
        MappedFile mapped(folder / "a");
        write_file_atomically(folder / "a", std::string_view("something new"));
        const MappedFile moved = std::move(mapped);
        CHECK(std::vector<uint8_t>(moved.bytes().begin(), moved.bytes().end()) == to_bytes("old"));
        write_file_atomically(folder / "a", std::string_view(""));
        CHECK(MappedFile(folder / "a").bytes().empty());
    }

    TEST_CASE("file: a folder is published and replaces the one of that name") {
        const TemporaryFolder folder;
        const auto make = [&](std::string_view name, std::string_view content) {
            fs::create_directory(folder / name);
            write_file_atomically(folder / name / "state", content);
        };
        make("new", "1");
        publish_directory(folder / "new", folder / "final");
        CHECK(read_file(folder / "final" / "state") == to_bytes("1"));
        CHECK(folder.entry_count() == 1);

        make("new", "2");
        publish_directory(folder / "new/", folder / "final/"); // a trailing slash is the same folder
        CHECK(read_file(folder / "final" / "state") == to_bytes("2"));
        CHECK(folder.entry_count() == 1);

        CHECK(contains(error_of([&] { publish_directory(folder / "absent", folder / "final"); }),
                       "expected a folder"));
        CHECK(contains(error_of([&] { publish_directory(folder / "final", folder / "final/"); }), "itself"));
        write_file_atomically(folder / "file", std::string_view("x"));
        CHECK(contains(error_of([&] { publish_directory(folder / "final", folder / "file"); }), "taken"));
        CHECK(read_file(folder / "final" / "state") == to_bytes("2"));
    }

    TEST_CASE("crc32: the check value of the standard and a sum in pieces") {
        const std::vector<uint8_t> digits = to_bytes("123456789");
        CHECK(crc32(digits) == 0xCBF43926u);
        CHECK(crc32(std::span(digits).subspan(4), crc32(std::span(digits).first(4))) == 0xCBF43926u);
        CHECK(crc32({}) == 0u);
    }

    TEST_CASE("crc32: eight bytes at a time as bit by bit, at every length and start") {
        std::vector<uint8_t> bytes(64);
        for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(i * 167 + 13);
        const auto bit_by_bit = [](std::span<const uint8_t> part) {
            uint32_t value = 0xFFFFFFFFu;
            for (const uint8_t byte : part) {
                value ^= byte;
                for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xEDB88320u : 0u);
            }
            return ~value;
        };
        for (size_t begin = 0; begin < 9; ++begin)
            for (size_t length = 0; begin + length <= bytes.size(); ++length) {
                const auto part = std::span(bytes).subspan(begin, length);
                REQUIRE(crc32(part) == bit_by_bit(part));
            }
    }

    TEST_CASE("file: size and checksum of a file longer than a piece") {
        const TemporaryFolder folder;
        std::vector<uint8_t> bytes((size_t{1} << 20) + 4321);
        for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(i * i >> 7);
        write_file_atomically(folder / "a", bytes);
        CHECK(sum_file(folder / "a") == FileSum{bytes.size(), crc32(bytes)});
        bytes[size_t{1} << 20] ^= 1;
        CHECK(sum_file(folder / "a").crc32 != crc32(bytes));
        write_file_atomically(folder / "a", std::string_view());
        CHECK(sum_file(folder / "a") == FileSum{});
        CHECK(contains(error_of([&] { sum_file(folder / "no"); }), (folder / "no").string()));
    }

} // TEST_SUITE
