#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heat {

/// No dataset.json is larger than this.
inline constexpr uint64_t largest_dataset_json = uint64_t{256} << 20;

/// What a dataset.json says.
struct JsonLabels {
    std::vector<int> of_images; ///< in the order of the names; empty where "labels" is null
};

/// Reads the dataset.json of EDM's and StyleGAN's data sets, an object whose "labels" is null or an array
/// with a pair [name, integer from 0] for each of the images `names` (sorted). nullopt when it is an object
/// without "labels", which is another program's. Throws Error, `file` in the message, when it is no JSON, a
/// pair is something else, or it does not name just these images, each once.
std::optional<JsonLabels> read_dataset_json(std::span<const uint8_t> content, const std::string& file,
                                            std::span<const std::string_view> names);

} // namespace heat
