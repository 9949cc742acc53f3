#include "engine/data/idx.h"

#include "engine/data/gzip.h"
#include "engine/io/byte_order.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <system_error>

namespace heat {
namespace fs = std::filesystem;
namespace {

constexpr uint32_t images_magic = 0x00000803;
constexpr uint32_t labels_magic = 0x00000801;
constexpr size_t images_header = 16;
constexpr size_t labels_header = 8;
constexpr uint32_t largest_side = 16384;
constexpr auto largest_count = static_cast<uint32_t>(std::numeric_limits<int>::max());

void check_magic(std::span<const uint8_t> content, const fs::path& path, uint32_t expected, size_t header,
                 const char* kind) {
    if (content.empty())
        throw Error(fmt::format("{}: expected an IDX {} file, it is empty", path.string(), kind));
    if (content.size() < 4)
        throw Error(fmt::format("{}: expected an IDX {} file, it has only {} bytes", path.string(), kind,
                                content.size()));
    const uint32_t magic = load_big_endian_u32(content.data());
    if (magic != expected) {
        const char* hint = magic == images_magic   ? " (an images file)"
                           : magic == labels_magic ? " (a labels file; name the images file)"
                                                   : "";
        throw Error(fmt::format("{}: expected an IDX {} file (magic 0x{:08x}), got magic 0x{:08x}{}",
                                path.string(), kind, expected, magic, hint));
    }
    if (content.size() < header)
        throw Error(fmt::format("{}: cut off within its header: expected {} bytes, got {}", path.string(),
                                header, content.size()));
}

bool replace_last(std::string& text, const std::string& from, const std::string& to) {
    const size_t at = text.rfind(from);
    if (at == std::string::npos) return false;
    text.replace(at, from.size(), to);
    return true;
}

} // namespace

bool is_idx(std::span<const uint8_t> content) {
    return content.size() >= 4 && content[0] == 0 && content[1] == 0 && content[2] == 8 && content[3] >= 1 &&
           content[3] <= 4;
}

std::optional<fs::path> labels_file_of(const fs::path& images_path) {
    std::string name = images_path.filename().string();
    if (!replace_last(name, "images", "labels") || !replace_last(name, "idx3", "idx1")) return std::nullopt;
    const bool compressed = name.ends_with(".gz");
    const std::string other = compressed ? name.substr(0, name.size() - 3) : name + ".gz";
    std::error_code ignored;
    for (const std::string& candidate : {name, other}) {
        const fs::path path = images_path.parent_path() / candidate;
        if (fs::is_regular_file(path, ignored)) return path;
    }
    return std::nullopt;
}

std::vector<int> load_idx_labels(const fs::path& path) {
    const std::vector<uint8_t> content = read_maybe_gzip(path);
    check_magic(content, path, labels_magic, labels_header, "labels");
    const uint32_t count = load_big_endian_u32(content.data() + 4);
    if (content.size() - labels_header != count)
        throw Error(fmt::format("{}: expected {} labels as its header says, got {}", path.string(), count,
                                content.size() - labels_header));
    return {content.begin() + labels_header, content.end()};
}

Dataset load_idx(const fs::path& images_path) {
    return load_idx(images_path, read_maybe_gzip(images_path));
}

Dataset load_idx(const fs::path& images_path, std::vector<uint8_t> content) {
    const std::string name = images_path.string();
    check_magic(content, images_path, images_magic, images_header, "images");
    const uint32_t count = load_big_endian_u32(content.data() + 4);
    const uint32_t height = load_big_endian_u32(content.data() + 8);
    const uint32_t width = load_big_endian_u32(content.data() + 12);
    if (count == 0) throw Error(fmt::format("{}: expected images, its header says there are none", name));
    if (count > largest_count || height < 1 || width < 1 || height > largest_side || width > largest_side)
        throw Error(
            fmt::format("{}: {} images of {}x{} are refused: expected sides of 1 to {} and at most {} images",
                        name, count, height, width, largest_side, largest_count));
    const uint64_t expected = uint64_t{count} * height * width; // below 2^31 · 2^28
    if (content.size() - images_header != expected)
        throw Error(fmt::format("{}: {} images of {}x{} take {} bytes after the header, the file has {}: {}",
                                name, count, height, width, expected, content.size() - images_header,
                                content.size() - images_header < expected ? "it is cut off"
                                                                          : "something follows them"));
    Dataset dataset;
    dataset.count = static_cast<int>(count);
    dataset.height = static_cast<int>(height);
    dataset.width = static_cast<int>(width);
    dataset.channels = 1;
    content.erase(content.begin(), content.begin() + images_header); // in place: no second copy of the images
    dataset.pixels = std::move(content);

    std::string labels_text = "no labels";
    if (const std::optional<fs::path> labels_path = labels_file_of(images_path)) {
        dataset.labels = load_idx_labels(*labels_path);
        if (dataset.labels.size() != count)
            throw Error(fmt::format("{} has {} labels for the {} images of {}: expected as many",
                                    labels_path->string(), dataset.labels.size(), count, name));
        const auto [low, high] = std::minmax_element(dataset.labels.begin(), dataset.labels.end());
        labels_text = fmt::format("labels {} to {}", *low, *high);
    }
    dataset.description =
        fmt::format("{} images of {}x{}, grey, {} (IDX, {})", count, height, width, labels_text, name);
    return dataset;
}

} // namespace heat
