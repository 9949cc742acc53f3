// The adapter of libjpeg (libjpeg-turbo): the only file that includes its headers.

#include "engine/io/jpeg.h"

#include "engine/io/exif.h"
#include "kernels/error.h"

#include <fmt/format.h>

#if defined(HEAT_WITH_JPEG)
#include <jerror.h>
#include <jpeglib.h>

#include <cstdio> // jpeglib.h needs it
#endif

#include <csetjmp>
#include <cstring>

namespace heat {

bool is_jpeg(std::span<const uint8_t> bytes) {
    return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

#if defined(HEAT_WITH_JPEG)

namespace {

constexpr int most_scans = 1000; // a few kilobytes can hold scans that take minutes

/// libjpeg's reader over a file in memory. It reports an error by a jump, so each function that calls it
/// holds nothing that needs a destructor and returns false after one; `reason` then says what was wrong.
class JpegReader {
public:
    JpegReader() {
        jpeg_.err = jpeg_std_error(&errors_);
        errors_.error_exit = [](j_common_ptr jpeg) { self(jpeg).fail(jpeg); };
        errors_.emit_message = [](j_common_ptr jpeg, int level) { self(jpeg).remark(jpeg, level); };
        errors_.output_message = [](j_common_ptr) {};
        jpeg_.client_data = this;
        monitor_.progress_monitor = [](j_common_ptr jpeg) { self(jpeg).count_scans(jpeg); };
    }
    ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
    JpegReader(const JpegReader&) = delete;
    JpegReader& operator=(const JpegReader&) = delete;

    bool read_header(std::span<const uint8_t> file) {
        if (setjmp(escape_)) return false;
        jpeg_create_decompress(&jpeg_);
        jpeg_.progress = &monitor_;
        jpeg_mem_src(&jpeg_, file.data(), static_cast<unsigned long>(file.size()));
        jpeg_save_markers(&jpeg_, exif_segment, 0xFFFF);
        jpeg_read_header(&jpeg_, TRUE);
        jpeg_.out_color_space = jpeg_.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE
                                : jpeg_.num_components == 4             ? JCS_CMYK
                                                                        : JCS_RGB;
        return true;
    }
    uint32_t height() const { return jpeg_.image_height; }
    uint32_t width() const { return jpeg_.image_width; }
    int channels() const {
        return jpeg_.out_color_space == JCS_GRAYSCALE ? 1 : jpeg_.out_color_space == JCS_CMYK ? 4 : 3;
    }
    /// Before read_rows, which forgets the markers.
    int orientation() const {
        for (jpeg_saved_marker_ptr m = jpeg_.marker_list; m != nullptr; m = m->next)
            if (const int found = exif_orientation({m->data, m->data_length}); found != 1) return found;
        return 1;
    }

    /// `pixels` holds height·width·channels bytes.
    bool read_rows(uint8_t* pixels) {
        if (setjmp(escape_)) return false;
        jpeg_start_decompress(&jpeg_);
        while (jpeg_.output_scanline < jpeg_.output_height) {
            JSAMPROW row = pixels + size_t{jpeg_.output_scanline} * jpeg_.output_width *
                                        static_cast<size_t>(jpeg_.output_components);
            jpeg_read_scanlines(&jpeg_, &row, 1);
        }
        jpeg_finish_decompress(&jpeg_);
        return true;
    }
    const char* reason() const { return reason_; }

private:
    static constexpr int exif_segment = JPEG_APP0 + 1;

    static JpegReader& self(j_common_ptr jpeg) { return *static_cast<JpegReader*>(jpeg->client_data); }

    [[noreturn]] void fail(j_common_ptr jpeg) {
        if (reason_[0] == '\0') errors_.format_message(jpeg, reason_);
        longjmp(escape_, 1);
    }

    /// Most of what libjpeg only warns of leaves a picture with grey or torn parts; these do not.
    void remark(j_common_ptr jpeg, int level) {
        const int code = errors_.msg_code;
        if (level >= 0 || code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR ||
            code == JWRN_ADOBE_XFORM || code == JWRN_NOT_SEQUENTIAL)
            return;
        fail(jpeg);
    }

    void count_scans(j_common_ptr jpeg) {
        if (jpeg_.input_scan_number <= most_scans) return;
        std::strcpy(reason_, "it has too many scans");
        fail(jpeg);
    }

    jpeg_decompress_struct jpeg_{};
    jpeg_error_mgr errors_{};
    jpeg_progress_mgr monitor_{};
    jmp_buf escape_;
    char reason_[JMSG_LENGTH_MAX] = "";
};

/// Adobe stores ink inverted: 255 is none.
Image8 rgb_from_inverted_cmyk(const Image8& image) {
    const size_t count = size_t(image.height) * size_t(image.width);
    Image8 result{image.height, image.width, 3, std::vector<uint8_t>(3 * count)};
    const uint8_t* from = image.pixels.data();
    for (size_t i = 0; i < count; ++i, from += 4)
        for (size_t c = 0; c < 3; ++c)
            result.pixels[3 * i + c] = uint8_t((uint32_t{from[c]} * from[3] + 127u) / 255u);
    return result;
}

} // namespace

DecodedImage decode_jpeg(std::span<const uint8_t> file, const std::string& name) {
    const auto refuse = [&](const JpegReader& reader) {
        throw Error(fmt::format("{}: the JPEG cannot be decoded: {}", name, reader.reason()));
    };
    if (!is_jpeg(file))
        throw Error(
            fmt::format("{}: expected a JPEG file, got {} bytes of something else", name, file.size()));
    JpegReader reader;
    if (!reader.read_header(file)) refuse(reader);
    Image8 image{int(reader.height()), int(reader.width()), reader.channels(), {}};
    check_image_size(reader.height(), reader.width(), uint64_t(image.channels), name);
    image.pixels.resize(size_t{reader.height()} * reader.width() * size_t(image.channels));
    const int orientation = reader.orientation();
    if (!reader.read_rows(image.pixels.data())) refuse(reader);
    const std::string_view colours = image.channels == 1 ? "grey" : image.channels == 4 ? "CMYK" : "RGB";
    if (image.channels == 4) image = rgb_from_inverted_cmyk(image);
    return {upright(std::move(image), orientation), colours, 8};
}

std::string libjpeg_version() {
#if defined(LIBJPEG_TURBO_VERSION_NUMBER)
    return fmt::format("{}.{}.{}", LIBJPEG_TURBO_VERSION_NUMBER / 1000000,
                       LIBJPEG_TURBO_VERSION_NUMBER / 1000 % 1000, LIBJPEG_TURBO_VERSION_NUMBER % 1000);
#else
    return fmt::format("libjpeg {}", JPEG_LIB_VERSION);
#endif
}

#else

DecodedImage decode_jpeg(std::span<const uint8_t>, const std::string& name) {
    throw Error(
        fmt::format("{} is a JPEG and this build has no libjpeg: install libjpeg-dev and build again", name));
}

std::string libjpeg_version() {
    return "";
}

#endif

} // namespace heat
