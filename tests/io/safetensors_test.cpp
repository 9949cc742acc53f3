#include "engine/io/byte_order.h"
#include "engine/io/safetensors.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace heat;
using namespace heat::test;
namespace fs = std::filesystem;

namespace {

const fs::path golden = fs::path(HEAT_SOURCE_DIR) / "tests/golden/io_small.safetensors";

template <class Element>
std::vector<Element> elements(const SafetensorsEntry& entry) {
    std::vector<Element> values(entry.bytes.size() / sizeof(Element));
    if (!values.empty()) std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
    return values;
}

template <class Element>
std::span<const uint8_t> bytes_of(const std::vector<Element>& values) {
    return {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(Element)};
}

/// A file from a header text and data, both taken as they are.
std::vector<uint8_t> assemble(std::string_view header, size_t data_bytes) {
    std::vector<uint8_t> file;
    append_little_endian(file, header.size(), 8);
    append(file, to_bytes(header));
    file.resize(file.size() + data_bytes);
    return file;
}

std::string refusal(const TemporaryFolder& folder, std::span<const uint8_t> file) {
    write_bytes(folder / "bad.safetensors", file);
    std::string message = error_of([&] { SafetensorsFile opened(folder / "bad.safetensors"); });
    if (!message.empty()) CHECK(contains(message, (folder / "bad.safetensors").string()));
    return message;
}

} // namespace

