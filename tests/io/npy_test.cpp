#include "engine/io/byte_order.h"
#include "engine/io/crc32.h"
#include "engine/io/file.h"
#include "engine/io/npy.h"
#include "engine/io/npz.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstring>
#include <limits>

using namespace heat;
using namespace heat::test;

namespace {

template <class Element>
NpyArray array_of(std::vector<int64_t> shape, NpyDtype dtype, const std::vector<Element>& values) {
    NpyArray array{std::move(shape), dtype, std::vector<uint8_t>(values.size() * sizeof(Element))};
    if (!values.empty()) std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
    return array;
}

/// A .npy file of the given version with a header text and data taken as they are.
std::vector<uint8_t> assemble(int version, std::string_view header, size_t data_bytes) {
    std::vector<uint8_t> file = to_bytes("\x93NUMPY");
    file.push_back(static_cast<uint8_t>(version));
    file.push_back(0);
    append_little_endian(file, header.size(), version == 1 ? 2 : 4);
    append(file, to_bytes(header));
    file.resize(file.size() + data_bytes);
    return file;
}

std::string refusal(std::span<const uint8_t> file) {
    std::string message = error_of([&] { decode_npy(file, "x.npy"); });
    if (!message.empty()) CHECK(contains(message, "x.npy"));
    return message;
}

std::string header_refusal(std::string_view header, size_t data_bytes = 4) {
    return refusal(assemble(1, header, data_bytes));
}

void check_round_trip(const TemporaryFolder& folder, const NpyArray& array) {
    write_npy(folder / "x.npy", array);
    const NpyArray again = read_npy(folder / "x.npy");
    CHECK(again.shape == array.shape);
    CHECK(again.dtype == array.dtype);
    CHECK(again.bytes == array.bytes);
}

} // namespace

