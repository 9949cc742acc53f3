#include "engine/data/gzip.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#if defined(HEAT_WITH_ZLIB) && HEAT_WITH_ZLIB
#include <zlib.h>
#endif

namespace heat {

bool is_gzip(std::span<const uint8_t> bytes) {
    return bytes.size() >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
}

std::vector<uint8_t> read_maybe_gzip(const std::filesystem::path& path) {
    std::vector<uint8_t> bytes = read_file(path);
    return is_gzip(bytes) ? gunzip(bytes, path.string()) : bytes;
}

#if defined(HEAT_WITH_ZLIB) && HEAT_WITH_ZLIB

namespace {

/// zlib's inflater, set to expect a gzip header.
struct Inflater {
    z_stream stream{};

    Inflater() {
        constexpr int gzip_window = 15 + 16;
        if (inflateInit2(&stream, gzip_window) != Z_OK)
            throw Error("zlib cannot be started: not enough memory");
    }
    ~Inflater() { inflateEnd(&stream); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
};

/// zlib counts in 32 bits.
uInt piece(size_t size) {
    return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max()));
}

} // namespace

std::vector<uint8_t> gunzip(std::span<const uint8_t> bytes, const std::string& name, uint64_t max_bytes) {
    if (!is_gzip(bytes)) throw Error(fmt::format("{}: expected a gzip file, got something else", name));
    Inflater inflater;
    z_stream& stream = inflater.stream;
    std::vector<uint8_t> output;
    size_t consumed = 0, produced = 0;
    for (;;) {
        if (produced == output.size()) {
            if (produced > max_bytes)
                throw Error(fmt::format("{}: unpacks to more than the {} bytes that are read into memory",
                                        name, max_bytes));
            // One byte beyond the limit tells "exactly the limit" from "more".
            output.resize(std::min<uint64_t>(std::max<size_t>(2 * produced, size_t{1} << 16), max_bytes + 1));
        }
        const uInt input_piece = piece(bytes.size() - consumed);
        const uInt output_piece = piece(output.size() - produced);
        stream.next_in = const_cast<Bytef*>(bytes.data() + consumed);
        stream.avail_in = input_piece;
        stream.next_out = output.data() + produced;
        stream.avail_out = output_piece;
        const int status = inflate(&stream, Z_NO_FLUSH);
        consumed += input_piece - stream.avail_in;
        produced += output_piece - stream.avail_out;
        if (status == Z_STREAM_END) {
            const std::span<const uint8_t> rest = bytes.subspan(consumed);
            if (std::all_of(rest.begin(), rest.end(), [](uint8_t byte) { return byte == 0; })) break;
            if (!is_gzip(rest))
                throw Error(
                    fmt::format("{}: {} bytes that are not gzip follow the gzip data", name, rest.size()));
            inflateReset(&stream);
        } else if (status == Z_BUF_ERROR ||
                   (status == Z_OK && consumed == bytes.size() && stream.avail_out > 0)) {
            throw Error(fmt::format("{}: the gzip data are cut off after {} bytes", name, bytes.size()));
        } else if (status != Z_OK) {
            throw Error(fmt::format("{}: the gzip data are damaged ({})", name,
                                    stream.msg != nullptr ? stream.msg : "zlib gave no reason"));
        }
    }
    if (produced > max_bytes)
        throw Error(
            fmt::format("{}: unpacks to more than the {} bytes that are read into memory", name, max_bytes));
    output.resize(produced);
    return output;
}

#else

std::vector<uint8_t> gunzip(std::span<const uint8_t>, const std::string& name, uint64_t) {
    throw Error(
        fmt::format("{} is gzip-compressed and this build has no zlib: unpack it with gunzip, or install "
                    "zlib1g-dev and build again",
                    name));
}

#endif

} // namespace heat