TEST_SUITE("io") {

    TEST_CASE("safetensors: reads what the safetensors package wrote") {
        const SafetensorsFile file(golden);
        CHECK(file.entries().size() == 5);
        CHECK(file.metadata() == SafetensorsMetadata{{"format", "pt"}});

        const SafetensorsEntry& weight = file.at("conv.weight");
        CHECK(weight.dtype == "F32");
        CHECK(weight.shape == std::vector<int64_t>{2, 3});
        CHECK(elements<float>(weight) == std::vector<float>{-0.5f, -0.25f, 0.f, 0.25f, 0.5f, 0.75f});
        CHECK(file.at("half").dtype == "BF16");
        CHECK(elements<uint16_t>(file.at("half")) == std::vector<uint16_t>{0x3F80, 0xC020, 0x4049});
        CHECK(file.at("step").shape.empty());
        CHECK(elements<int64_t>(file.at("step")) == std::vector<int64_t>{1234567890123});
        CHECK(elements<uint8_t>(file.at("flags")) == std::vector<uint8_t>{1, 2, 255});
        CHECK(file.at("nothing").shape == std::vector<int64_t>{0, 4});
        CHECK(file.at("nothing").bytes.empty());

        CHECK(file.find("absent") == nullptr);
        const std::string message = error_of([&] { file.at("absent"); });
        CHECK(contains(message, golden.string()));
        CHECK(contains(message, "\"absent\""));
    }

    TEST_CASE("safetensors: writes the same bytes as the safetensors package") {
        const TemporaryFolder folder;
        const SafetensorsFile file(golden);
        write_safetensors(folder / "again.safetensors", file.entries(), file.metadata());
        CHECK(read_file(folder / "again.safetensors") == read_file(golden));
        CHECK(folder.entry_count() == 1);
    }

    TEST_CASE("safetensors: round trip in any order of writing with aligned data") {
        const TemporaryFolder folder;
        const std::vector<uint8_t> bytes{1, 2, 3};
        const std::vector<float> floats{1.5f, -2.f};
        const std::vector<double> doubles{0.1};
        const std::vector<SafetensorsEntry> layout{{"a \"quoted\"\nname", "U8", {3}, {}},
                                                   {"b", "F32", {2, 1}, {}},
                                                   {"c", "F64", {}, {}},
                                                   {"empty", "F16", {7, 0}, {}}};
        SafetensorsWriter writer(folder / "x", layout, {{"k", "v"}, {"k2", ""}});
        writer.write("c", bytes_of(doubles));
        writer.write(layout[0].name, bytes);
        writer.write("b", bytes_of(floats));
        CHECK_FALSE(fs::exists(folder / "x"));
        writer.finish();

        const SafetensorsFile file(folder / "x");
        CHECK(file.metadata() == SafetensorsMetadata{{"k", "v"}, {"k2", ""}});
        CHECK(elements<uint8_t>(file.at(layout[0].name)) == bytes);
        CHECK(elements<float>(file.at("b")) == floats);
        CHECK(elements<double>(file.at("c")) == doubles);
        CHECK(file.at("empty").shape == std::vector<int64_t>{7, 0});
        for (const SafetensorsEntry& entry : file.entries())
            CHECK(reinterpret_cast<uintptr_t>(entry.bytes.data()) % safetensors_element_size(entry.dtype) ==
                  0);
    }

    TEST_CASE("safetensors: an empty file of tensors") {
        const TemporaryFolder folder;
        write_safetensors(folder / "x", {});
        CHECK(SafetensorsFile(folder / "x").entries().empty());
        CHECK(SafetensorsFile(folder / "x").metadata().empty());
    }

    TEST_CASE("safetensors: what cannot be written is refused and leaves no file") {
        const TemporaryFolder folder;
        const std::vector<uint8_t> four(4);
        const auto write = [&](std::vector<SafetensorsEntry> entries) {
            return error_of([&] { write_safetensors(folder / "x", entries); });
        };
        CHECK(contains(write({{"a", "F32", {1}, four}, {"a", "F32", {1}, four}}),
                       "two tensors are named \"a\""));
        CHECK(contains(write({{"", "F32", {1}, four}}), "cannot name"));
        CHECK(contains(write({{"__metadata__", "F32", {1}, four}}), "cannot name"));
        CHECK(contains(write({{"a", "F33", {1}, four}}), "F33"));
        CHECK(contains(write({{"a", "F32", {-1}, four}}), "negative"));
        CHECK(contains(write({{"a", "F32", {2}, four}}), "takes 8 bytes, got 4"));
        CHECK(contains(write({{"a\xff", "F32", {1}, four}}), "UTF-8"));
        CHECK(contains(write({{"a", "F32", {int64_t{1} << 40, int64_t{1} << 40}, four}}),
                       "larger than any file"));
        const std::vector<SafetensorsEntry> layout{{"a", "F32", {1}, {}}, {"b", "F32", {1}, {}}};
        SafetensorsWriter writer(folder / "x", layout);
        writer.write("a", four);
        CHECK(contains(error_of([&] { writer.write("a", four); }), "twice"));
        CHECK(contains(error_of([&] { writer.write("c", four); }), "not in its layout"));
        CHECK(contains(error_of([&] { writer.finish(); }), "\"b\" never came"));
        CHECK_FALSE(fs::exists(folder / "x"));
    }

    TEST_CASE("safetensors: damaged files are refused with the reason") {
        const TemporaryFolder folder;
        const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
        CHECK(refusal(folder, assemble(good, 8)).empty());
        CHECK(contains(refusal(folder, {}), "0 bytes are too few"));
        CHECK(contains(refusal(folder, assemble(good, 7)), "cut off"));
        CHECK(contains(refusal(folder, assemble(good, 9)), "1 belong to none"));
        std::vector<uint8_t> file = assemble(good, 0);
        file.resize(30);
        CHECK(contains(refusal(folder, file), "cut off"));
        file.clear();
        append_little_endian(file, 100'000'001, 8);
        file.resize(100);
        CHECK(contains(refusal(folder, file), "beyond the format's 100000000"));
        file.clear();
        append_little_endian(file, ~uint64_t{0}, 8);
        file.resize(100);
        CHECK(contains(refusal(folder, file), "beyond the format's"));

        const auto header = [&](std::string_view text, size_t data = 8) {
            return refusal(folder, assemble(text, data));
        };
        CHECK(contains(header("[1,2,3]"), "'{'"));
        CHECK(contains(header("{\"a\":"), "not valid JSON"));
        CHECK(contains(header("{}x", 0), "not valid JSON"));
        CHECK(contains(header("{\"\xff\":1}"), "not valid JSON"));
        CHECK(contains(header(R"({"a":[[[[[[[[]]]]]]]]})"), "nested"));
        CHECK(contains(header(R"({"a":7})"), "expected an object"));
        CHECK(contains(
            header(
                R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
            "names \"a\" twice"));
        CHECK(contains(header(R"({"a":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}})"),
                       "names \"dtype\" twice"));
        CHECK(contains(header(R"({"a":{"shape":[2],"data_offsets":[0,8]}})"), "'dtype'"));
        CHECK(contains(header(R"({"a":{"dtype":"X\n9","shape":[2],"data_offsets":[0,8]}})"), "not known"));
        CHECK(contains(header(R"({"a":{"dtype":"F32","data_offsets":[0,8]}})"), "'shape'"));
        CHECK(contains(header(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"), "'shape'"));
        CHECK(contains(header(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})"), "'shape'"));
        CHECK(contains(header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})"), "[begin, end]"));
        CHECK(contains(header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"), "[begin, end]"));
        CHECK(contains(header(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})"),
                       "takes 12 bytes, data_offsets span 8"));
        CHECK(
            contains(header(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"),
                     "larger than any"));
        CHECK(contains(header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12),
                       "leave a hole"));
        CHECK(contains(
            header(
                R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                12),
            "overlap"));
        CHECK(contains(
            header(
                R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})",
                16),
            "leave a hole"));
        CHECK(contains(header(R"({"__metadata__":{"k":1}})", 0), "__metadata__"));
        CHECK(contains(header(R"({"__metadata__":"k"})", 0), "__metadata__"));
        CHECK(contains(error_of([&] { SafetensorsFile file_missing(folder / "no"); }), "No such file"));
    }

    TEST_CASE(
        "safetensors: no altered byte of the header goes unseen where it changes the data's place or type") {
        const TemporaryFolder folder;
        const std::vector<uint8_t> good = read_file(golden);
        const SafetensorsFile original(golden);
        const uint64_t data_start = good.size() - 41;
        int refused = 0, accepted = 0;
        for (uint64_t at = 0; at < data_start; ++at) {
            for (const uint8_t flip : {0x01, 0x10, 0x80}) {
                std::vector<uint8_t> altered = good;
                altered[at] ^= flip;
                write_bytes(folder / "altered", altered);
                try {
                    const SafetensorsFile file(folder / "altered");
                    ++accepted;
                    // What remains possible: another name, an extra key, or the same bytes under a dtype of
                    // equal size.
                    uint64_t total = 0;
                    for (const SafetensorsEntry& entry : file.entries()) {
                        CHECK(safetensors_byte_size(entry.dtype, entry.shape) == entry.bytes.size());
                        total += entry.bytes.size();
                    }
                    CHECK(total == 41);
                } catch (const Error& error) {
                    ++refused;
                    CHECK(contains(error.what(), "altered"));
                }
            }
        }
        CHECK(refused > accepted);
        CHECK(refused + accepted == int(3 * data_start));
        for (size_t size = 0; size < good.size(); ++size)
            CHECK_FALSE(refusal(folder, std::span(good).first(size)).empty());
    }

} // TEST_SUITE
