#include "tests/nets/golden.h"

#include <nlohmann/json.hpp>

#include <cstring>

namespace heat::nets {
namespace {

Tensor to_nhwc(const std::vector<float>& values, int64_t n, int64_t c, int64_t h, int64_t w) {
    std::vector<float> out(values.size());
    for (int64_t i = 0; i < n; ++i)
        for (int64_t k = 0; k < c; ++k)
            for (int64_t p = 0; p < h * w; ++p)
                out[size_t((i * h * w + p) * c + k)] = values[size_t((i * c + k) * h * w + p)];
    return Tensor::from_host(Shape{n, h, w, c}, out, Device::cpu);
}

} // namespace

Golden::Golden(const std::string& name) : file_(std::string(HEAT_SOURCE_DIR) + "/tests/golden/" + name) {}

std::vector<float> Golden::values(const std::string& name) const {
    const SafetensorsEntry& e = file_.at(name);
    std::vector<float> out(e.bytes.size() / sizeof(float));
    std::memcpy(out.data(), e.bytes.data(), e.bytes.size());
    return out;
}

Tensor Golden::images(const std::string& name) const {
    const auto& s = shape(name);
    return to_nhwc(values(name), s[0], s[1], s[2], s[3]);
}

std::vector<float> Golden::row(const std::string& name, int64_t batch) const {
    const std::vector<float> all = values(name);
    const int64_t each = int64_t(all.size()) / shape(name)[0];
    return {all.begin() + batch * each, all.begin() + (batch + 1) * each};
}

Tensor Golden::images(const std::string& name, int64_t batch) const {
    const auto& s = shape(name);
    return to_nhwc(row(name, batch), s[1], s[2], s[3], s[4]);
}

Tensor Golden::timesteps() const {
    return Tensor::from_host(Shape(shape("timesteps")), values("timesteps"), Device::cpu);
}

void Golden::load_parameters(const std::string& prefix, ParameterStore& store) const {
    for (size_t i = 0; i < store.size(); ++i)
        store.from_file_layout(i, values(prefix + store.parameter(i).name()), store.values());
    store.values_changed();
}

UNetConfig Golden::config() const {
    const auto json = nlohmann::json::parse(file_.metadata().at("config"));
    UNetConfig c;
    c.groups = json.value("norm_num_groups", json.value("groups", 32));
    if (json.contains("block_out_channels")) {
        c.in_channels = json["in_channels"];
        c.out_channels = json["out_channels"];
        c.channels = json["block_out_channels"].get<std::vector<int>>();
        c.blocks = json["layers_per_block"];
        c.attention_levels.clear();
        for (size_t i = 0; i < json["down_block_types"].size(); ++i)
            if (json["down_block_types"][i] == "AttnDownBlock2D") c.attention_levels.push_back(int(i));
        c.norm_epsilon = json["norm_eps"];
        c.cosine_first = json["flip_sin_to_cos"];
        c.frequency_shift = json["freq_shift"];
        c.downsample_padding = json["downsample_padding"];
        c.head_channels = json["attention_head_dim"].is_null() ? 0 : json["attention_head_dim"].get<int>();
    } else { // IHDM
        c.in_channels = c.out_channels = json["image_channels"];
        c.channels.clear();
        for (const int m : json["multipliers"]) c.channels.push_back(m * json["channels"].get<int>());
        c.blocks = json["blocks"];
        c.attention_levels = json["attention_levels"].get<std::vector<int>>();
        c.cosine_first = true;
    }
    return c;
}

} // namespace heat::nets
