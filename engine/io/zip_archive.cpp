// The adapter of libzip: the only file that includes its header.

#include "engine/io/zip_archive.h"

#include "engine/io/printable.h"
#include "kernels/error.h"

#include <fmt/format.h>

#if defined(HEAT_WITH_LIBZIP)
#include <zip.h>
#endif

#include <algorithm>
#include <fstream>
#include <mutex>
#include <string_view>

namespace heat {

bool is_zip(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return false; // a pipe would make us wait
    std::ifstream file(path, std::ios::binary);
    char begin[4] = {};
    file.read(begin, sizeof begin);
    const std::string_view magic(begin, sizeof begin);
    using namespace std::string_view_literals;
    return magic == "PK\3\4"sv || magic == "PK\5\6"sv; // the second: an archive without entries
}

#if defined(HEAT_WITH_LIBZIP)

struct ZipArchive::Handle {
    zip_t* archive = nullptr;
    std::mutex mutex; ///< libzip's archives know one thread
    ~Handle() {
        if (archive != nullptr) zip_discard(archive);
    }
};

ZipArchive::ZipArchive(const std::filesystem::path& path) : path_(path), handle_(std::make_unique<Handle>()) {
    int code = 0;
    handle_->archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
    if (handle_->archive == nullptr) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const std::string reason = zip_error_strerror(&error);
        zip_error_fini(&error);
        throw Error(fmt::format("{}: cannot be read as a zip file: {}", path.string(), reason));
    }
    const zip_int64_t count = zip_get_num_entries(handle_->archive, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
        const char* name = zip_get_name(handle_->archive, zip_uint64_t(i), 0);
        if (name == nullptr)
            throw Error(fmt::format("{}: entry {} of the zip file has no readable name", path.string(), i));
        if (!std::string_view(name).ends_with('/')) entries_.push_back({name, uint64_t(i)});
    }
}

std::vector<uint8_t> ZipArchive::read(const Entry& entry, uint64_t max_bytes) const {
    const auto refuse = [&](std::string_view reason) {
        throw Error(fmt::format("{}: {}: {}", path_.string(), printable(entry.name), reason));
    };
    const std::lock_guard lock(handle_->mutex);
    zip_stat_t status;
    if (zip_stat_index(handle_->archive, entry.index, 0, &status) != 0 || !(status.valid & ZIP_STAT_SIZE))
        refuse("the zip file says nothing of this entry; it is damaged");
    if ((status.valid & ZIP_STAT_ENCRYPTION_METHOD) && status.encryption_method != ZIP_EM_NONE)
        refuse("the entry is encrypted: unpack the zip file and name the folder");
    if (status.size > max_bytes)
        refuse(fmt::format("the entry unpacks to {} bytes, more than the {} that are read", status.size,
                           max_bytes));
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
        zip_fopen_index(handle_->archive, entry.index, 0), zip_fclose);
    if (file == nullptr) refuse(fmt::format("the entry cannot be read: {}", zip_strerror(handle_->archive)));
    // One byte more than there should be: only a read up to the end compares the CRC.
    std::vector<uint8_t> bytes(status.size + 1);
    size_t size = 0;
    while (size < bytes.size()) {
        const zip_int64_t got = zip_fread(file.get(), bytes.data() + size, bytes.size() - size);
        if (got < 0) refuse(fmt::format("the entry is damaged: {}", zip_file_strerror(file.get())));
        if (got == 0) break;
        size += size_t(got);
    }
    if (size != status.size)
        refuse(fmt::format("the entry is damaged: expected {} bytes, got {}", status.size,
                           size > status.size ? "more" : std::to_string(size)));
    bytes.resize(size);
    return bytes;
}

std::string libzip_version() {
    return zip_libzip_version();
}

#else

struct ZipArchive::Handle {};

ZipArchive::ZipArchive(const std::filesystem::path& path) {
    throw Error(
        fmt::format("{} is a zip file and this build has no libzip: unpack it and name the folder, or "
                    "install libzip-dev and build again",
                    path.string()));
}

std::vector<uint8_t> ZipArchive::read(const Entry&, uint64_t) const {
    return {};
}

std::string libzip_version() {
    return "";
}

#endif

ZipArchive::~ZipArchive() = default;

} // namespace heat
