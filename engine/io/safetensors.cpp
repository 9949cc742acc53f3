#include "engine/io/safetensors.h"

#include "engine/io/byte_order.h"
#include "engine/io/number_list.h"
#include "kernels/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

namespace heat {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr uint64_t largest_header = 100'000'000;
constexpr size_t length_bytes = 8;
constexpr const char* metadata_key = "__metadata__";

constexpr std::pair<std::string_view, size_t> element_sizes[] = {
    {"F64", 8},  {"I64", 8},     {"U64", 8},     {"F32", 4}, {"I32", 4},    {"U32", 4},
    {"BF16", 2}, {"F16", 2},     {"I16", 2},     {"U16", 2}, {"I8", 1},     {"U8", 1},
    {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"C64", 8}, {"F8_E8M0", 1}};

/// Quoted, and with control characters escaped so that a message stays one line whatever a file contains.
std::string in_quotes(const std::string& text) {
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Parses the header, refusing repeated keys (which a plain parse would silently drop) and deep nesting.
json parse_header(std::span<const uint8_t> text, const std::string& path) {
    std::vector<std::set<std::string>> keys;
    const auto check = [&](int depth, json::parse_event_t event, json& value) {
        if (depth > 4)
            throw Error(fmt::format("{}: its header is nested deeper than a safetensors header", path));
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
            throw Error(fmt::format("{}: its header names {} twice", path, value.dump()));
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), check);
    } catch (const json::parse_error& error) {
        throw Error(fmt::format(
            "{}: its header is not valid JSON (at byte {}); the file is damaged or no safetensors file", path,
            error.byte));
    } catch (const json::out_of_range&) {
        throw Error(fmt::format("{}: its header holds a number out of range; the file is damaged or no "
                                "safetensors file",
                                path));
    }
}

std::vector<uint64_t> unsigned_list(const json& object, const char* key, const std::string& where) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array())
        throw Error(fmt::format("{}: expected a list '{}'", where, key));
    std::vector<uint64_t> values;
    for (const json& value : *found) {
        if (!value.is_number_unsigned() ||
            value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()})
            throw Error(fmt::format("{}: '{}' must hold whole numbers from 0 up to 2^63-1", where, key));
        values.push_back(value.get<uint64_t>());
    }
    return values;
}

/// An entry as the header states it, with the offsets not yet checked against the other entries'.
struct Placed {
    SafetensorsEntry entry;
    uint64_t begin = 0;
    uint64_t end = 0;
};

Placed parse_entry(const std::string& name, const json& value, const std::string& path) {
    const std::string where = fmt::format("{}: tensor {}", path, in_quotes(name));
    if (!value.is_object())
        throw Error(fmt::format("{}: expected an object with dtype, shape, data_offsets", where));
    Placed placed;
    placed.entry.name = name;
    const auto dtype = value.find("dtype");
    if (dtype == value.end() || !dtype->is_string())
        throw Error(fmt::format("{}: expected a string 'dtype'", where));
    placed.entry.dtype = dtype->get<std::string>();
    for (const uint64_t dimension : unsigned_list(value, "shape", where))
        placed.entry.shape.push_back(static_cast<int64_t>(dimension));
    const std::vector<uint64_t> offsets = unsigned_list(value, "data_offsets", where);
    if (offsets.size() != 2 || offsets[0] > offsets[1])
        throw Error(
            fmt::format("{}: data_offsets must be [begin, end], got [{}]", where, number_list(offsets)));
    placed.begin = offsets[0];
    placed.end = offsets[1];
    uint64_t expected = 0;
    try {
        expected = safetensors_byte_size(placed.entry.dtype, placed.entry.shape);
    } catch (const Error& error) {
        throw Error(fmt::format("{}: {}", where, error.what()));
    }
    if (placed.end - placed.begin != expected)
        throw Error(fmt::format("{}: {} of shape [{}] takes {} bytes, data_offsets span {}", where,
                                placed.entry.dtype, number_list(placed.entry.shape), expected,
                                placed.end - placed.begin));
    return placed;
}

