#include "engine/io/file.h"

#include "engine/io/crc32.h"
#include "kernels/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <limits>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace heat {
namespace fs = std::filesystem;
namespace {

std::string reason(int error_number) {
    std::string text = std::generic_category().message(error_number);
    if (error_number == ENOSPC || error_number == EDQUOT) text += "; free some space or write elsewhere";
    return text;
}

/// Closes a descriptor on every way out.
struct Descriptor {
    int number = -1;
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
};

/// Opens a regular file. Not blocking: a pipe that nobody writes to would be waited for before it can be seen
/// to be one.
int open_for_reading(const fs::path& path, struct stat& status) {
    const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (number < 0) throw Error(fmt::format("cannot read {}: {}", path.string(), reason(errno)));
    if (::fstat(number, &status) != 0) {
        const int error_number = errno;
        ::close(number);
        throw Error(fmt::format("cannot read {}: {}", path.string(), reason(error_number)));
    }
    if (!S_ISREG(status.st_mode)) {
        ::close(number);
        throw Error(fmt::format("cannot read {}: expected a file, it is a {}", path.string(),
                                S_ISDIR(status.st_mode) ? "folder" : "pipe or device"));
    }
    return number;
}

fs::path folder_of(const fs::path& path) {
    const fs::path folder = path.parent_path();
    return folder.empty() ? fs::path(".") : folder;
}

/// A rename is durable only once the folder that holds the name is.
void sync_folder(const fs::path& folder) {
    const Descriptor descriptor{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (descriptor.number < 0)
        throw Error(fmt::format("cannot open folder {}: {}", folder.string(), reason(errno)));
    // Some file systems cannot sync a folder and say so with EINVAL; their renames need none.
    if (::fsync(descriptor.number) != 0 && errno != EINVAL && errno != ENOTSUP)
        throw Error(fmt::format("cannot sync folder {}: {}", folder.string(), reason(errno)));
}

/// "a/b/" and "a/b" are the same folder, but only the second has the parent "a".
fs::path without_trailing_slash(const fs::path& path) {
    const fs::path normal = path.lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
}

void rename_or_throw(const fs::path& from, const fs::path& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0)
        throw Error(fmt::format("cannot rename {} to {}: {}", from.string(), to.string(), reason(errno)));
}

} // namespace

std::vector<uint8_t> read_file(const fs::path& path, uint64_t max_bytes) {
    struct stat status {};
    const Descriptor descriptor{open_for_reading(path, status)};
    const auto too_large = [&](const std::string& size) {
        return Error(fmt::format("{}: {} is more than the {} bytes that are read into memory", path.string(),
                                 size, max_bytes));
    };
    const auto announced = static_cast<uint64_t>(status.st_size);
    if (announced > max_bytes) throw too_large(fmt::format("a file of {} bytes", announced));
    std::vector<uint8_t> bytes;
    try {
        // One byte more than announced lets the loop see the end of the file without growing.
        bytes.resize(announced + 1);
        uint64_t filled = 0;
        for (;;) {
            if (filled == bytes.size()) bytes.resize(bytes.size() * 2 + 4096);
            const ssize_t got = ::read(descriptor.number, bytes.data() + filled, bytes.size() - filled);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw Error(fmt::format("cannot read {}: {}", path.string(), reason(errno)));
            if (got == 0) break;
            filled += static_cast<uint64_t>(got);
            if (filled > max_bytes) throw too_large("a stream of unknown length");
        }
        bytes.resize(filled);
    } catch (const std::bad_alloc&) {
        throw Error(fmt::format("{}: not enough memory to hold its {} bytes", path.string(), announced));
    }
    return bytes;
}

FileSum sum_file(const fs::path& path) {
    struct stat status {};
    const Descriptor descriptor{open_for_reading(path, status)};
    std::vector<uint8_t> piece(size_t{1} << 20);
    FileSum sum;
    for (;;) {
        const ssize_t got = ::read(descriptor.number, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw Error(fmt::format("cannot read {}: {}", path.string(), reason(errno)));
        if (got == 0) return sum;
        sum.crc32 = crc32(std::span(piece).first(static_cast<size_t>(got)), sum.crc32);
        sum.bytes += static_cast<uint64_t>(got);
    }
}

AtomicFile::AtomicFile(const fs::path& path) : path_(path) {
    std::error_code ignored;
    if (fs::is_symlink(path, ignored)) {
        const fs::path target = fs::weakly_canonical(path, ignored);
        if (!ignored) path_ = target;
    }
    // Renaming over /dev/null, say, would replace the device by a file.
    const fs::file_status status = fs::status(path_, ignored);
    if (fs::exists(status) && !fs::is_regular_file(status))
        throw Error(fmt::format("cannot write {}: expected a file or a free name, it is a {}", path.string(),
                                fs::is_directory(status) ? "folder" : "device or pipe"));
    temporary_ = path_;
    temporary_ += fmt::format(".tmp-{}", ::getpid());
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
        const int error_number = errno;
        throw Error(fmt::format("cannot write {}: {}{}", path.string(), reason(error_number),
                                error_number == ENOENT ? "; create its folder first" : ""));
    }
}

