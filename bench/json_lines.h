#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace heat::bench {

/// A member of a result file that is a list.
struct JsonList {
    const char* name;
    nlohmann::json entries = nlohmann::json::array();
};
/// The list of what to_json makes of each entry.
template <class Entries>
JsonList json_list(const char* name, const Entries& entries) {
    JsonList list{name};
    for (const auto& entry : entries) list.entries.push_back(to_json(entry));
    return list;
}

/// The text of a result file: an object with head's members (at least one) and then the lists, each entry on
/// a line of its own, so that two files can be compared by line.
std::string json_lines(const nlohmann::json& head, const std::vector<JsonList>& lists);

} // namespace heat::bench
