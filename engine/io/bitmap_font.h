#pragma once

#include <cstdint>
#include <string_view>

namespace heat {

/// A fixed font for the labels of plots: glyphs 5 pixels wide and 7 high, 6 from one to the next.
inline constexpr int font_height = 7, font_advance = 6;

/// The five columns of a printable ASCII character, bit 0 the topmost pixel; a box for any other.
const uint8_t* glyph_columns(char character);

inline int text_width(std::string_view text) {
    return int(text.size()) * font_advance;
}

} // namespace heat
