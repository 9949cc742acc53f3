#include "engine/io/image_decoder.h"

#include "engine/io/jpeg.h"
#include "engine/io/png.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat {

DecodedImage decode_image(std::span<const uint8_t> file, const std::string& name) {
    if (is_png(file)) return decode_png(file, name);
    if (is_jpeg(file)) return decode_jpeg(file, name);
    if (file.empty()) throw Error(fmt::format("{}: expected a PNG or JPEG image, the file is empty", name));
    std::string first_bytes;
    for (size_t i = 0; i < std::min<size_t>(file.size(), 4); ++i)
        first_bytes += fmt::format(" {:02x}", file[i]);
    throw Error(fmt::format("{}: expected a PNG or JPEG image, got {} bytes that begin{}", name, file.size(),
                            first_bytes));
}

} // namespace heat