SafetensorsMetadata parse_metadata(const json& value, const std::string& path) {
    SafetensorsMetadata metadata;
    const auto wrong = [&] {
        return Error(fmt::format("{}: {} must map strings to strings", path, metadata_key));
    };
    if (value.is_null()) return metadata;
    if (!value.is_object()) throw wrong();
    for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) throw wrong();
        metadata[key] = text.get<std::string>();
    }
    return metadata;
}

} // namespace

size_t safetensors_element_size(std::string_view dtype) {
    for (const auto& [name, size] : element_sizes)
        if (name == dtype) return size;
    return 0;
}

uint64_t safetensors_byte_size(std::string_view dtype, std::span<const int64_t> shape) {
    uint64_t size = safetensors_element_size(dtype);
    if (size == 0)
        throw Error(fmt::format("dtype {} is not known: expected F64, F32, F16, BF16, I64 … U8 or BOOL",
                                in_quotes(std::string(dtype))));
    bool overflow = false;
    // A zero among the dimensions makes the size 0 however large the others are.
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) size = 0;
    for (const int64_t dimension : shape) {
        if (dimension < 0)
            throw Error(fmt::format("shape [{}] has a negative dimension", number_list(shape)));
        overflow = overflow || __builtin_mul_overflow(size, static_cast<uint64_t>(dimension), &size);
    }
    if (overflow || size > uint64_t{std::numeric_limits<int64_t>::max()})
        throw Error(fmt::format("shape [{}] of {} is larger than any file", number_list(shape), dtype));
    return size;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     std::span<const SafetensorsEntry> layout,
                                     const SafetensorsMetadata& metadata)
    : path_(path.string()), file_(path) {
    std::vector<size_t> order(layout.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return safetensors_element_size(layout[a].dtype) > safetensors_element_size(layout[b].dtype);
    });

    // Assembled entry by entry: an ordered object would search its keys linearly for each insertion.
    std::string header = "{";
    std::vector<std::pair<std::string, Slot>> slots;
    uint64_t offset = 0;
    try {
        if (!metadata.empty()) header += fmt::format("{}:{}", in_quotes(metadata_key), json(metadata).dump());
        for (const size_t index : order) {
            const SafetensorsEntry& entry = layout[index];
            if (entry.name.empty() || entry.name == metadata_key)
                throw Error(
                    fmt::format("cannot write {}: {} cannot name a tensor", path_, in_quotes(entry.name)));
            const uint64_t size = safetensors_byte_size(entry.dtype, entry.shape);
            ordered_json value;
            value["dtype"] = entry.dtype;
            value["shape"] = entry.shape;
            value["data_offsets"] = {offset, offset + size};
            if (header.size() > 1) header += ',';
            header += json(entry.name).dump() + ':' + value.dump();
            slots.push_back({entry.name, {offset, size, false}});
            offset += size;
        }
    } catch (const json::exception&) {
        throw Error(fmt::format("cannot write {}: a name or a metadata text is not valid UTF-8", path_));
    }
    header += '}';
    while (header.size() % 8 != 0) header += ' ';
    if (header.size() > largest_header)
        throw Error(fmt::format("cannot write {}: a header of {} bytes is beyond the format's {}", path_,
                                header.size(), largest_header));
    const uint64_t data_start = length_bytes + header.size();
    for (auto& [name, slot] : slots) {
        slot.offset += data_start;
        slot.written = slot.size == 0;
        if (!slots_.emplace(name, slot).second)
            throw Error(fmt::format("cannot write {}: two tensors are named {}", path_, in_quotes(name)));
    }
    std::vector<uint8_t> length;
    append_little_endian(length, header.size(), length_bytes);
    file_.write(length);
    file_.write(header);
}

