#include "engine/data/image_source.h"

#include "engine/data/image_files.h"
#include "engine/io/zip_archive.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace heat {
namespace fs = std::filesystem;

MemoryImages::MemoryImages(Dataset dataset, std::string format, std::string path)
    : dataset_(std::move(dataset)) {
    info_.count = dataset_.count;
    info_.format = std::move(format);
    info_.path = std::move(path);
    info_.labels = dataset_.labels;
    info_.description = dataset_.description;
}

MemoryImages::MemoryImages(Dataset dataset, ImageSetInfo info) : dataset_(std::move(dataset)) {
    info_ = std::move(info);
}

DecodedImage MemoryImages::decode(uint32_t index) const {
    if (index >= uint32_t(dataset_.count))
        throw Error(fmt::format("image {} was asked of a data set of {}", index, dataset_.count));
    const auto bytes = std::ptrdiff_t(dataset_.height) * dataset_.width * dataset_.channels;
    const auto from = dataset_.pixels.begin() + bytes * std::ptrdiff_t(index);
    return {{dataset_.height, dataset_.width, dataset_.channels, {from, from + bytes}},
            dataset_.channels == 1 ? "grey" : "RGB",
            8};
}

std::string MemoryImages::name(uint32_t index) const {
    return fmt::format("image {} of {}", index, info_.path);
}

std::unique_ptr<ImageSource> open_images(const fs::path& path, std::string_view format) {
    if (format != "auto" && format != "idx" && format != "cifar10" && format != "images")
        throw Error(
            fmt::format("data format '{}' is not known: expected auto, idx, cifar10 or images", format));
    std::error_code error;
    const bool folder = fs::is_directory(path, error);
    const bool zip = !folder && (is_zip(path) || path.extension() == ".zip") && fs::exists(path, error);
    if (format == "images" || (format == "auto" && (zip || (folder && !holds_dataset(path)))))
        return std::make_unique<ImageFiles>(path);
    Dataset dataset = load_dataset(path, format);
    const bool cifar10 = dataset.channels == 3; // IDX is grey
    return std::make_unique<MemoryImages>(std::move(dataset), cifar10 ? "CIFAR-10" : "IDX", path.string());
}

} // namespace heat
