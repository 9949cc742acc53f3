#include "engine/data/dataset.h"

#include "engine/data/cifar10.h"
#include "engine/data/gzip.h"
#include "engine/data/idx.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>

namespace heat {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view folder_contents =
    "train-images-idx3-ubyte[.gz] (IDX: MNIST, Fashion-MNIST) or data_batch_*.bin[.gz] (CIFAR-10 binary)";

std::string without_gz(const std::string& name) {
    return name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
}

std::vector<fs::path> files_of(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        files.push_back(it->path());
    if (error) throw Error(fmt::format("cannot read folder {}: {}", folder.string(), error.message()));
    std::sort(files.begin(), files.end());
    return files;
}

std::optional<fs::path> find_idx_images(const std::vector<fs::path>& files) {
    for (const fs::path& file : files) {
        const std::string name = without_gz(file.filename().string());
        if (name == "train-images-idx3-ubyte" || name == "train-images.idx3-ubyte") return file;
    }
    return std::nullopt;
}

/// In the order of their names; of x.bin and x.bin.gz, the same batch twice, only the first counts.
std::vector<fs::path> find_cifar10_batches(const std::vector<fs::path>& files) {
    std::map<std::string, fs::path> batches;
    for (const fs::path& file : files) {
        const std::string name = without_gz(file.filename().string());
        if (name.starts_with("data_batch_") && name.ends_with(".bin")) batches.emplace(name, file);
    }
    std::vector<fs::path> ordered;
    ordered.reserve(batches.size());
    for (const auto& [name, file] : batches) ordered.push_back(file);
    return ordered;
}

Dataset load_folder(const fs::path& folder, std::string_view format) {
    const std::vector<fs::path> files = files_of(folder);
    const std::optional<fs::path> idx = format == "cifar10" ? std::nullopt : find_idx_images(files);
    const std::vector<fs::path> batches =
        format == "idx" ? std::vector<fs::path>{} : find_cifar10_batches(files);
    if (idx && !batches.empty())
        throw Error(fmt::format("{} holds both an IDX and a CIFAR-10 data set: name the file, or set the "
                                "format to idx or cifar10",
                                folder.string()));
    if (idx) return load_idx(*idx);
    if (!batches.empty()) return load_cifar10(batches);
    std::string names;
    for (size_t i = 0; i < std::min<size_t>(files.size(), 4); ++i)
        names += (i > 0 ? ", " : "") + files[i].filename().string();
    throw Error(fmt::format("folder {} holds no data set (format {}): expected {}, found {}{}",
                            folder.string(), format, folder_contents, names.empty() ? "nothing" : names,
                            files.size() > 4 ? ", ..." : ""));
}

} // namespace

bool holds_dataset(const fs::path& folder) {
    const std::vector<fs::path> files = files_of(folder);
    return find_idx_images(files) || !find_cifar10_batches(files).empty();
}

Dataset load_dataset(const fs::path& path, std::string_view format) {
    if (format != "auto" && format != "idx" && format != "cifar10")
        throw Error(fmt::format("data format '{}' is not known: expected auto, idx or cifar10", format));
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status))
        throw Error(fmt::format("no data set at '{}': {}; expected a file, or a folder with images or {}",
                                path.string(), error.message(), folder_contents));
    if (fs::is_directory(status)) return load_folder(path, format);
    if (format == "idx") return load_idx(path);
    const std::vector<fs::path> one{path};
    if (format == "cifar10" || without_gz(path.filename().string()).ends_with(".bin"))
        return load_cifar10(one);
    std::vector<uint8_t> content = read_maybe_gzip(path);
    if (is_idx(content)) return load_idx(path, std::move(content));
    std::string first_bytes;
    for (size_t i = 0; i < std::min<size_t>(content.size(), 4); ++i)
        first_bytes += fmt::format(" {:02x}", content[i]);
    throw Error(
        fmt::format("{}: not a data set that is known: expected an IDX images file (magic 0x00000803), a "
                    "CIFAR-10 binary file (*.bin[.gz]), or a zip file or folder of images, got {} bytes{}{}",
                    path.string(), content.size(), content.empty() ? "" : " that begin", first_bytes));
}

} // namespace heat
