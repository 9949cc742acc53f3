#include "engine/io/npy.h"

#include "engine/io/byte_order.h"
#include "engine/io/file.h"
#include "engine/io/number_list.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>

namespace heat {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct DtypeName {
    NpyDtype dtype;
    std::string_view descr;
    size_t size;
};

constexpr DtypeName dtype_names[] = {{NpyDtype::f32, "<f4", 4},
                                     {NpyDtype::f64, "<f8", 8},
                                     {NpyDtype::u8, "|u1", 1},
                                     {NpyDtype::i64, "<i8", 8}};

const DtypeName& name_of(NpyDtype dtype) {
    for (const DtypeName& entry : dtype_names)
        if (entry.dtype == dtype) return entry;
    throw Error("unknown NpyDtype");
}

/// Elements times element size; Error when that is beyond 63 bits.
uint64_t byte_size(std::span<const int64_t> shape, NpyDtype dtype, const std::string& name) {
    uint64_t size = name_of(dtype).size;
    bool overflow = false;
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) size = 0;
    for (const int64_t dimension : shape) {
        if (dimension < 0)
            throw Error(fmt::format("{}: shape ({}) has a negative dimension", name, number_list(shape)));
        overflow = overflow || __builtin_mul_overflow(size, static_cast<uint64_t>(dimension), &size);
    }
    if (overflow || size > uint64_t{std::numeric_limits<int64_t>::max()})
        throw Error(fmt::format("{}: shape ({}) is larger than any file", name, number_list(shape)));
    return size;
}

/// The header is a Python dictionary literal, e.g. {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3),
/// }.
class HeaderParser {
public:
    HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

    void parse() {
        expect('{');
        while (!accept('}')) {
            const std::string_view key = parse_string();
            expect(':');
            if (key == "descr") {
                if (peek() == '[') throw Error(fmt::format("{}: structured arrays are not read", name_));
                descr = parse_string();
                ++seen_descr_;
            } else if (key == "fortran_order") {
                fortran_order = parse_bool();
                ++seen_order_;
            } else if (key == "shape") {
                parse_shape();
                ++seen_shape_;
            } else {
                fail("the key descr, fortran_order or shape");
            }
            if (!accept(',') && peek() != '}') fail("',' or '}'");
        }
        skip_space();
        if (at_ != text_.size()) fail("nothing after '}'");
        if (seen_descr_ != 1 || seen_order_ != 1 || seen_shape_ != 1)
            fail("descr, fortran_order and shape, each once");
    }

    std::string_view descr;
    bool fortran_order = false;
    std::vector<int64_t> shape;

private:
    [[noreturn]] void fail(std::string_view expected) const {
        throw Error(
            fmt::format("{}: malformed .npy header at its byte {}: expected {}", name_, at_, expected));
    }
    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
    }
    char peek() {
        skip_space();
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool accept(char wanted) {
        if (peek() != wanted) return false;
        ++at_;
        return true;
    }
    void expect(char wanted) {
        if (!accept(wanted)) fail(fmt::format("'{}'", wanted));
    }
    std::string_view parse_string() {
        const char quote = peek();
        if (quote != '\'' && quote != '"') fail("a quoted string");
        const size_t end = text_.find(quote, at_ + 1);
        if (end == std::string_view::npos) fail("a closing quote");
        const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
        at_ = end + 1;
        return value;
    }
    bool parse_bool() {
        skip_space();
        for (const std::string_view word : {std::string_view("True"), std::string_view("False")}) {
            if (text_.substr(at_, word.size()) != word) continue;
            at_ += word.size();
            return word == "True";
        }
        fail("True or False");
    }
    void parse_shape() {
        expect('(');
        bool comma = true;
        while (!accept(')')) {
            if (!comma) fail("',' or ')'");
            if (peek() < '0' || peek() > '9') fail("a dimension");
            int64_t value = 0;
            while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
                if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
                    __builtin_add_overflow(value, int64_t{text_[at_] - '0'}, &value))
                    fail("a dimension below 2^63");
                ++at_;
            }
            if (at_ < text_.size() && text_[at_] == 'L') ++at_; // Python 2 wrote long integers so
            shape.push_back(value);
            comma = accept(',');
        }
    }

    std::string_view text_;
    const std::string& name_;
    size_t at_ = 0;
    int seen_descr_ = 0, seen_order_ = 0, seen_shape_ = 0;
};

NpyDtype parse_dtype(std::string_view descr, const std::string& name) {
    for (const DtypeName& entry : dtype_names)
        if (entry.descr == descr || (entry.size == 1 && descr == "<u1")) return entry.dtype;
    std::string shown; // what a damaged file holds must not break the line
    for (const char c : descr.substr(0, 20)) shown += c >= ' ' && c <= '~' ? c : '?';
    throw Error(
        fmt::format("{}: dtype '{}' is not read, expected one of '<f4', '<f8', '|u1', '<i8'; convert with "
                    "x.astype(np.float32)",
                    name, shown));
}

