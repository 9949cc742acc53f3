#include "bench/json_lines.h"

namespace heat::bench {

std::string json_lines(const nlohmann::json& head, const std::vector<JsonList>& lists) {
    std::string text = head.dump(1);
    text.erase(text.rfind('\n')); // the closing brace comes after the lists
    for (const JsonList& list : lists) {
        text += std::string(",\n \"") + list.name + "\": [";
        const char* separator = "\n  ";
        for (const nlohmann::json& entry : list.entries) {
            text += separator + entry.dump();
            separator = ",\n  ";
        }
        text += "\n ]";
    }
    return text + "\n}\n";
}

} // namespace heat::bench
