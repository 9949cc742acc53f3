#include "tools/diffusers_network.h"

#include "kernels/error.h"
#include "tools/diffusers_folder.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat::tools {
namespace {

using nlohmann::json;

const std::string down_block = "DownBlock2D", attention_down_block = "AttnDownBlock2D";
const std::string up_block = "UpBlock2D", attention_up_block = "AttnUpBlock2D";

/// A list of blocks: the plain one, the one with attention, and the plain one that changes the resolution by
/// a residual block, which the one with attention does where `type` of the file is "resnet".
struct BlockNames {
    std::string list, type, plain, attention, residual;
};

const BlockNames down_names{"down_block_types", "downsample_type", down_block, attention_down_block,
                            "ResnetDownsampleBlock2D"};
const BlockNames up_names{"up_block_types", "upsample_type", up_block, attention_up_block,
                          "ResnetUpsampleBlock2D"};

struct Blocks {
    std::vector<bool> attention;
    bool residual = false; ///< whether residual blocks lie between the levels
};

Blocks blocks_of(JsonSettings& settings, const BlockNames& names, const std::vector<std::string>& fallback) {
    const std::string type = settings.text(names.type, "conv");
    if (type != "conv" && type != "resnet")
        settings.refuse(names.type, "not supported, only \"conv\" and \"resnet\" are");
    Blocks blocks;
    std::vector<bool> residual; // of all but the last, after which no resolution changes
    for (const std::string& block : settings.texts(names.list, fallback)) {
        if (block != names.plain && block != names.attention && block != names.residual)
            settings.refuse(names.list, fmt::format("block {} is not supported, only {}, {} and {} are",
                                                    block, names.plain, names.attention, names.residual));
        blocks.attention.push_back(block == names.attention);
        residual.push_back(block == names.attention ? type == "resnet" : block == names.residual);
    }
    if (!residual.empty()) residual.pop_back();
    blocks.residual = !residual.empty() && residual[0];
    if (std::count(residual.begin(), residual.end(), blocks.residual) != std::ptrdiff_t(residual.size()))
        settings.refuse(names.list, fmt::format("some levels change their resolution by a residual block, "
                                                "others not ({} = \"{}\"): not supported, only all or none",
                                                names.type, type));
    return blocks;
}

void read_levels(JsonSettings& settings, nets::UNetConfig& network) {
    network.channels = settings.wholes("block_out_channels", {224, 448, 672, 896}, 1, 65536);
    const auto [down, residual_down] = blocks_of(
        settings, down_names, {down_block, attention_down_block, attention_down_block, attention_down_block});
    auto [up, residual_up] =
        blocks_of(settings, up_names, {attention_up_block, attention_up_block, attention_up_block, up_block});
    if (residual_down) network.downsample = nets::Downsample::residual;
    if (residual_up) network.upsample = nets::Upsample::residual;
    if (down.size() != network.channels.size() || up.size() != down.size())
        throw Error(
            fmt::format("{}: block_out_channels, down_block_types and up_block_types have {}, {} and {} "
                        "levels: expected as many of each",
                        settings.name(), network.channels.size(), down.size(), up.size()));
    std::reverse(up.begin(), up.end());
    network.attention_levels.clear();
    for (size_t level = 0; level < down.size(); ++level) {
        if (down[level] != up[level])
            throw Error(
                fmt::format("{}: level {} has attention on its way {} alone: not supported, only levels "
                            "with attention on both ways or on neither are",
                            settings.name(), level, down[level] ? "down" : "up"));
        if (down[level]) network.attention_levels.push_back(int(level));
    }
}

void read_heads(JsonSettings& settings, nets::UNetConfig& network) {
    // Null is one head; a missing key is the package's default.
    const bool one_head = settings.is_null("attention_head_dim");
    network.head_channels = one_head ? 0 : int(settings.whole("attention_head_dim", 8, 1, 65536));
    if (one_head) return;
    std::vector<int> attended;
    for (const int level : network.attention_levels) attended.push_back(network.channels[size_t(level)]);
    if (network.middle_attention) attended.push_back(network.channels.back());
    for (const int channels : attended)
        if (channels % network.head_channels != 0)
            settings.refuse("attention_head_dim",
                            fmt::format("{} channels do not divide into heads of so many", channels));
    const bool all_divide = std::all_of(network.channels.begin(), network.channels.end(),
                                        [&](int c) { return c % network.head_channels == 0; });
    if (all_divide) return;
    // Our network wants heads that divide every level: one head says the same where each has one already.
    if (!std::all_of(attended.begin(), attended.end(), [&](int c) { return c == network.head_channels; }))
        settings.refuse("attention_head_dim",
                        "not supported where some level's channels do not divide by it");
    network.head_channels = 0;
}

void read_size(JsonSettings& settings, DataConfig& data, const nets::UNetConfig& network) {
    const json& size = settings.value("sample_size");
    if (size.is_null())
        throw Error(fmt::format("{}: sample_size is missing: write the images' size there, one number or "
                                "[height, width]",
                                settings.name()));
    if (size.is_array()) {
        const std::vector<int> sides = settings.wholes("sample_size", {}, 1, 4096);
        if (sides.size() != 2) settings.refuse("sample_size", "expected one number or [height, width]");
        data.height = sides[0];
        data.width = sides[1];
    } else {
        data.height = data.width = int(settings.whole("sample_size", 0, 1, 4096));
    }
    const int multiple = network.size_multiple();
    if (data.height % multiple != 0 || data.width % multiple != 0)
        settings.refuse("sample_size", fmt::format("{} levels take sizes in multiples of {} alone",
                                                   network.channels.size(), multiple));
}

void read_class_embedding(JsonSettings& settings, nets::UNetConfig& network) {
    settings.only("class_embed_type", nullptr);
    network.classes = int(settings.whole("num_class_embeds", 0, 1, 1'000'000));
}

void read_time_scale_shift(JsonSettings& settings, nets::UNetConfig& network) {
    const std::string kind = settings.text("resnet_time_scale_shift", "default");
    if (kind != "default" && kind != "scale_shift")
        settings.refuse("resnet_time_scale_shift", "not supported, only \"default\" and \"scale_shift\" are");
    network.scale_shift = kind == "scale_shift";
    // The package then leaves out the normalisation of the middle attention unless told its groups.
    if (network.scale_shift && network.middle_attention && settings.value("attn_norm_num_groups").is_null())
        settings.refuse("attn_norm_num_groups",
                        fmt::format("a middle attention without normalisation is not supported, only {} is",
                                    network.groups));
}

/// What UNet2DModel can do besides, and this network cannot.
void expect_plain(JsonSettings& settings, const nets::UNetConfig& network) {
    settings.only("center_input_sample", false);
    settings.only("time_embedding_type", "positional");
    settings.only("time_embedding_dim", 4 * network.channels[0]);
    if (settings.is_null("mid_block_type")) settings.refuse("mid_block_type", "a middle block is needed");
    settings.only("mid_block_type", "UNetMidBlock2D");
    settings.only("mid_block_scale_factor", 1);
    settings.only("attn_norm_num_groups", network.groups);
    if (const std::string act = settings.text("act_fn", "silu"); act != "silu" && act != "swish")
        settings.refuse("act_fn", "not supported, only \"silu\" is");
    settings.no_effect({"num_train_timesteps"}); // of learned time embeddings
}

} // namespace