template <class Element>
void convert(std::span<const uint8_t> bytes, std::vector<float>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
        Element element;
        std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
        values[i] = static_cast<float>(element);
    }
}

} // namespace

size_t npy_element_size(NpyDtype dtype) {
    return name_of(dtype).size;
}

NpyView::NpyView(std::vector<int64_t> view_shape, NpyDtype view_dtype, std::span<const uint8_t> view_bytes)
    : shape(std::move(view_shape)), dtype(view_dtype), bytes(view_bytes) {}

NpyView::NpyView(std::vector<int64_t> view_shape, std::span<const float> values)
    : shape(std::move(view_shape)),
      bytes(reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()) {}

NpyView::NpyView(const NpyArray& array) : shape(array.shape), dtype(array.dtype), bytes(array.bytes) {}

std::vector<uint8_t> npy_header(const NpyView& array) {
    const uint64_t expected = byte_size(array.shape, array.dtype, "array");
    if (expected != array.bytes.size())
        throw Error(fmt::format("an array of shape ({}) and dtype '{}' takes {} bytes, got {}",
                                number_list(array.shape), name_of(array.dtype).descr, expected,
                                array.bytes.size()));
    // Python writes a tuple of one element with a comma.
    std::string text =
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                    name_of(array.dtype).descr, number_list(array.shape), array.shape.size() == 1 ? "," : "");
    const size_t prefix = magic.size() + 4;
    while ((prefix + text.size() + 1) % 64 != 0) text += ' ';
    text += '\n';
    if (text.size() > 65535)
        throw Error(
            fmt::format("an array of {} dimensions does not fit in a .npy header", array.shape.size()));
    std::vector<uint8_t> header(magic.begin(), magic.end());
    header.push_back(1);
    header.push_back(0);
    append_little_endian(header, text.size(), 2);
    header.insert(header.end(), text.begin(), text.end());
    return header;
}

void write_npy(const std::filesystem::path& path, const NpyView& array) {
    const std::vector<uint8_t> header = npy_header(array);
    AtomicFile file(path);
    file.write(header);
    file.write(array.bytes);
    file.commit();
}

NpyArray decode_npy(std::span<const uint8_t> file, const std::string& name) {
    if (file.size() < magic.size() + 4 || std::memcmp(file.data(), magic.data(), magic.size()) != 0)
        throw Error(fmt::format(
            "{}: expected a .npy file (it begins with \\x93NUMPY), got {} bytes of something else; "
            "write it with np.save",
            name, file.size()));
    const int version = file[6];
    if (version < 1 || version > 3)
        throw Error(fmt::format("{}: .npy version {} is not known", name, version));
    const size_t length_width = version == 1 ? 2 : 4;
    const size_t prefix = magic.size() + 2 + length_width;
    if (file.size() < prefix) throw Error(fmt::format("{}: cut off within the .npy header", name));
    const uint64_t length = version == 1 ? uint64_t{file[8]} | uint64_t{file[9]} << 8
                                         : uint64_t{load_little_endian_u32(file.data() + 8)};
    if (length > file.size() - prefix)
        throw Error(fmt::format("{}: cut off within the .npy header: it takes {} bytes, {} are there", name,
                                length, file.size() - prefix));
    HeaderParser header({reinterpret_cast<const char*>(file.data()) + prefix, length}, name);
    header.parse();
    NpyArray array;
    array.dtype = parse_dtype(header.descr, name);
    if (header.fortran_order)
        throw Error(fmt::format(
            "{}: the array is in Fortran order, expected C order; save np.ascontiguousarray(x)", name));
    array.shape = std::move(header.shape);
    const uint64_t expected = byte_size(array.shape, array.dtype, name);
    const std::span<const uint8_t> data = file.subspan(prefix + length);
    if (data.size() != expected)
        throw Error(fmt::format("{}: shape ({}) of '{}' takes {} bytes, the file has {}: {}", name,
                                number_list(array.shape), name_of(array.dtype).descr, expected, data.size(),
                                data.size() < expected ? "it is cut off" : "something follows the array"));
    array.bytes.assign(data.begin(), data.end());
    return array;
}

NpyArray read_npy(const std::filesystem::path& path) {
    const MappedFile file(path);
    return decode_npy(file.bytes(), path.string());
}

std::vector<float> npy_to_f32(const NpyArray& array) {
    const uint64_t expected = byte_size(array.shape, array.dtype, "array");
    if (expected != array.bytes.size())
        throw Error(fmt::format("an array of shape ({}) takes {} bytes, got {}", number_list(array.shape),
                                expected, array.bytes.size()));
    std::vector<float> values(array.bytes.size() / npy_element_size(array.dtype));
    switch (array.dtype) {
    case NpyDtype::f32:
        convert<float>(array.bytes, values);
        break;
    case NpyDtype::f64:
        convert<double>(array.bytes, values);
        break;
    case NpyDtype::u8:
        convert<uint8_t>(array.bytes, values);
        break;
    case NpyDtype::i64:
        convert<int64_t>(array.bytes, values);
        break;
    }
    return values;
}

} // namespace heat
