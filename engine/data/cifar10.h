#pragma once

#include "engine/data/dataset.h"

#include <filesystem>
#include <span>

namespace heat {

/// Reads files of the CIFAR-10 "binary version", gzip-compressed or not, one after the other. A record is
/// 3,073 bytes: a label 0…9, then 1,024 red, 1,024 green and 1,024 blue bytes of a 32×32 image, row by row;
/// the planes become NHWC. Throws Error naming the file when its size is not a multiple of 3,073, it is
/// empty, or a label is above 9.
Dataset load_cifar10(std::span<const std::filesystem::path> files);

} // namespace heat
