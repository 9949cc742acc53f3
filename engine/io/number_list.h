#pragma once

#include <fmt/format.h>

#include <string>

namespace heat {

/// "2, 3, 4". In place of fmt::join, whose parser for such a range makes GCC 12 warn of an overflow that
/// cannot happen.
template <class Range>
std::string number_list(const Range& numbers, const char* separator = ", ") {
    std::string text;
    for (const auto number : numbers) {
        if (!text.empty()) text += separator;
        text += fmt::to_string(number);
    }
    return text;
}

} // namespace heat
