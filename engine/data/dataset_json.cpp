#include "engine/data/dataset_json.h"

#include "engine/io/printable.h"
#include "kernels/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace heat {
namespace {

/// JSON for a message: the beginning, in one line of ASCII.
std::string excerpt(const nlohmann::json& value) {
    const bool nested = std::any_of(value.begin(), value.end(),
                                    [](const nlohmann::json& item) { return item.is_structured(); });
    if (value.is_structured() && (nested || value.size() > 8)) // dump would descend as deep as they nest
        return fmt::format("an {} of {}", value.type_name(), value.size());
    const std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

int label_of(const nlohmann::json& value, const std::string& file, const std::string& name) {
    const bool fits =
        value.is_number_integer() &&
        (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t(std::numeric_limits<int>::max()));
    if (!fits || value.get<int64_t>() < 0)
        throw Error(fmt::format("{}: expected an integer from 0 as the label of {}, got {}", file, name,
                                excerpt(value)));
    return value.get<int>();
}

} // namespace

std::optional<JsonLabels> read_dataset_json(std::span<const uint8_t> content, const std::string& file,
                                            std::span<const std::string_view> names) {
    const nlohmann::json root = nlohmann::json::parse(content.begin(), content.end(), nullptr, false);
    if (!root.is_object())
        throw Error(fmt::format("{}: expected a JSON object with \"labels\", got {}", file,
                                root.is_discarded() ? fmt::format("{} bytes that are no JSON", content.size())
                                                    : excerpt(root)));
    const auto labels = root.find("labels");
    if (labels == root.end()) return std::nullopt;
    if (labels->is_null()) return JsonLabels{};
    if (!labels->is_array())
        throw Error(fmt::format("{}: expected \"labels\" to be null or an array of [name, label], got {}",
                                file, excerpt(*labels)));

    constexpr int none = -1;
    JsonLabels result{std::vector<int>(names.size(), none)};
    for (const nlohmann::json& pair : *labels) {
        if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string())
            throw Error(fmt::format("{}: expected a pair [name, label], got {}", file, excerpt(pair)));
        const auto& name = pair[0].get_ref<const std::string&>();
        const auto found = std::lower_bound(names.begin(), names.end(), name);
        if (found == names.end() || *found != name)
            throw Error(fmt::format("{}: names {}, which is not among the {} images", file, printable(name),
                                    names.size()));
        int& label = result.of_images[size_t(found - names.begin())];
        if (label != none) throw Error(fmt::format("{}: names {} twice", file, printable(name)));
        label = label_of(pair[1], file, printable(name));
    }
    const auto missing = std::find(result.of_images.begin(), result.of_images.end(), none);
    if (missing != result.of_images.end())
        throw Error(fmt::format("{}: has no label for {} of the {} images, the first {}", file,
                                std::count(missing, result.of_images.end(), none), names.size(),
                                printable(names[size_t(missing - result.of_images.begin())])));
    return result;
}

} // namespace heat
