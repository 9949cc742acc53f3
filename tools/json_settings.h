#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace heat::tools {

/// A JSON object that another program wrote as its configuration, read key by key. What was never asked for
/// is a setting this program does not know: `expect_all_known` names it. A key that is missing or null has
/// the fallback. All readers throw Error naming file, key, what is expected and what came.
class JsonSettings {
public:
    /// Reads a file of at most 1 MiB. Python's Infinity and NaN, which are no JSON, count as null. Throws
    /// Error where there is no such file or no JSON object in it.
    explicit JsonSettings(const std::filesystem::path& file);

    const std::string& name() const { return name_; }

    /// Whether the key is there and null: some settings mean by it what no default does.
    bool is_null(const std::string& key);
    /// The value, or null.
    const nlohmann::json& value(const std::string& key);
    int64_t whole(const std::string& key, int64_t fallback, int64_t low, int64_t high);
    double number(const std::string& key, double fallback);
    bool flag(const std::string& key, bool fallback);
    std::string text(const std::string& key, const std::string& fallback);
    std::vector<int> wholes(const std::string& key, std::vector<int> fallback, int low, int high);
    std::vector<std::string> texts(const std::string& key, std::vector<std::string> fallback);

    /// A setting of which only one value is supported: throws Error unless it is that, missing or null.
    void only(const std::string& key, const nlohmann::json& supported);
    /// Settings that change nothing here, whatever they are.
    void no_effect(const std::vector<std::string>& keys);
    /// Throws Error naming the first key that is not null, was not asked for and does not begin with an
    /// underscore.
    void expect_all_known() const;

    /// Throws Error for a value that is not supported: "FILE: KEY = VALUE: TEXT".
    [[noreturn]] void refuse(const std::string& key, const std::string& text) const;

private:
    std::string name_;
    nlohmann::json object_ = nlohmann::json::object();
    std::set<std::string> known_;
};

} // namespace heat::tools
