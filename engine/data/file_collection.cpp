#include "engine/data/file_collection.h"

#include "engine/io/file.h"
#include "engine/io/printable.h"
#include "engine/io/zip_archive.h"
#include "kernels/error.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <system_error>

namespace heat {
namespace fs = std::filesystem;
namespace {

constexpr const char* hidden = "hidden";

class FolderFiles final : public FileCollection {
public:
    explicit FolderFiles(fs::path folder) : folder_(std::move(folder)) {
        enter(folder_, "");
        std::sort(names_.begin(), names_.end());
    }

    std::string full_name(size_t index) const override {
        return printable((folder_ / names_[index]).string());
    }
    std::vector<uint8_t> read(size_t index, uint64_t max_bytes) const override {
        return read_file(folder_ / names_[index], max_bytes);
    }

private:
    /// Collects what is in `folder`, whose names are to begin with `prefix`.
    void enter(const fs::path& folder, const std::string& prefix) {
        struct stat status {};
        if (::stat(folder.c_str(), &status) == 0 && !entered_.emplace(status.st_dev, status.st_ino).second) {
            ignore("a link to a folder that is there already");
            return;
        }
        std::vector<fs::path> entries;
        std::error_code error;
        for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
            entries.push_back(it->path());
        if (error)
            throw Error(
                fmt::format("cannot read folder {}: {}", printable(folder.string()), error.message()));
        // Folders before the links to them: a link is what is passed over.
        std::sort(entries.begin(), entries.end());
        std::stable_partition(entries.begin(), entries.end(), [](const fs::path& entry) {
            std::error_code unknown;
            return !fs::is_symlink(fs::symlink_status(entry, unknown));
        });
        for (const fs::path& entry : entries) {
            const std::string name = entry.filename().string();
            const fs::file_status kind = fs::status(entry, error);
            if (name.starts_with('.'))
                ignore(hidden);
            else if (fs::is_directory(kind))
                enter(entry, prefix + name + "/");
            else if (fs::is_regular_file(kind) || !fs::exists(kind)) // a link to nothing is refused if read
                names_.push_back(prefix + name);
            else
                ignore("no regular file");
        }
    }

    fs::path folder_;
    std::set<std::pair<dev_t, ino_t>> entered_;
};

/// The name without "." parts and with '/' between parts, also where an old Windows program wrote '\\'; empty
/// when a part is hidden or macOS's folder of resource forks.
std::string plain_name(std::string name) {
    std::replace(name.begin(), name.end(), '\\', '/');
    std::string plain;
    for (size_t begin = 0; begin <= name.size();) {
        const size_t end = std::min(name.find('/', begin), name.size());
        const std::string part = name.substr(begin, end - begin);
        begin = end + 1;
        if (part.empty() || part == ".") continue;
        if (part == "__MACOSX" || (part.front() == '.' && part != "..")) return "";
        plain += (plain.empty() ? "" : "/") + part;
    }
    return plain;
}

class ZipFiles final : public FileCollection {
public:
    explicit ZipFiles(const fs::path& path) : path_(path), archive_(path) {
        std::vector<std::pair<std::string, ZipArchive::Entry>> found;
        for (const ZipArchive::Entry& entry : archive_.entries())
            if (std::string name = plain_name(entry.name); !name.empty())
                found.emplace_back(std::move(name), entry);
            else
                ignore(hidden);
        std::stable_sort(found.begin(), found.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        for (auto& [name, entry] : found) {
            names_.push_back(std::move(name));
            entries_.push_back(std::move(entry));
        }
    }

    std::string full_name(size_t index) const override {
        return printable(fmt::format("{}: {}", path_.string(), entries_[index].name));
    }
    std::vector<uint8_t> read(size_t index, uint64_t max_bytes) const override {
        return archive_.read(entries_[index], max_bytes);
    }

private:
    fs::path path_;
    ZipArchive archive_;
    std::vector<ZipArchive::Entry> entries_;
};

} // namespace

void FileCollection::ignore(const std::string& reason) {
    for (auto& [known, count] : ignored_)
        if (known == reason) {
            ++count;
            return;
        }
    ignored_.emplace_back(reason, 1);
}

std::unique_ptr<FileCollection> open_collection(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status))
        throw Error(fmt::format("no images at '{}': {}; expected a folder or a zip file", path.string(),
                                error.message()));
    if (fs::is_directory(status)) return std::make_unique<FolderFiles>(path);
    return std::make_unique<ZipFiles>(path);
}

} // namespace heat
