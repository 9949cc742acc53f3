// The seeds as they are, and some thousands of changed ones: what the longer runs of libFuzzer (the preset
// fuzz) did not break stays so.

#include "engine/io/file.h"
#include "tests/fuzz/mutation.h"
#include "tests/fuzz/readers.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::fuzz;

namespace {

constexpr uint64_t changed_files = 2000;

/// A file whose name says so is one that readers must refuse: each stands for a fault that was.
bool is_refused(const std::filesystem::path& file) {
    return file.filename().string().starts_with("refused");
}

void check_reader(const std::string& name) {
    const Reader& reader = reader_named(name);
    std::vector<std::vector<uint8_t>> seeds;
    size_t accepted = 0;
    for (const std::filesystem::path& file : seed_files(reader, HEAT_SOURCE_DIR)) {
        CAPTURE(file.string());
        seeds.push_back(read_file(file));
        const bool sound = reader.read(seeds.back());
        CHECK(!(sound && is_refused(file)));
        accepted += sound;
    }
    CHECK(accepted > 0);
    size_t changed_accepted = 0;
    for (uint64_t i = 0; i < changed_files; ++i) {
        CAPTURE(i);
        Mutation mutation(i);
        const std::vector<uint8_t> bytes =
            mutation.apply(seeds[i % seeds.size()], seeds[(i / seeds.size()) % seeds.size()]);
        bool sound = false;
        CHECK_NOTHROW(sound = reader.read(bytes));
        changed_accepted += sound;
    }
    CHECK(changed_accepted > 0);
    CHECK(changed_accepted < changed_files);
}

} // namespace

TEST_SUITE_BEGIN("io");

TEST_CASE("fuzz: safetensors") {
    check_reader("safetensors");
}
TEST_CASE("fuzz: npy") {
    check_reader("npy");
}
TEST_CASE("fuzz: images") {
    check_reader("image");
}
TEST_CASE("fuzz: IDX and CIFAR-10") {
    check_reader("dataset");
}
TEST_CASE("fuzz: dataset.json") {
    check_reader("json");
}
TEST_CASE("fuzz: zip") {
    check_reader("zip");
}
TEST_CASE("fuzz: configurations") {
    check_reader("toml");
}