void read_diffusers_network(JsonSettings& settings, Configuration& configuration) {
    if (const json& name = settings.value("_class_name"); !name.is_null() && name != "UNet2DModel")
        settings.refuse("_class_name", "not supported, only UNet2DModel is");
    nets::UNetConfig network;
    read_levels(settings, network);
    network.in_channels = int(settings.whole("in_channels", 3, 1, 65536));
    if (network.in_channels != 1 && network.in_channels != 3)
        settings.refuse("in_channels", "not supported, only images of 1 or 3 channels are");
    network.out_channels = int(settings.whole("out_channels", 3, 1, 4096));
    network.blocks = int(settings.whole("layers_per_block", 2, 1, 64));
    network.middle_attention = settings.flag("add_attention", true);
    network.groups = int(settings.whole("norm_num_groups", 32, 1, 4096));
    network.norm_epsilon = float(settings.number("norm_eps", 1e-5));
    network.dropout = float(settings.number("dropout", 0.0));
    network.downsample_padding = int(settings.whole("downsample_padding", 1, 0, 1));
    network.cosine_first = settings.flag("flip_sin_to_cos", true);
    network.frequency_shift = float(settings.number("freq_shift", 0.0));
    if (!(network.frequency_shift >= -1.f && network.frequency_shift <= 1.f))
        settings.refuse("freq_shift", "expected a number from -1 to 1");
    read_heads(settings, network);
    read_time_scale_shift(settings, network);
    read_class_embedding(settings, network);
    expect_plain(settings, network);
    try {
        network.validate();
    } catch (const Error& error) {
        throw Error(fmt::format("{}: {}", settings.name(), error.what()));
    }
    read_size(settings, configuration.data, network);
    settings.expect_all_known();
    configuration.data.channels = network.in_channels;
    if (network.out_channels != network.in_channels) configuration.out_channels = network.out_channels;
    configuration.network = network;
}

