#pragma once

// The readers of files that come from elsewhere, as fuzzers see them: bytes in, and either they are accepted
// or refused by a heat::Error of one line. Anything else (another exception, what the sanitizers find, a
// hang) is a fault. tests/fuzz/target.cpp is libFuzzer's entry, tests/fuzz/fuzz_test.cpp the bounded run
// among the tests.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace heat::fuzz {

struct Reader {
    std::string name;
    /// Whether the bytes were accepted. Throws std::logic_error for a message of several lines, and whatever
    /// a faulty reader lets through.
    bool (*read)(std::span<const uint8_t> bytes);
    /// Files and folders of files to begin with, relative to the source tree.
    std::vector<std::string> seeds;
};

const std::vector<Reader>& readers();
/// Throws std::logic_error for an unknown name.
const Reader& reader_named(const std::string& name);

/// The files among a reader's seeds, in order of their names.
std::vector<std::filesystem::path> seed_files(const Reader& reader, const std::filesystem::path& source_tree);

} // namespace heat::fuzz
