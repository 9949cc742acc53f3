#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace heat {

/// Images in host memory, 8 bits a channel.
struct Dataset {
    int count = 0;
    int height = 0;
    int width = 0;
    int channels = 0;            ///< 1 grey, 3 RGB
    std::vector<uint8_t> pixels; ///< NHWC
    std::vector<int> labels;     ///< class of each image; empty when the data set has none
    std::string description;     ///< one line: how many of what, from where
};

/// Reads a data set that is kept as arrays of equal images. `format` is "idx", "cifar10", or "auto", which
/// recognises
///   - an IDX images file (magic 0x00000803), its labels taken from the file beside it;
///   - a CIFAR-10 binary file, by its name *.bin or *.bin.gz;
///   - a folder with train-images-idx3-ubyte[.gz], or with data_batch_*.bin[.gz], all of them in the order of
///   their names.
/// Any file may be gzip-compressed. Throws Error with one line that says what was expected and what came:
/// missing, empty, cut off, another magic, absurd dimensions, images and labels of different counts, a folder
/// with none of these.
Dataset load_dataset(const std::filesystem::path& path, std::string_view format = "auto");

/// Whether a folder has files that load_dataset looks for. Throws Error when it cannot be read.
bool holds_dataset(const std::filesystem::path& folder);

} // namespace heat
