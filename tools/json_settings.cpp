#include "tools/json_settings.h"

#include "engine/io/file.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace heat::tools {
namespace {

using nlohmann::json;

constexpr uint64_t largest_settings = 1 << 20;

/// Of a value that a message quotes.
std::string shortened(const std::string& text) {
    return text.size() <= 80 ? text : text.substr(0, 77) + "...";
}

/// Python's json module writes these where a number is not finite.
std::string without_python_numbers(const std::string& text) {
    std::string result;
    bool in_string = false;
    for (size_t i = 0; i < text.size();) {
        if (!in_string) {
            const auto words = {std::string_view("-Infinity"), std::string_view("Infinity"),
                                std::string_view("NaN")};
            const auto found = std::find_if(words.begin(), words.end(), [&](std::string_view word) {
                return text.compare(i, word.size(), word) == 0;
            });
            if (found != words.end()) {
                result += "null";
                i += found->size();
                continue;
            }
        } else if (text[i] == '\\' && i + 1 < text.size()) {
            result += text[i++];
            result += text[i++];
            continue;
        }
        if (text[i] == '"') in_string = !in_string;
        result += text[i++];
    }
    return result;
}

} // namespace

JsonSettings::JsonSettings(const std::filesystem::path& file) : name_(file.string()) {
    const std::vector<uint8_t> bytes = read_file(file, largest_settings);
    const auto shallow = [&](int depth, json::parse_event_t, json&) {
        if (depth > 16) throw Error(fmt::format("{}: nested deeper than a configuration", name_));
        return true;
    };
    try {
        object_ = json::parse(without_python_numbers({bytes.begin(), bytes.end()}), shallow);
    } catch (const json::parse_error& error) {
        throw Error(fmt::format("{}: not valid JSON (at byte {})", name_, error.byte));
    } catch (const json::out_of_range&) {
        throw Error(fmt::format("{}: a number in it is out of range", name_));
    }
    if (!object_.is_object()) throw Error(fmt::format("{}: expected a JSON object", name_));
}

bool JsonSettings::is_null(const std::string& key) {
    return object_.contains(key) && value(key).is_null();
}

const json& JsonSettings::value(const std::string& key) {
    static const json null;
    known_.insert(key);
    const auto found = object_.find(key);
    return found == object_.end() ? null : *found;
}

void JsonSettings::refuse(const std::string& key, const std::string& text) const {
    const auto found = object_.find(key);
    const std::string shown = found == object_.end() ? "null" : shortened(found->dump());
    throw Error(fmt::format("{}: {} = {}: {}", name_, shortened(key), shown, text));
}

int64_t JsonSettings::whole(const std::string& key, int64_t fallback, int64_t low, int64_t high) {
    const json& found = value(key);
    if (found.is_null()) return fallback;
    // 1.0 is whole too: some programs write all numbers so.
    const double number = found.is_number() ? found.get<double>() : NAN;
    if (!(number >= double(low) && number <= double(high)) || number != std::floor(number))
        refuse(key, fmt::format("expected a whole number from {} to {}", low, high));
    return int64_t(number);
}

double JsonSettings::number(const std::string& key, double fallback) {
    const json& found = value(key);
    if (found.is_null()) return fallback;
    if (!found.is_number()) refuse(key, "expected a number");
    return found.get<double>();
}

bool JsonSettings::flag(const std::string& key, bool fallback) {
    const json& found = value(key);
    if (found.is_null()) return fallback;
    if (!found.is_boolean()) refuse(key, "expected true or false");
    return found.get<bool>();
}

std::string JsonSettings::text(const std::string& key, const std::string& fallback) {
    const json& found = value(key);
    if (found.is_null()) return fallback;
    if (!found.is_string()) refuse(key, "expected a text");
    return found.get<std::string>();
}

std::vector<int> JsonSettings::wholes(const std::string& key, std::vector<int> fallback, int low, int high) {
    const json& found = value(key);
    if (found.is_null()) return fallback;
    std::vector<int> values;
    const auto fits = [=](const json& item) {
        return item.is_number_integer() && item.get<double>() >= low && item.get<double>() <= high;
    };
    if (!found.is_array() || !std::all_of(found.begin(), found.end(), fits))
        refuse(key, fmt::format("expected a list of whole numbers from {} to {}", low, high));
    for (const json& item : found) values.push_back(item.get<int>());
    return values;
}

std::vector<std::string> JsonSettings::texts(const std::string& key, std::vector<std::string> fallback) {
    const json& found = value(key);
    if (found.is_null()) return fallback;
    if (!found.is_array() ||
        !std::all_of(found.begin(), found.end(), [](const json& item) { return item.is_string(); }))
        refuse(key, "expected a list of texts");
    return found.get<std::vector<std::string>>();
}

void JsonSettings::only(const std::string& key, const json& supported) {
    const json& found = value(key);
    if (!found.is_null() && found != supported)
        refuse(key, fmt::format("not supported, only {} is", supported.dump()));
}

void JsonSettings::no_effect(const std::vector<std::string>& keys) {
    known_.insert(keys.begin(), keys.end());
}

void JsonSettings::expect_all_known() const {
    for (const auto& [key, found] : object_.items())
        if (!found.is_null() && !key.starts_with('_') && !known_.contains(key))
            refuse(key, "an unknown setting, which may change what the network computes");
}

} // namespace heat::tools
