#pragma once

#include "engine/data/file_collection.h"
#include "engine/data/image_source.h"

#include <filesystem>

namespace heat {

/// PNG and JPEG files of a folder and its sub-folders, or of a zip file, in the order of their names. An
/// image is a file named *.png, *.jpg, *.jpeg, *.jpe or *.jfif, in small letters or capitals; others are
/// ignored and counted. Labels, in this order of precedence:
///   - of EDM's and StyleGAN's data sets: dataset.json = {"labels": [["00000/img00000000.png", 3], …]} beside
///     the images, or none where "labels" is null;
///   - none where the images have such data sets' names, 00000/img00000000.png, and no dataset.json;
///   - the first folder on the way to each image, its names sorted and numbered from 0; a single folder that
///     holds all the others does not count;
///   - none where images lie outside sub-folders.
class ImageFiles final : public ImageSource {
public:
    /// Lists and reads no image. Throws Error when the folder or zip file cannot be read or holds no image,
    /// or when dataset.json is damaged or does not name just these images, each with an integer.
    explicit ImageFiles(const std::filesystem::path& path);

    DecodedImage decode(uint32_t index) const override;
    std::string name(uint32_t index) const override;

private:
    std::unique_ptr<FileCollection> files_;
    std::vector<uint32_t> images_; ///< which of the files
};

} // namespace heat