AtomicFile::~AtomicFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* action) const {
    throw Error(fmt::format("cannot {} {}: {}", action, path_.string(), reason(errno)));
}

void AtomicFile::write(std::span<const uint8_t> bytes) {
    write_at(size_, bytes);
}

void AtomicFile::write(std::string_view text) {
    write(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

void AtomicFile::write_at(uint64_t offset, std::span<const uint8_t> bytes) {
    if (descriptor_ < 0)
        throw Error(fmt::format("{} is committed: nothing more can be written", path_.string()));
    constexpr auto largest_offset = static_cast<uint64_t>(std::numeric_limits<off_t>::max());
    if (offset > largest_offset || bytes.size() > largest_offset - offset)
        throw Error(fmt::format("cannot write {}: {} bytes at offset {} do not fit in a file", path_.string(),
                                bytes.size(), offset));
    size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t wrote = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                       static_cast<off_t>(offset + done));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) fail("write");
        done += static_cast<size_t>(wrote);
    }
    if (offset + bytes.size() > size_) size_ = offset + bytes.size();
}

void AtomicFile::commit() {
    if (descriptor_ < 0) throw Error(fmt::format("{} is committed already", path_.string()));
    if (::fsync(descriptor_) != 0) fail("write");
    // The descriptor is gone whatever close answers, so it must not be closed again.
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("write");
    rename_or_throw(temporary_, path_);
    temporary_.clear();
    sync_folder(folder_of(path_));
}

void write_file_atomically(const fs::path& path, std::span<const uint8_t> bytes) {
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
}

void write_file_atomically(const fs::path& path, std::string_view text) {
    AtomicFile file(path);
    file.write(text);
    file.commit();
}

void append_to_file(const fs::path& path, std::span<const uint8_t> bytes) {
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)};
    if (file.number < 0) throw Error(fmt::format("cannot write {}: {}", path.string(), reason(errno)));
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(file.number, bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) throw Error(fmt::format("cannot write {}: {}", path.string(), reason(errno)));
        bytes = bytes.subspan(static_cast<size_t>(wrote));
    }
}

void sync_file(const fs::path& path) {
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (file.number < 0 && errno == ENOENT) return;
    if (file.number < 0 || (::fsync(file.number) != 0 && errno != EINVAL))
        throw Error(fmt::format("cannot write {}: {}", path.string(), reason(errno)));
}

MappedFile::MappedFile(const fs::path& path) {
    struct stat status {};
    const Descriptor descriptor{open_for_reading(path, status)};
    const auto size = static_cast<size_t>(status.st_size);
    if (size == 0) return; // an empty range cannot be mapped
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.number, 0);
    if (address == MAP_FAILED) throw Error(fmt::format("cannot map {}: {}", path.string(), reason(errno)));
    bytes_ = {static_cast<const uint8_t*>(address), size};
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
}

void publish_directory(const fs::path& finished_path, const fs::path& final_path) {
    const fs::path finished = without_trailing_slash(finished_path);
    const fs::path final_name = without_trailing_slash(final_path);
    std::error_code error;
    if (!fs::is_directory(finished, error))
        throw Error(fmt::format("cannot publish {}: expected a folder, found none", finished.string()));
    sync_folder(finished);
    const fs::file_status status = fs::status(final_name, error);
    if (!fs::exists(status)) {
        rename_or_throw(finished, final_name);
        sync_folder(folder_of(final_name));
        return;
    }
    if (!fs::is_directory(status))
        throw Error(fmt::format("cannot publish {} as {}: that name is taken by something that is no folder",
                                finished.string(), final_name.string()));
    if (fs::equivalent(finished, final_name, error))
        throw Error(fmt::format("cannot publish {} as itself", finished.string()));

    fs::path old = finished;
    if (::renameat2(AT_FDCWD, finished.c_str(), AT_FDCWD, final_name.c_str(), RENAME_EXCHANGE) != 0) {
        if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
            throw Error(fmt::format("cannot rename {} to {}: {}", finished.string(), final_name.string(),
                                    reason(errno)));
        old = final_name;
        old += fmt::format(".old-{}", ::getpid());
        rename_or_throw(final_name, old);
        if (std::rename(finished.c_str(), final_name.c_str()) != 0) {
            const int error_number = errno;
            std::rename(old.c_str(), final_name.c_str());
            throw Error(fmt::format("cannot rename {} to {}: {}", finished.string(), final_name.string(),
                                    reason(error_number)));
        }
    }
    sync_folder(folder_of(final_name));
    fs::remove_all(old, error);
    if (error)
        throw Error(fmt::format("{} is published, but what it replaced could not be deleted from {}: {}",
                                final_name.string(), old.string(), error.message()));
}

} // namespace heat
