#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace heat {

/// The files of a folder, with those of all its sub-folders, or of a zip file.
class FileCollection {
public:
    virtual ~FileCollection() = default;

    /// Names relative to the collection, parts divided by '/', sorted by bytes.
    const std::vector<std::string>& names() const { return names_; }
    /// What was passed over while looking, and how often: hidden files, for example.
    const std::vector<std::pair<std::string, size_t>>& ignored() const { return ignored_; }
    /// A file's name for a message: with the folder's or zip file's own.
    virtual std::string full_name(size_t index) const = 0;
    /// The content; may be called by several threads at once. Throws Error naming the file when it cannot be
    /// read or is larger than `max_bytes`.
    virtual std::vector<uint8_t> read(size_t index, uint64_t max_bytes) const = 0;

protected:
    void ignore(const std::string& reason);

    std::vector<std::string> names_;
    std::vector<std::pair<std::string, size_t>> ignored_;
};

/// Opens a folder or a zip file. Symbolic links are followed, each folder is entered once, so that loops end.
/// Names that begin with a dot, and zip files' __MACOSX folders, are ignored. Throws Error naming what cannot
/// be read.
std::unique_ptr<FileCollection> open_collection(const std::filesystem::path& path);

} // namespace heat
