#include "engine/data/image_files.h"

#include "engine/data/dataset_json.h"
#include "engine/io/image_decoder.h"
#include "engine/io/printable.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

namespace heat {
namespace {

/// ".jpeg" of "x/y.JPEG"; "" where there is none.
std::string extension_of(std::string_view name) {
    name.remove_prefix(name.rfind('/') + 1); // npos + 1 is 0
    const size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return "";
    std::string extension(name.substr(dot));
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return extension;
}

bool is_image_name(std::string_view extension) {
    for (const char* known : {".png", ".jpg", ".jpeg", ".jpe", ".jfif"})
        if (extension == known) return true;
    return false;
}

/// 00000/img00000000.png, as EDM's dataset_tool.py names its images.
bool is_edm_name(std::string_view name) {
    constexpr std::string_view pattern = "00000/img00000000.png";
    if (name.size() != pattern.size()) return false;
    for (size_t i = 0; i < name.size(); ++i)
        if (pattern[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != pattern[i]) return false;
    return true;
}

/// Names without the folders that all of them lie in, as long as each lies in a further folder.
std::vector<std::string_view> below_common_folder(std::vector<std::string_view> names) {
    for (;;) {
        const std::string_view first = names.front().substr(0, names.front().find('/') + 1);
        const bool common = std::all_of(names.begin(), names.end(), [&](std::string_view name) {
            return !first.empty() && name.starts_with(first) &&
                   name.find('/', first.size()) != std::string_view::npos;
        });
        if (!common) return names;
        for (std::string_view& name : names) name.remove_prefix(first.size());
    }
}

void label_by_folder(const std::vector<std::string_view>& all_names, ImageSetInfo& info) {
    const std::vector<std::string_view> names = below_common_folder(all_names);
    std::map<std::string_view, int> classes;
    for (const std::string_view name : names) {
        const size_t slash = name.find('/');
        if (slash == std::string_view::npos) return; // an image outside sub-folders
        classes.emplace(name.substr(0, slash), 0);
    }
    for (auto& [name, label] : classes) {
        label = int(info.class_names.size());
        info.class_names.emplace_back(name);
    }
    for (const std::string_view name : names)
        info.labels.push_back(classes.at(name.substr(0, name.find('/'))));
}

std::string labels_text(const ImageSetInfo& info) {
    if (info.labels.empty()) return "no labels";
    if (!info.class_names.empty())
        return fmt::format("{} class{}", info.class_names.size(), info.class_names.size() == 1 ? "" : "es");
    const auto [low, high] = std::minmax_element(info.labels.begin(), info.labels.end());
    return fmt::format("labels {} to {}", *low, *high);
}

[[noreturn]] void refuse_without_images(const std::filesystem::path& path, const ImageSetInfo& info,
                                        std::string_view kind) {
    std::string found;
    for (const auto& [reason, count] : info.ignored)
        found += fmt::format("{}{} {}", found.empty() ? "" : ", ", count, reason);
    throw Error(fmt::format("{} {} holds no data set: expected PNG or JPEG images (*.png, *.jpg, *.jpeg){}, "
                            "found {}",
                            kind, path.string(),
                            kind == "folder"
                                ? ", train-images-idx3-ubyte[.gz] (IDX) or data_batch_*.bin[.gz] "
                                  "(CIFAR-10 binary)"
                                : "",
                            found.empty() ? "nothing" : found));
}

} // namespace

ImageFiles::ImageFiles(const std::filesystem::path& path) : files_(open_collection(path)) {
    const bool folder = std::filesystem::is_directory(path);
    const std::vector<std::string>& all = files_->names();
    std::vector<std::string_view> names;
    std::optional<size_t> json;
    std::map<std::string, size_t> others;
    for (size_t i = 0; i < all.size(); ++i) {
        const std::string extension = extension_of(all[i]);
        if (is_image_name(extension)) {
            images_.push_back(uint32_t(i));
            names.emplace_back(all[i]);
        } else if (all[i] == "dataset.json") {
            json = i;
        } else {
            ++others[extension.empty() ? "without an extension" : printable(extension)];
        }
    }
    info_.ignored = files_->ignored();
    for (const auto& [extension, count] : others) info_.ignored.emplace_back(extension, count);
    if (images_.empty()) refuse_without_images(path, info_, folder ? "folder" : "zip file");
    if (images_.size() > size_t{std::numeric_limits<int>::max()})
        throw Error(fmt::format("{}: {} images are too many", path.string(), images_.size()));
    info_.count = int(images_.size());
    info_.path = path.string();

    std::optional<JsonLabels> labels;
    if (json)
        labels =
            read_dataset_json(files_->read(*json, largest_dataset_json), files_->full_name(*json), names);
    if (json && !labels) info_.ignored.emplace_back("dataset.json without \"labels\"", 1);
    const bool edm = labels || (!json && std::all_of(names.begin(), names.end(), is_edm_name));
    if (labels) info_.labels = std::move(labels->of_images);
    if (!edm) label_by_folder(names, info_);
    info_.format = fmt::format("{}{}", edm ? "EDM " : "", folder ? "folder" : "zip");
    size_t ignored = 0;
    for (const auto& [reason, count] : info_.ignored) ignored += count;
    info_.description = fmt::format(
        "{} image{}, {}{} ({}, {})", info_.count, info_.count == 1 ? "" : "s", labels_text(info_),
        ignored > 0 ? fmt::format(", {} other file{} ignored", ignored, ignored == 1 ? "" : "s") : "",
        info_.format, printable(path.string()));
}

std::string ImageFiles::name(uint32_t index) const {
    return files_->full_name(images_[index]);
}

DecodedImage ImageFiles::decode(uint32_t index) const {
    if (index >= images_.size())
        throw Error(fmt::format("image {} was asked of a data set of {}", index, images_.size()));
    const uint32_t file = images_[index];
    return decode_image(files_->read(file, largest_image_file), files_->full_name(file));
}

} // namespace heat
