// The adapter of libpng: the only file that includes its header.

#include "engine/io/byte_order.h"
#include "engine/io/png.h"
#include "engine/io/png_chunks.h"
#include "kernels/error.h"

#include <fmt/format.h>

#if defined(HEAT_WITH_PNG)
#include <png.h>
#endif

#include <algorithm>
#include <csetjmp>
#include <cstring>

namespace heat {

#if defined(HEAT_WITH_PNG)

namespace {

/// libpng's reader over a file in memory. It reports an error by a jump, so each function that calls it holds
/// nothing that needs a destructor and returns false after one; `reason` then says what was wrong.
class PngReader {
public:
    explicit PngReader(std::span<const uint8_t> file)
        : rest_(file), png_(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning)),
          info_(png_ != nullptr ? png_create_info_struct(png_) : nullptr) {
        if (info_ != nullptr) return;
        png_destroy_read_struct(&png_, nullptr, nullptr);
        throw Error("libpng cannot be started: not enough memory");
    }
    ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
    PngReader(const PngReader&) = delete;
    PngReader& operator=(const PngReader&) = delete;

    /// Reads up to the pixels and asks for 8 bits, palettes and transparency spelled out.
    bool begin() {
        if (setjmp(png_jmpbuf(png_))) return false;
        png_set_read_fn(png_, this, read);
        png_set_crc_action(png_, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE); // split_png has checked them
        png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, unused_chunks, unused_chunk_count);
        png_read_info(png_, info_);
        png_set_expand(png_);
        png_set_scale_16(png_);
        passes_ = png_set_interlace_handling(png_);
        png_read_update_info(png_, info_);
        return true;
    }
    int channels() const { return png_get_channels(png_, info_); }
    size_t row_bytes() const { return png_get_rowbytes(png_, info_); }

    bool read_rows(uint8_t* pixels, uint32_t height) {
        if (setjmp(png_jmpbuf(png_))) return false;
        for (int pass = 0; pass < passes_; ++pass)
            for (uint32_t y = 0; y < height; ++y) png_read_row(png_, pixels + y * row_bytes(), nullptr);
        png_read_end(png_, nullptr);
        return true;
    }
    const char* reason() const { return reason_; }

private:
    static constexpr png_byte unused_chunks[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0"
                                                "pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";
    static constexpr int unused_chunk_count = sizeof unused_chunks / 5;

    [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
        auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
        std::strncpy(self->reason_, message, sizeof self->reason_ - 1);
        png_longjmp(png, 1);
    }
    static void on_warning(png_structp, png_const_charp) {}
    static void read(png_structp png, png_bytep to, size_t size) {
        auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
        if (size > self->rest_.size()) png_error(png, "cut off");
        std::memcpy(to, self->rest_.data(), size);
        self->rest_ = self->rest_.subspan(size);
    }

    std::span<const uint8_t> rest_;
    png_structp png_;
    png_infop info_;
    int passes_ = 1;
    char reason_[128] = "";
};

std::string_view colours_of(int colour_type, bool transparent) {
    switch (colour_type) {
    case PNG_COLOR_TYPE_GRAY:
        return transparent ? "grey with alpha" : "grey";
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        return "grey with alpha";
    case PNG_COLOR_TYPE_PALETTE:
        return "palette";
    case PNG_COLOR_TYPE_RGB_ALPHA:
        return "RGBA";
    default:
        return transparent ? "RGBA" : "RGB";
    }
}

} // namespace

DecodedImage decode_png(std::span<const uint8_t> file, const std::string& name) {
    const std::vector<PngChunk> chunks = split_png(file, name);
    const uint8_t* header = chunks.front().data.data();
    const uint32_t width = load_big_endian_u32(header), height = load_big_endian_u32(header + 4);
    check_image_size(height, width, 4, name);
    const bool transparent =
        std::any_of(chunks.begin(), chunks.end(), [](const PngChunk& chunk) { return chunk.type == "tRNS"; });
    const auto refuse = [&](const PngReader& reader) {
        throw Error(fmt::format("{}: the PNG cannot be decoded: {}", name, reader.reason()));
    };
    PngReader reader(file);
    if (!reader.begin()) refuse(reader);
    Image8 image{int(height), int(width), reader.channels(), {}};
    const size_t row_bytes = size_t(width) * size_t(image.channels);
    if (reader.row_bytes() != row_bytes)
        throw Error(fmt::format("{}: the PNG cannot be decoded: rows of {} bytes instead of {}", name,
                                reader.row_bytes(), row_bytes));
    image.pixels.resize(height * row_bytes);
    if (!reader.read_rows(image.pixels.data(), height)) refuse(reader);
    return {over_white(std::move(image)), colours_of(header[9], transparent), header[8]};
}

std::string libpng_version() {
    return png_get_libpng_ver(nullptr);
}

#else

DecodedImage decode_png(std::span<const uint8_t>, const std::string& name) {
    throw Error(
        fmt::format("{} is a PNG and this build has no libpng: install libpng-dev and build again", name));
}

std::string libpng_version() {
    return "";
}

#endif

} // namespace heat
