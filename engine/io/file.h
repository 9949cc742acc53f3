#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace heat {

/// Files larger than this are not read whole into memory.
inline constexpr uint64_t largest_file_in_memory = uint64_t{8} << 30;

/// The whole content of a file. Throws Error naming the path when the file is missing, is no regular file (a
/// folder, a pipe, a device: never waited for), cannot be read, or is larger than `max_bytes` (checked before
/// anything is allocated).
std::vector<uint8_t> read_file(const std::filesystem::path& path,
                               uint64_t max_bytes = largest_file_in_memory);

/// What tells whether a file is still the one that was written.
struct FileSum {
    uint64_t bytes = 0;
    uint32_t crc32 = 0; ///< of all of them (engine/io/crc32.h)
    bool operator==(const FileSum&) const = default;
};

/// Reads a file once, piece by piece. Throws Error as read_file does.
FileSum sum_file(const std::filesystem::path& path);

/// Replaces the file at `path` by `bytes` so that a reader, or a power cut, sees the old content or the new
/// and nothing between: written aside, synced, renamed, folder synced. The folder must exist. Throws Error
/// naming the path and the system's reason (disk full, not writable); the old file is then untouched.
void write_file_atomically(const std::filesystem::path& path, std::span<const uint8_t> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Appends to a file, which is made if needed; its folder must exist. A log's way to write: killed in the
/// middle, the end of `bytes` is missing. Throws Error naming the path and the system's reason; part of
/// `bytes` may then be written.
void append_to_file(const std::filesystem::path& path, std::span<const uint8_t> bytes);
/// Waits until what was appended is on the disk. A file that is not there is none to wait for. Throws as
/// append_to_file.
void sync_file(const std::filesystem::path& path);

/// A file written piece by piece as `path.tmp-<pid>`, which takes its name only with `commit()`; destroyed
/// without it (an exception on the way), nothing remains. A symbolic link is followed, a path that is
/// something else than a regular file (a folder, a device) is refused. Every failure throws Error naming the
/// path.
class AtomicFile {
public:
    explicit AtomicFile(const std::filesystem::path& path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Appends after the furthest byte written so far.
    void write(std::span<const uint8_t> bytes);
    void write(std::string_view text);
    /// Writes at a byte offset; what lies between pieces is zero.
    void write_at(uint64_t offset, std::span<const uint8_t> bytes);
    /// Bytes up to the furthest one written.
    uint64_t size() const { return size_; }
    /// Syncs, renames to the final name and syncs the folder. Nothing can be written afterwards.
    void commit();

private:
    [[noreturn]] void fail(const char* action) const;

    std::filesystem::path path_;
    std::filesystem::path temporary_;
    int descriptor_ = -1;
    uint64_t size_ = 0;
};

/// A file mapped read-only; pages are read when touched. The bytes live as long as the object. Files are
/// replaced by rename (see AtomicFile), which leaves an open mapping valid; truncating a mapped file in place
/// does not.
class MappedFile {
public:
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;

    std::span<const uint8_t> bytes() const { return bytes_; }

private:
    std::span<const uint8_t> bytes_;
};

/// Gives a finished folder its final name in one rename, replacing (and deleting) a folder that has that name
/// already. Both must be on one file system. Where the system cannot exchange two folders atomically, the old
/// one is first moved aside. Throws Error when `finished` is no folder, or `final_name` is something else
/// than one.
void publish_directory(const std::filesystem::path& finished, const std::filesystem::path& final_name);

} // namespace heat
