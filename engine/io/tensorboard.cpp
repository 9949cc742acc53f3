#include "engine/io/tensorboard.h"

#include "engine/io/byte_order.h"
#include "engine/io/crc32c.h"
#include "engine/io/file.h"
#include "engine/io/png.h"
#include "engine/io/protobuf.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <chrono>

namespace heat {
namespace fs = std::filesystem;
namespace {

// Field numbers of tensorflow.Event, Summary, Summary.Value and Summary.Image.
constexpr int event_wall_time = 1, event_step = 2, event_file_version = 3, event_summary = 5;
constexpr int summary_value = 1;
constexpr int value_tag = 1, value_simple = 2, value_image = 4;
constexpr int image_height = 1, image_width = 2, image_colorspace = 3, image_encoded = 4;

constexpr const char* file_version = "brain.Event:2";

constexpr size_t header_size = 12; // length and its sum
constexpr size_t footer_size = 4;

std::vector<uint8_t> framed(const ProtobufMessage& event) {
    std::vector<uint8_t> record;
    record.reserve(header_size + event.bytes().size() + footer_size);
    append_little_endian(record, event.bytes().size(), 8);
    append_little_endian(record, masked_crc32c(record), 4);
    record.insert(record.end(), event.bytes().begin(), event.bytes().end());
    append_little_endian(record, masked_crc32c(event.bytes()), 4);
    return record;
}

/// The format leaves out a number that is zero.
ProtobufMessage begin_event(double wall_time, int64_t step) {
    ProtobufMessage event;
    if (wall_time != 0) event.add_double(event_wall_time, wall_time);
    if (step != 0) event.add_varint(event_step, uint64_t(step));
    return event;
}

/// The event of the record at `offset`; empty where the file ends, is cut off or damaged there.
std::span<const uint8_t> event_at(std::span<const uint8_t> file, uint64_t offset) {
    const auto rest = file.subspan(size_t(offset));
    if (rest.size() < header_size) return {};
    const uint64_t length = load_little_endian_u64(rest.data());
    if (masked_crc32c(rest.first(8)) != load_little_endian_u32(rest.data() + 8)) return {};
    if (length > rest.size() - header_size || rest.size() - header_size - length < footer_size) return {};
    const auto event = rest.subspan(header_size, size_t(length));
    if (masked_crc32c(event) != load_little_endian_u32(rest.data() + header_size + length)) return {};
    return event;
}

bool begins_file(std::span<const uint8_t> event) {
    ProtobufReader reader(event);
    while (const auto field = reader.next())
        if (field->number == event_file_version)
            return std::string_view(reinterpret_cast<const char*>(field->bytes.data()),
                                    field->bytes.size()) == file_version;
    return false;
}

int64_t step_of(std::span<const uint8_t> event) {
    ProtobufReader reader(event);
    while (const auto field = reader.next())
        if (field->number == event_step) return int64_t(field->value);
    return 0;
}

double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

std::vector<uint8_t> version_record(double wall_time) {
    ProtobufMessage event = begin_event(wall_time, 0);
    event.add_text(event_file_version, file_version);
    return framed(event);
}

std::vector<uint8_t> scalars_record(double wall_time, int64_t step, std::span<const Scalar> scalars) {
    ProtobufMessage summary;
    for (const Scalar& scalar : scalars) {
        ProtobufMessage value;
        value.add_text(value_tag, scalar.tag);
        value.add_float(value_simple, scalar.value); // one of several alternatives, so written also when zero
        summary.add_bytes(summary_value, value.bytes());
    }
    ProtobufMessage event = begin_event(wall_time, step);
    event.add_bytes(event_summary, summary.bytes());
    return framed(event);
}

std::vector<uint8_t> image_record(double wall_time, int64_t step, const std::string& tag, int height,
                                  int width, int channels, std::span<const uint8_t> png) {
    ProtobufMessage picture, value, summary;
    picture.add_varint(image_height, uint64_t(height));
    picture.add_varint(image_width, uint64_t(width));
    picture.add_varint(image_colorspace, uint64_t(channels)); // 1 is grey, 3 is RGB
    picture.add_bytes(image_encoded, png);
    value.add_text(value_tag, tag);
    value.add_bytes(value_image, picture.bytes());
    summary.add_bytes(summary_value, value.bytes());
    ProtobufMessage event = begin_event(wall_time, step);
    event.add_bytes(event_summary, summary.bytes());
    return framed(event);
}

uint64_t kept_event_bytes(std::span<const uint8_t> file, int64_t last_step) {
    uint64_t kept = 0;
    for (;;) {
        const auto event = event_at(file, kept);
        if (event.empty() || step_of(event) > last_step || (kept == 0 && !begins_file(event))) return kept;
        kept += header_size + event.size() + footer_size;
    }
}

void EventFile::truncate(int64_t last_step) const {
    if (!fs::exists(path_)) return;
    uint64_t size = 0, kept = 0;
    {
        const MappedFile file(path_); // gone again before the file shrinks
        size = file.bytes().size();
        kept = kept_event_bytes(file.bytes(), last_step);
    }
    std::error_code error;
    if (kept < size) fs::resize_file(path_, kept, error);
    if (error) throw Error(fmt::format("cannot write {}: {}", path_.string(), error.message()));
}

void EventFile::add_scalars(int64_t step, std::span<const Scalar> scalars) const {
    append(scalars_record(now(), step, scalars));
}

void EventFile::add_image(int64_t step, const std::string& tag, const Image8& image) const {
    append(image_record(now(), step, tag, image.height, image.width, image.channels, encode_png(image)));
}

void EventFile::append(std::span<const uint8_t> record) const {
    std::error_code ignored; // opening says what is wrong
    fs::create_directories(path_.parent_path(), ignored);
    std::vector<uint8_t> bytes;
    const auto size = fs::file_size(path_, ignored);
    if (ignored || size == 0) bytes = version_record(now());
    bytes.insert(bytes.end(), record.begin(), record.end());
    append_to_file(path_, bytes);
}

} // namespace heat
