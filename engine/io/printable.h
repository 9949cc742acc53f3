#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace heat {

/// Text from outside for a message of one line: control characters are written \x0a.
inline std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            result += c;
    }
    return result;
}

} // namespace heat