void SafetensorsWriter::write(const std::string& name, std::span<const uint8_t> bytes) {
    const auto found = slots_.find(name);
    if (found == slots_.end())
        throw Error(fmt::format("cannot write {}: tensor {} is not in its layout", path_, in_quotes(name)));
    Slot& slot = found->second;
    if (bytes.size() != slot.size)
        throw Error(fmt::format("cannot write {}: tensor {} takes {} bytes, got {}", path_, in_quotes(name),
                                slot.size, bytes.size()));
    if (slot.written && slot.size > 0)
        throw Error(fmt::format("cannot write {}: tensor {} came twice", path_, in_quotes(name)));
    file_.write_at(slot.offset, bytes);
    slot.written = true;
}

void SafetensorsWriter::finish() {
    for (const auto& [name, slot] : slots_)
        if (!slot.written)
            throw Error(fmt::format("cannot write {}: tensor {} never came", path_, in_quotes(name)));
    file_.commit();
}

void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata) {
    SafetensorsWriter writer(path, entries, metadata);
    for (const SafetensorsEntry& entry : entries) writer.write(entry.name, entry.bytes);
    writer.finish();
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path.string()), file_(path) {
    const std::span<const uint8_t> bytes = file_.bytes();
    if (bytes.size() < length_bytes + 2)
        throw Error(fmt::format("{}: {} bytes are too few for a safetensors file; it is empty or cut off",
                                path_, bytes.size()));
    const uint64_t header_length = load_little_endian_u64(bytes.data());
    if (header_length > largest_header)
        throw Error(
            fmt::format("{}: a header of {} bytes is beyond the format's {}; the file is damaged or no "
                        "safetensors file",
                        path_, header_length, largest_header));
    if (header_length > bytes.size() - length_bytes)
        throw Error(
            fmt::format("{}: its header takes {} bytes, the file has {} after the length; it is cut off",
                        path_, header_length, bytes.size() - length_bytes));
    if (bytes[length_bytes] != '{')
        throw Error(fmt::format(
            "{}: its header does not begin with '{{'; the file is damaged or no safetensors file", path_));
    const json header = parse_header(bytes.subspan(length_bytes, header_length), path_);
    const std::span<const uint8_t> data = bytes.subspan(length_bytes + header_length);

    std::vector<Placed> placed;
    for (const auto& [name, value] : header.items()) {
        if (name == metadata_key)
            metadata_ = parse_metadata(value, path_);
        else
            placed.push_back(parse_entry(name, value, path_));
    }
    std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
        return std::tie(a.begin, a.end, a.entry.name) < std::tie(b.begin, b.end, b.entry.name);
    });
    uint64_t position = 0;
    for (Placed& item : placed) {
        const std::string name = in_quotes(item.entry.name);
        if (item.begin != position)
            throw Error(fmt::format("{}: tensor {} begins at byte {}, expected {}: its data {}", path_, name,
                                    item.begin, position,
                                    item.begin < position ? "overlap the one before" : "leave a hole"));
        if (item.end > data.size())
            throw Error(
                fmt::format("{}: tensor {} ends at byte {} of the data, the file has {}; it is cut off",
                            path_, name, item.end, data.size()));
        item.entry.bytes = data.subspan(item.begin, item.end - item.begin);
        position = item.end;
        index_.emplace(item.entry.name, entries_.size());
        entries_.push_back(std::move(item.entry));
    }
    if (position != data.size())
        throw Error(fmt::format("{}: its tensors take {} bytes, the file has {}: {} belong to none", path_,
                                position, data.size(), data.size() - position));
}

const SafetensorsEntry* SafetensorsFile::find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &entries_[found->second];
}

const SafetensorsEntry& SafetensorsFile::at(const std::string& name) const {
    if (const SafetensorsEntry* entry = find(name)) return *entry;
    throw Error(fmt::format("{}: expected a tensor {}, its {} tensors have none of that name", path_,
                            in_quotes(name), entries_.size()));
}

} // namespace heat