namespace {

/// The package has heads by their channels alone.
json head_channels_for(const nets::UNetConfig& network) {
    if (network.heads < 2) return network.head_channels > 0 ? json(network.head_channels) : json();
    std::vector<int> attended;
    for (const int level : network.attention_levels) attended.push_back(network.channels[size_t(level)]);
    if (network.middle_attention) attended.push_back(network.channels.back());
    if (attended.empty()) return nullptr;
    for (const int channels : attended)
        if (channels != attended[0])
            throw Error(
                fmt::format("network.heads = {}: diffusers' UNet2DModel has heads of the same channels "
                            "everywhere, and these levels have {} and {}",
                            network.heads, attended[0], channels));
    return attended[0] / network.heads;
}

} // namespace

json diffusers_network(const Configuration& configuration) {
    const nets::UNetConfig& network = configuration.network;
    if (network.is_classifier())
        throw Error("network.kind = \"classifier\": diffusers' UNet2DModel has no counterpart");
    if (network.downsample == nets::Downsample::average_pool)
        throw Error("network.downsample = \"average_pool\": diffusers' UNet2DModel has no counterpart");
    if (network.upsample == nets::Upsample::nearest)
        throw Error("network.upsample = \"nearest\": diffusers' UNet2DModel has no counterpart");
    const bool residual_down = network.downsample == nets::Downsample::residual;
    const bool residual_up = network.upsample == nets::Upsample::residual;
    std::vector<std::string> down, up;
    for (size_t level = 0; level < network.channels.size(); ++level) {
        const bool attention = std::find(network.attention_levels.begin(), network.attention_levels.end(),
                                         int(level)) != network.attention_levels.end();
        down.push_back(attention       ? down_names.attention
                       : residual_down ? down_names.residual
                                       : down_names.plain);
        up.insert(up.begin(), attention     ? up_names.attention
                              : residual_up ? up_names.residual
                                            : up_names.plain);
    }
    const DataConfig& data = configuration.data;
    // Floats by their shortest text: 1e-6, not 9.999999974752427e-07.
    const auto shortest = [](float value) { return json::parse(fmt::format("{}", value)); };
    return {{"_class_name", "UNet2DModel"},
            {"_diffusers_version", diffusers_version},
            {"sample_size", data.height == data.width ? json(data.height) : json{data.height, data.width}},
            {"in_channels", network.in_channels},
            {"out_channels", network.out_channels},
            {"center_input_sample", false},
            {"time_embedding_type", "positional"},
            {"freq_shift", shortest(network.frequency_shift)},
            {"flip_sin_to_cos", network.cosine_first},
            {"down_block_types", down},
            {"up_block_types", up},
            {"block_out_channels", network.channels},
            {"layers_per_block", network.blocks},
            {"mid_block_scale_factor", 1},
            {"downsample_padding", network.downsample_padding},
            {"downsample_type", residual_down ? "resnet" : "conv"},
            {"upsample_type", residual_up ? "resnet" : "conv"},
            {"dropout", shortest(network.dropout)},
            {"act_fn", "silu"},
            {"attention_head_dim", head_channels_for(network)},
            {"norm_num_groups", network.groups},
            {"attn_norm_num_groups", network.scale_shift ? json(network.groups) : json()},
            {"norm_eps", shortest(network.norm_epsilon)},
            {"resnet_time_scale_shift", network.scale_shift ? "scale_shift" : "default"},
            {"add_attention", network.middle_attention},
            {"class_embed_type", nullptr},
            {"num_class_embeds", network.embedding_rows() > 0 ? json(network.embedding_rows()) : json()}};
}

} // namespace heat::tools
