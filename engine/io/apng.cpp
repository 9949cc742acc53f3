#include "engine/io/apng.h"

#include "engine/io/byte_order.h"
#include "engine/io/file.h"
#include "engine/io/png.h"
#include "engine/io/png_chunks.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <iterator>

namespace heat {
namespace {

/// fcTL: the whole canvas, replaced (dispose 0, blend 0), for delay_ms / 1000 seconds.
void append_frame_control(std::vector<uint8_t>& file, uint32_t sequence, const Image8& frame, int delay_ms) {
    std::vector<uint8_t> control;
    append_big_endian(control, sequence, 4);
    append_big_endian(control, static_cast<uint64_t>(frame.width), 4);
    append_big_endian(control, static_cast<uint64_t>(frame.height), 4);
    append_big_endian(control, 0, 4); // x offset
    append_big_endian(control, 0, 4); // y offset
    append_big_endian(control, static_cast<uint64_t>(delay_ms), 2);
    append_big_endian(control, 1000, 2);
    append_big_endian(control, 0, 1);
    append_big_endian(control, 0, 1);
    append_png_chunk(file, "fcTL", control);
}

void check_frames(std::span<const Image8> frames, std::span<const int> delays_ms) {
    if (frames.empty()) throw Error("an animation needs at least one frame");
    if (delays_ms.size() != frames.size())
        throw Error(fmt::format("an animation of {} frames needs as many delays, got {}", frames.size(),
                                delays_ms.size()));
    for (size_t i = 0; i < frames.size(); ++i) {
        check_image(frames[i], fmt::format("frame {} of an animation", i));
        if (frames[i].height != frames[0].height || frames[i].width != frames[0].width ||
            frames[i].channels != frames[0].channels)
            throw Error(fmt::format(
                "the frames of an animation must be of one size: frame 0 is {}x{}x{}, frame {} is {}x{}x{}",
                frames[0].height, frames[0].width, frames[0].channels, i, frames[i].height, frames[i].width,
                frames[i].channels));
        if (delays_ms[i] < 0 || delays_ms[i] > 65535)
            throw Error(fmt::format("frame {} of an animation has a delay of {} ms: expected 0 to 65535", i,
                                    delays_ms[i]));
    }
}

} // namespace

std::vector<uint8_t> encode_apng(std::span<const Image8> frames, std::span<const int> delays_ms,
                                 uint32_t loops) {
    check_frames(frames, delays_ms);
    std::vector<uint8_t> file(std::begin(png_signature), std::end(png_signature));
    uint32_t sequence = 0;
    for (size_t i = 0; i < frames.size(); ++i) {
        const std::vector<uint8_t> png = encode_png(frames[i]);
        const std::vector<PngChunk> chunks = split_png(png, "frame");
        if (i == 0) {
            append_png_chunk(file, "IHDR", chunks.front().data);
            std::vector<uint8_t> control;
            append_big_endian(control, frames.size(), 4);
            append_big_endian(control, loops, 4);
            append_png_chunk(file, "acTL", control);
        }
        append_frame_control(file, sequence++, frames[i], delays_ms[i]);
        for (const PngChunk& chunk : chunks) {
            if (chunk.type != "IDAT") continue;
            if (i == 0) {
                append_png_chunk(file, "IDAT", chunk.data);
                continue;
            }
            std::vector<uint8_t> numbered;
            append_big_endian(numbered, sequence++, 4);
            numbered.insert(numbered.end(), chunk.data.begin(), chunk.data.end());
            append_png_chunk(file, "fdAT", numbered);
        }
    }
    append_png_chunk(file, "IEND", {});
    return file;
}

void write_apng(const std::filesystem::path& path, std::span<const Image8> frames,
                std::span<const int> delays_ms, uint32_t loops) {
    write_file_atomically(path, encode_apng(frames, delays_ms, loops));
}

} // namespace heat
