#include "engine/checkpoint.h"

#include "engine/io/safetensors.h"
#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/memory.h"

#include <fmt/format.h>

#include <cstring>

namespace heat {
namespace {

std::span<const uint8_t> bytes_of(std::span<const float> values) {
    return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}

/// One flat array of a store and the prefix of its names in the file.
struct FlatArray {
    std::string prefix;
    const Tensor& values;
};

void save_arrays(const std::filesystem::path& path, const ParameterStore& store,
                 const std::vector<FlatArray>& arrays) {
    const ProfileScope scope("save checkpoint");
    std::vector<SafetensorsEntry> layout;
    for (const FlatArray& array : arrays)
        for (size_t i = 0; i < store.size(); ++i)
            layout.push_back(
                {array.prefix + store.parameter(i).name(), "F32", store.file_shape(i).extents(), {}});
    SafetensorsWriter writer(path, layout, {{"format", "pt"}});
    for (const FlatArray& array : arrays)
        for (size_t i = 0; i < store.size(); ++i)
            writer.write(array.prefix + store.parameter(i).name(),
                         bytes_of(store.to_file_layout(i, array.values)));
    writer.finish();
}

/// Throws Error unless the file holds the store's parameters under each prefix, and nothing else.
void expect_arrays(const SafetensorsFile& file, const std::string& path, const ParameterStore& store,
                   const std::vector<std::string>& prefixes) {
    for (const std::string& prefix : prefixes)
        for (size_t i = 0; i < store.size(); ++i) {
            const std::string name = prefix + store.parameter(i).name();
            const SafetensorsEntry* entry = file.find(name);
            const Shape expected = store.file_shape(i);
            if (!entry)
                throw Error(
                    fmt::format("{}: no tensor {} (expected F32 {}): the file is of another architecture",
                                path, name, expected.text()));
            if (entry->dtype != "F32" || entry->shape != expected.extents())
                throw Error(
                    fmt::format("{}: {} is {} {}, expected F32 {}: the file is of another architecture", path,
                                name, entry->dtype, Shape(entry->shape).text(), expected.text()));
        }
    if (file.entries().size() != store.size() * prefixes.size())
        throw Error(fmt::format("{}: {} tensors, expected {}: the file is of another architecture", path,
                                file.entries().size(), store.size() * prefixes.size()));
}

/// The array under a prefix of a file that holds what is expected.
void load_array(const SafetensorsFile& file, const std::string& prefix, const ParameterStore& store,
                Tensor& flat) {
    for (size_t i = 0; i < store.size(); ++i) {
        const SafetensorsEntry& entry = file.at(prefix + store.parameter(i).name());
        std::vector<float> values(entry.bytes.size() / sizeof(float));
        std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
        store.from_file_layout(i, values, flat);
    }
}

} // namespace

void save_parameters(const std::filesystem::path& path, const ParameterStore& store, const Tensor& flat) {
    save_arrays(path, store, {{"", flat}});
}

void load_parameters(const std::filesystem::path& path, ParameterStore& store, Tensor& flat) {
    const ProfileScope scope("load checkpoint");
    const SafetensorsFile file(path);
    expect_arrays(file, path.string(), store, {""});
    load_array(file, "", store, flat);
    store.values_changed();
}

void save_moments(const std::filesystem::path& path, const ParameterStore& store, Optimizer& optimizer) {
    save_arrays(path, store,
                {{"first_moment.", optimizer.first_moment()}, {"second_moment.", optimizer.second_moment()}});
}

void load_moments(const std::filesystem::path& path, ParameterStore& store, Optimizer& optimizer) {
    const ProfileScope scope("load checkpoint");
    const SafetensorsFile file(path);
    expect_arrays(file, path.string(), store, {"first_moment.", "second_moment."});
    load_array(file, "first_moment.", store, optimizer.first_moment());
    load_array(file, "second_moment.", store, optimizer.second_moment());
}

void save_tensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors) {
    std::vector<SafetensorsEntry> entries;
    std::map<std::string, Tensor> host;
    for (const auto& [name, tensor] : tensors) {
        if (tensor.dtype() == Dtype::bf16)
            throw Error(fmt::format("save_tensors: {} is bf16; cast it to f32 first", name));
        const Tensor& t = host.emplace(name, tensor.to(Device::cpu)).first->second;
        entries.push_back({name,
                           t.dtype() == Dtype::f32 ? "F32" : "I32",
                           t.shape().extents(),
                           {static_cast<const uint8_t*>(t.raw()), t.bytes()}});
    }
    write_safetensors(path, entries);
}

std::map<std::string, Tensor> load_tensors(const std::filesystem::path& path) {
    const SafetensorsFile file(path);
    std::map<std::string, Tensor> tensors;
    for (const SafetensorsEntry& entry : file.entries()) {
        if (entry.dtype != "F32" && entry.dtype != "I32")
            throw Error(
                fmt::format("{}: {} is {}, expected F32 or I32", path.string(), entry.name, entry.dtype));
        Tensor t(Shape(entry.shape), entry.dtype == "F32" ? Dtype::f32 : Dtype::i32, Device::cpu);
        std::memcpy(t.raw(), entry.bytes.data(), entry.bytes.size());
        tensors.emplace(entry.name, std::move(t));
    }
    return tensors;
}

} // namespace heat
