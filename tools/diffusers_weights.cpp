#include "engine/io/safetensors.h"
#include "kernels/error.h"
#include "kernels/portable.h"
#include "tools/diffusers_folder.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

namespace heat::tools {
namespace {

/// Names of attention's layers now and before diffusers 0.15.
constexpr std::array<std::pair<const char*, const char*>, 4> renamed{
    {{".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}}};

/// The former name of a parameter; empty where it never had another.
std::string former_name(const std::string& name) {
    for (const auto& [now, before] : renamed)
        if (const size_t at = name.find(now); at != std::string::npos)
            return name.substr(0, at) + before + name.substr(at + std::strlen(now));
    return "";
}

float from_f16(uint16_t bits) {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    float value = exponent == 31  ? (fraction ? NAN : INFINITY)
                  : exponent == 0 ? std::ldexp(float(fraction), -24)
                                  : std::ldexp(float(fraction | 1024), exponent - 25);
    return bits & 0x8000 ? -value : value;
}

/// Each element of a borrowed tensor, of type T, made a float by f.
template <class T, class F>
std::vector<float> convert(std::span<const uint8_t> bytes, F f) {
    std::vector<float> values(bytes.size() / sizeof(T));
    for (size_t i = 0; i < values.size(); ++i) {
        T element;
        std::memcpy(&element, bytes.data() + i * sizeof(T), sizeof(T));
        values[i] = f(element);
    }
    return values;
}

std::vector<float> values_of(const SafetensorsEntry& entry, const std::string& file) {
    const auto as_float = [](auto value) { return float(value); };
    if (entry.dtype == "F32") return convert<float>(entry.bytes, as_float);
    if (entry.dtype == "F64") return convert<double>(entry.bytes, as_float);
    if (entry.dtype == "F16") return convert<uint16_t>(entry.bytes, from_f16);
    if (entry.dtype == "BF16")
        return convert<bf16>(entry.bytes, [](const bf16& x) { return kernels::to_float(x); });
    throw Error(fmt::format("{}: {} is {}, expected F32, F16, BF16 or F64", file, entry.name, entry.dtype));
}

/// A parameter's tensor under its present or former name; nullptr where there is none.
const SafetensorsEntry* find_tensor(const SafetensorsFile& file, const std::string& name,
                                    const std::string& path) {
    const SafetensorsEntry* now = file.find(name);
    const std::string former = former_name(name);
    const SafetensorsEntry* before = former.empty() ? nullptr : file.find(former);
    if (now && before)
        throw Error(fmt::format("{}: it holds both {} and, under its former name, {}", path, name, former));
    return now ? now : before;
}

/// Throws for tensors that are missing or left over; names the first of each.
void expect_same_tensors(const SafetensorsFile& file, const ParameterStore& store, const std::string& path) {
    std::set<std::string> used;
    std::string first_missing;
    size_t missing = 0;
    for (size_t i = 0; i < store.size(); ++i) {
        const std::string& name = store.parameter(i).name();
        if (const SafetensorsEntry* entry = find_tensor(file, name, path))
            used.insert(entry->name);
        else if (missing++ == 0)
            first_missing = fmt::format("{} {}", name, store.file_shape(i).text());
    }
    std::string first_other;
    for (const SafetensorsEntry& entry : file.entries())
        if (first_other.empty() && !used.contains(entry.name))
            first_other = fmt::format("{} {}", entry.name, Shape(entry.shape).text());
    const size_t others = file.entries().size() - used.size();
    std::string text;
    if (missing > 0)
        text = fmt::format("{} tensors of this network are missing, the first {}", missing, first_missing);
    if (others > 0)
        text += fmt::format("{}{} tensors belong to none of its layers, the first {}",
                            text.empty() ? "" : "; ", others, first_other);
    if (!text.empty()) throw Error(fmt::format("{}: {}", path, text));
}

} // namespace

void load_diffusers_weights(const std::filesystem::path& file, ParameterStore& store) {
    const std::string path = file.string();
    const SafetensorsFile tensors(file);
    expect_same_tensors(tensors, store, path);
    for (size_t i = 0; i < store.size(); ++i) {
        const SafetensorsEntry& entry = *find_tensor(tensors, store.parameter(i).name(), path);
        const Shape expected = store.file_shape(i);
        if (entry.shape != expected.extents())
            throw Error(fmt::format("{}: {} is {}, expected {}", path, entry.name, Shape(entry.shape).text(),
                                    expected.text()));
        const std::vector<float> values = values_of(entry, path);
        for (const float value : values)
            if (!std::isfinite(value))
                throw Error(fmt::format("{}: {} holds numbers that are not finite", path, entry.name));
        store.from_file_layout(i, values, store.values());
    }
    store.values_changed();
}

} // namespace heat::tools
