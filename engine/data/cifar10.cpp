#include "engine/data/cifar10.h"

#include "engine/data/gzip.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <limits>
#include <string>

namespace heat {
namespace {

constexpr int side = 32;
constexpr int channels = 3;
constexpr size_t plane = size_t{side} * side;
constexpr size_t record = 1 + channels * plane;
constexpr int largest_label = 9;

void append_file(const std::filesystem::path& path, Dataset& dataset) {
    const std::vector<uint8_t> content = read_maybe_gzip(path);
    if (content.empty())
        throw Error(
            fmt::format("{}: expected CIFAR-10 records of {} bytes, it is empty", path.string(), record));
    if (content.size() % record != 0)
        throw Error(fmt::format(
            "{}: expected CIFAR-10 records of {} bytes, got {} bytes: {} records and {} bytes more; it is "
            "cut off or no CIFAR-10 binary file",
            path.string(), record, content.size(), content.size() / record, content.size() % record));
    const size_t count = content.size() / record;
    if (count > static_cast<size_t>(std::numeric_limits<int>::max() - dataset.count))
        throw Error(fmt::format("{}: {} images more than the {} before are too many", path.string(), count,
                                dataset.count));
    dataset.pixels.resize(dataset.pixels.size() + count * channels * plane);
    uint8_t* target = dataset.pixels.data() + static_cast<size_t>(dataset.count) * channels * plane;
    for (size_t i = 0; i < count; ++i) {
        const uint8_t* source = content.data() + i * record;
        if (source[0] > largest_label)
            throw Error(fmt::format(
                "{}: expected labels 0 to {}, record {} has {}; it is damaged or no CIFAR-10 binary file",
                path.string(), largest_label, i, source[0]));
        dataset.labels.push_back(source[0]);
        for (size_t pixel = 0; pixel < plane; ++pixel)
            for (int c = 0; c < channels; ++c) *target++ = source[1 + c * plane + pixel];
    }
    dataset.count += static_cast<int>(count);
}

} // namespace

Dataset load_cifar10(std::span<const std::filesystem::path> files) {
    if (files.empty()) throw Error("expected at least one CIFAR-10 binary file, got none");
    Dataset dataset;
    dataset.height = side;
    dataset.width = side;
    dataset.channels = channels;
    for (const std::filesystem::path& file : files) append_file(file, dataset);
    dataset.description = fmt::format(
        "{} images of {}x{}, RGB, labels 0 to {} (CIFAR-10, {}{})", dataset.count, side, side, largest_label,
        files.front().string(), files.size() > 1 ? fmt::format(" and {} files more", files.size() - 1) : "");
    return dataset;
}

} // namespace heat
