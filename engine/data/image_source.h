#pragma once

#include "engine/data/dataset.h"
#include "engine/io/image8.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heat {

/// What is known of a set of images before any of them is decoded.
struct ImageSetInfo {
    int count = 0;
    std::string format;                   ///< IDX, CIFAR-10, folder, zip, EDM folder or EDM zip
    std::string path;                     ///< that was opened
    std::vector<int> labels;              ///< class of each image; empty when the set has none
    std::vector<std::string> class_names; ///< of labels 0, 1, …; empty when they have numbers alone
    /// Why files are no part of the set, and how many.
    std::vector<std::pair<std::string, size_t>> ignored;
    std::string description; ///< one line: how many of what, from where
};

/// Images that can be had one by one, in any order, by several threads at once.
class ImageSource {
public:
    virtual ~ImageSource() = default;

    const ImageSetInfo& info() const { return info_; }
    int count() const { return info_.count; }

    /// Image `index` < count() as 8-bit grey or RGB. Throws Error naming the file when it cannot be read or
    /// decoded.
    virtual DecodedImage decode(uint32_t index) const = 0;
    /// What a message calls image `index`.
    virtual std::string name(uint32_t index) const = 0;
    /// Whether decode only copies from memory.
    virtual bool in_memory() const { return false; }

protected:
    ImageSetInfo info_;
};

/// A data set in memory.
class MemoryImages final : public ImageSource {
public:
    MemoryImages(Dataset dataset, std::string format, std::string path);
    MemoryImages(Dataset dataset, ImageSetInfo info);

    DecodedImage decode(uint32_t index) const override;
    std::string name(uint32_t index) const override;
    bool in_memory() const override { return true; }
    const Dataset& dataset() const { return dataset_; }

private:
    Dataset dataset_;
};

/// Opens a set of images. `format` is "idx" or "cifar10" (load_dataset), "images" (ImageFiles: a folder or
/// zip file of PNG and JPEG files), or "auto", which takes a folder without IDX and CIFAR-10 files, and a zip
/// file, as images. Throws Error as those, and for another format.
std::unique_ptr<ImageSource> open_images(const std::filesystem::path& path, std::string_view format = "auto");

} // namespace heat
