#pragma once

#include "engine/io/file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heat {

/// One tensor of a safetensors file. A safetensors file is a little-endian u64 (the length of the header), a
/// JSON header `{"name": {"dtype", "shape", "data_offsets": [begin, end]}, …, "__metadata__": {string:
/// string}}`, and the raw little-endian data in C order, without holes; offsets count from the end of the
/// header.
struct SafetensorsEntry {
    std::string name;
    std::string dtype; ///< "F32", "BF16", "F16", "F64", "I64", "I32", "I16", "I8", "U64" … "U8", "BOOL", …
    std::vector<int64_t> shape; ///< empty: a scalar
    std::span<const uint8_t>
        bytes; ///< borrowed; in a file of others it may lie at any alignment: copy, do not cast
};

using SafetensorsMetadata = std::map<std::string, std::string>;

/// Bytes of one element; 0 for a dtype that is not known.
size_t safetensors_element_size(std::string_view dtype);

/// Elements of a tensor times its element size. Throws Error on an unknown dtype, a negative dimension or a
/// size beyond 63 bits.
uint64_t safetensors_byte_size(std::string_view dtype, std::span<const int64_t> shape);

/// Writes a file tensor by tensor, so that no second copy of the data is ever held: the layout is fixed
/// first, then each tensor is given once, in any order, and `finish` makes the file appear under its name
/// (see AtomicFile). Data are laid out by element size, largest first, then in the order given, so that each
/// tensor is aligned.
class SafetensorsWriter {
public:
    /// `layout`: names, dtypes and shapes; its `bytes` are not looked at. Throws Error on an empty or
    /// repeated name, an unknown dtype, or a header beyond 100,000,000 bytes.
    SafetensorsWriter(const std::filesystem::path& path, std::span<const SafetensorsEntry> layout,
                      const SafetensorsMetadata& metadata = {});

    /// Throws Error when the name is not in the layout, was written before, or the size differs from the
    /// layout's.
    void write(const std::string& name, std::span<const uint8_t> bytes);

    /// Throws Error naming a tensor that is still missing.
    void finish();

private:
    struct Slot {
        uint64_t offset = 0; ///< in the file
        uint64_t size = 0;
        bool written = false;
    };

    std::string path_;
    AtomicFile file_;
    std::map<std::string, Slot> slots_;
};

/// Writes all entries (their bytes are borrowed for the call) in one go.
void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata = {});

/// An open safetensors file, mapped read-only. The constructor validates all of it — lengths, JSON, repeated
/// names, dtypes, shape × element size, offsets without overlap or hole up to the last byte — and throws
/// Error with the path and what is wrong. The entries' bytes live as long as this object.
class SafetensorsFile {
public:
    explicit SafetensorsFile(const std::filesystem::path& path);

    /// In the order of their data in the file.
    const std::vector<SafetensorsEntry>& entries() const { return entries_; }
    const SafetensorsMetadata& metadata() const { return metadata_; }
    /// nullptr when there is none of that name.
    const SafetensorsEntry* find(const std::string& name) const;
    /// Throws Error naming the path when there is none of that name.
    const SafetensorsEntry& at(const std::string& name) const;

private:
    std::string path_;
    MappedFile file_;
    std::vector<SafetensorsEntry> entries_;
    std::map<std::string, size_t> index_;
    SafetensorsMetadata metadata_;
};

} // namespace heat
