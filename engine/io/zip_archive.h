#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace heat {

/// A zip file, open for reading; entries are read by several threads, one at a time.
class ZipArchive {
public:
    /// Throws Error naming the path when it cannot be opened, is no zip file or a damaged one, or when this
    /// build has no libzip.
    explicit ZipArchive(const std::filesystem::path& path);
    ~ZipArchive();
    ZipArchive(const ZipArchive&) = delete;
    ZipArchive& operator=(const ZipArchive&) = delete;

    struct Entry {
        std::string name; ///< as stored, parts divided by '/'
        uint64_t index;   ///< in the archive
    };
    /// All entries that are no folders, in the order of the archive.
    const std::vector<Entry>& entries() const { return entries_; }

    /// The unpacked content of an entry. Throws Error naming archive and entry when it is encrypted, damaged
    /// (CRC-32), or larger than `max_bytes`, by what the archive says (checked before anything is allocated)
    /// or by what it holds.
    std::vector<uint8_t> read(const Entry& entry, uint64_t max_bytes) const;

private:
    struct Handle;
    std::filesystem::path path_;
    std::unique_ptr<Handle> handle_;
    std::vector<Entry> entries_;
};

/// Whether the file begins like a zip file; false where it cannot be read.
bool is_zip(const std::filesystem::path& path);

/// The version of the library that reads zip files; empty when this build has none.
std::string libzip_version();

} // namespace heat