TEST_SUITE("io") {

    TEST_CASE("npy: the bytes of a small file") {
        const TemporaryFolder folder;
        write_npy(folder / "x.npy", NpyView({2}, std::vector<float>{1.f, -2.f}));
        std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
        header.resize(127 - 10, ' ');
        std::vector<uint8_t> expected = assemble(1, header + "\n", 0);
        append(expected, std::vector<uint8_t>{0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0});
        CHECK(expected.size() == 128 + 8);
        CHECK(read_file(folder / "x.npy") == expected);
    }

    TEST_CASE("npy: round trips of every dtype and of odd shapes") {
        const TemporaryFolder folder;
        check_round_trip(folder, array_of<float>({2, 3, 1, 1}, NpyDtype::f32, {1, 2, 3, 4, 5, 6.5f}));
        check_round_trip(folder, array_of<double>({2}, NpyDtype::f64, {0.1, -1e300}));
        check_round_trip(folder, array_of<uint8_t>({1, 3}, NpyDtype::u8, {0, 128, 255}));
        check_round_trip(folder, array_of<int64_t>({}, NpyDtype::i64, {std::numeric_limits<int64_t>::min()}));
        check_round_trip(folder, array_of<float>({3, 0, 5}, NpyDtype::f32, {}));
    }

    TEST_CASE("npy: conversion to f32") {
        CHECK(npy_to_f32(array_of<double>({2}, NpyDtype::f64, {0.1, -3})) == std::vector<float>{0.1f, -3.f});
        CHECK(npy_to_f32(array_of<uint8_t>({2}, NpyDtype::u8, {7, 255})) == std::vector<float>{7.f, 255.f});
        CHECK(npy_to_f32(array_of<int64_t>({2}, NpyDtype::i64, {-5, 16777217})) ==
              std::vector<float>{-5.f, 16777216.f});
        CHECK(npy_to_f32(array_of<float>({1}, NpyDtype::f32, {2.5f})) == std::vector<float>{2.5f});
        CHECK(contains(error_of([] {
                           npy_to_f32({{3}, NpyDtype::f32, std::vector<uint8_t>(8)});
                       }),
                       "takes 12 bytes, got 8"));
    }

    TEST_CASE("npy: versions 2 and 3 and other spellings of the header") {
        for (const int version : {1, 2, 3}) {
            const NpyArray array = decode_npy(
                assemble(version, "{\"shape\":(2L,1),'descr':\"<f8\" ,'fortran_order':False}\n", 16),
                "x.npy");
            CHECK(array.shape == std::vector<int64_t>{2, 1});
            CHECK(array.dtype == NpyDtype::f64);
        }
        CHECK(decode_npy(assemble(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (), }", 1), "x.npy")
                  .shape.empty());
    }

    TEST_CASE("npy: bad files are refused with the reason") {
        const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
        CHECK(header_refusal(good).empty());
        CHECK(contains(refusal({}), "got 0 bytes"));
        CHECK(contains(refusal(to_bytes("PK\x03\x04 a zip file")), "expected a .npy file"));
        CHECK(contains(refusal(assemble(4, good, 4)), "version 4"));
        CHECK(contains(header_refusal(good, 3), "it is cut off"));
        CHECK(contains(header_refusal(good, 5), "follows the array"));
        const std::vector<uint8_t> whole = assemble(1, good, 4);
        for (size_t size = 0; size < whole.size(); ++size)
            CHECK_FALSE(refusal(std::span(whole).first(size)).empty());

        CHECK(contains(header_refusal("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }"),
                       "Fortran order"));
        CHECK(contains(header_refusal("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }"),
                       "'>f4' is not read"));
        CHECK(
            contains(header_refusal("{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }"), "astype"));
        CHECK(contains(header_refusal("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"),
                       "structured"));
        CHECK(contains(header_refusal("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }"),
                       "True or False"));
        CHECK(contains(header_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"),
                       "a dimension"));
        CHECK(contains(header_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (1 1), }"),
                       "',' or ')'"));
        CHECK(contains(
            header_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }"),
            "2^63"));
        CHECK(contains(
            header_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"),
            "larger than any"));
        CHECK(contains(header_refusal("{'descr': '<f4', 'fortran_order': False}"), "each once"));
        CHECK(contains(
            header_refusal("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"),
            "each once"));
        CHECK(contains(header_refusal("{'colour': '<f4'}"), "the key"));
        CHECK(contains(header_refusal(good + "x"), "nothing after"));
        CHECK(contains(header_refusal("{'descr': '<f4"), "closing quote"));
        CHECK(contains(header_refusal(""), "'{'"));
    }

    TEST_CASE("npy: arrays that contradict themselves are not written") {
        const TemporaryFolder folder;
        const std::vector<float> three(3);
        CHECK(contains(error_of([&] {
                           write_npy(folder / "x.npy", NpyView({2, 2}, three));
                       }),
                       "takes 16 bytes, got 12"));
        CHECK(contains(error_of([&] { write_npy(folder / "x.npy", NpyView({-3}, three)); }), "negative"));
        CHECK(folder.entry_count() == 0);
    }

    TEST_CASE("npz: the bytes of a file of two arrays") {
        const TemporaryFolder folder;
        const NpyArray samples = array_of<uint8_t>({1, 2, 2, 1}, NpyDtype::u8, {1, 2, 3, 4});
        const NpyArray labels = array_of<int64_t>({1}, NpyDtype::i64, {9});
        const std::vector<NpzEntry> entries{{"arr_0", samples}, {"arr_1", labels}};
        write_npz(folder / "x.npz", entries);

        std::vector<uint8_t> expected, directory;
        for (const NpzEntry& entry : entries) {
            std::vector<uint8_t> member = npy_header(entry.array);
            append(member, entry.array.bytes);
            std::vector<uint8_t>
                common; // version 2.0, UTF-8 name, stored, 1980-01-01, CRC, sizes, name, no extra field
            append_little_endian(common, 20, 2);
            append_little_endian(common, 0x0800, 2);
            append_little_endian(common, 0, 4);
            append_little_endian(common, 0x21, 2);
            append_little_endian(common, crc32(member), 4);
            append_little_endian(common, member.size(), 4);
            append_little_endian(common, member.size(), 4);
            append_little_endian(common, 9, 2);
            append_little_endian(common, 0, 2);
            append(directory, to_bytes("PK\x01\x02\x14\x03"));
            append(directory, common);
            append_little_endian(directory, 0, 6);
            append_little_endian(directory, uint64_t{0x81A4} << 16, 4);
            append_little_endian(directory, expected.size(), 4);
            append(directory, to_bytes(entry.name + ".npy"));
            append(expected, to_bytes("PK\x03\x04"));
            append(expected, common);
            append(expected, to_bytes(entry.name + ".npy"));
            append(expected, member);
        }
        const size_t directory_offset = expected.size();
        append(expected, directory);
        append(expected, to_bytes("PK\x05\x06"));
        append_little_endian(expected, 0, 4);
        append_little_endian(expected, 2, 2);
        append_little_endian(expected, 2, 2);
        append_little_endian(expected, directory.size(), 4);
        append_little_endian(expected, directory_offset, 4);
        append_little_endian(expected, 0, 2);
        CHECK(read_file(folder / "x.npz") == expected);
    }

    TEST_CASE("npz: names that clash and sizes past 4 GiB are refused before anything is written") {
        const TemporaryFolder folder;
        const std::vector<float> one{1.f};
        const NpyView array({1}, one);
        const auto write = [&](std::vector<NpzEntry> entries) {
            return error_of([&] { write_npz(folder / "x.npz", entries); });
        };
        CHECK(contains(write({{"a", array}, {"a", array}}), "two arrays are named 'a'"));
        CHECK(contains(write({{"", array}}), "cannot name"));
        CHECK(contains(write({{"../a", array}}), "cannot name"));
        // Reserved addresses that are never touched.
        const size_t size = size_t{1} << 32;
        void* reserved = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        REQUIRE(reserved != MAP_FAILED);
        const NpyView large({int64_t{1} << 32}, NpyDtype::u8, {static_cast<const uint8_t*>(reserved), size});
        CHECK(contains(write({{"a", large}}), "4 GiB"));
        const NpyView half({int64_t{1} << 31}, NpyDtype::u8,
                           {static_cast<const uint8_t*>(reserved), size / 2});
        CHECK(contains(write({{"a", half}, {"b", half}}), "4 GiB"));
        munmap(reserved, size);
        CHECK(folder.entry_count() == 0);
    }

} // TEST_SUITE
