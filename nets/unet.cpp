#include "nets/unet.h"

#include "engine/ops/activation.h"
#include "engine/ops/embedding.h"
#include "engine/ops/resample.h"
#include "engine/ops/spatial_mean.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace heat::nets {
namespace {

void expect(bool condition, const std::string& message) {
    if (!condition) throw Error("network: " + message);
}

} // namespace

void UNetConfig::validate() const {
    expect(in_channels > 0 && out_channels > 0,
           fmt::format("in_channels and out_channels must be positive, got {} and {}", in_channels,
                       out_channels));
    expect(!channels.empty() && channels.size() <= 8,
           fmt::format("channels needs 1 to 8 levels, got {}", channels.size()));
    expect(blocks > 0, fmt::format("blocks must be positive, got {}", blocks));
    expect(groups > 0, fmt::format("groups must be positive, got {}", groups));
    for (int c : channels)
        expect(c > 0 && c % groups == 0, fmt::format("channels {} do not divide into {} groups", c, groups));
    expect(channels[0] > 1, "the first level needs at least 2 channels for the timestep embedding");
    for (int level : attention_levels)
        expect(level >= 0 && level < int(channels.size()),
               fmt::format("attention_levels names level {}, but there are {} (0 = finest)", level,
                           channels.size()));
    if (head_channels > 0)
        for (int c : channels)
            expect(c % head_channels == 0,
                   fmt::format("channels {} do not divide into heads of {}", c, head_channels));
    if (heads > 0)
        for (int c : channels)
            expect(c % heads == 0, fmt::format("channels {} do not divide into {} heads", c, heads));
    expect(heads >= 0, fmt::format("heads must not be negative, got {}", heads));
    expect(heads == 0 || head_channels == 0, "heads and head_channels are given: choose one of them");
    expect(head_channels >= 0, fmt::format("head_channels must not be negative, got {}", head_channels));
    expect(dropout >= 0.f && dropout < 1.f, fmt::format("dropout must lie in [0, 1), got {}", dropout));
    expect(norm_epsilon > 0.f, fmt::format("norm_epsilon must be positive, got {}", norm_epsilon));
    expect(downsample_padding == 0 || downsample_padding == 1,
           fmt::format("downsample_padding is 0 or 1, got {}", downsample_padding));
    expect(classes >= 0, fmt::format("classes must not be negative, got {}", classes));
    expect(kind == "unet" || kind == "classifier",
           fmt::format("kind is unet or classifier, got \"{}\"", kind));
    expect(!is_classifier() || classes > 1,
           fmt::format("a classifier needs at least 2 classes, got {}: set network.classes", classes));
    expect(!null_class || (classes > 0 && !is_classifier()),
           is_classifier() ? "a classifier has no null class: leave null_class and train.label_dropout out"
                           : "null_class needs classes: set network.classes");
}

UNet::UNet(const UNetConfig& config, ParameterStore& store) : config_(config) {
    config.validate();
    const int levels = int(config.channels.size()), first = config.channels[0], time_width = 4 * first;
    uint32_t layer = 0;
    conv_in_ = convolution_parameters(store, "conv_in", config.in_channels, first, 3);
    time1_ = linear_parameters(store, "time_embedding.linear_1", first, time_width);
    time2_ = linear_parameters(store, "time_embedding.linear_2", time_width, time_width);
    if (const int rows = config.embedding_rows(); rows > 0)
        class_embedding_ =
            store.add("class_embedding.weight", Shape{rows, time_width}, Initialization::fan_in(1));
    const auto has_attention = [&](int level) {
        return std::find(config.attention_levels.begin(), config.attention_levels.end(), level) !=
               config.attention_levels.end();
    };

    std::vector<int> skips{first};
    int width = first;
    for (int i = 0; i < levels; ++i) {
        const std::string name = fmt::format("down_blocks.{}", i);
        Level level;
        for (int j = 0; j < config.blocks; ++j) {
            level.blocks.emplace_back(config, store, fmt::format("{}.resnets.{}", name, j), width,
                                      config.channels[size_t(i)], time_width, layer++);
            width = config.channels[size_t(i)];
            if (has_attention(i))
                level.attentions.emplace_back(config, store, fmt::format("{}.attentions.{}", name, j), width);
            skips.push_back(width);
        }
        level.resamples = i + 1 < levels;
        if (level.resamples) {
            if (config.downsample == Downsample::convolution)
                level.resample =
                    convolution_parameters(store, name + ".downsamplers.0.conv", width, width, 3);
            else if (config.downsample == Downsample::residual)
                level.residual.emplace(config, store, name + ".downsamplers.0", width, width, time_width,
                                       layer++, Resampling::down);
            skips.push_back(width);
        }
        down_.push_back(std::move(level));
    }

    middle_.emplace_back(config, store, "mid_block.resnets.0", width, width, time_width, layer++);
    if (config.middle_attention) middle_attention_.emplace(config, store, "mid_block.attentions.0", width);
    middle_.emplace_back(config, store, "mid_block.resnets.1", width, width, time_width, layer++);
    if (config.is_classifier()) {
        norm_out_ = norm_parameters(store, "classifier.norm", width);
        head_ = linear_parameters(store, "classifier.linear", width, config.classes);
        return;
    }

    for (int i = 0; i < levels; ++i) {
        const std::string name = fmt::format("up_blocks.{}", i);
        const int source = levels - 1 - i, outputs = config.channels[size_t(source)];
        Level level;
        for (int j = 0; j <= config.blocks; ++j) {
            level.blocks.emplace_back(config, store, fmt::format("{}.resnets.{}", name, j),
                                      width + skips.back(), outputs, time_width, layer++);
            skips.pop_back();
            width = outputs;
            if (has_attention(source))
                level.attentions.emplace_back(config, store, fmt::format("{}.attentions.{}", name, j), width);
        }
        level.resamples = i + 1 < levels;
        if (level.resamples && config.upsample == Upsample::convolution)
            level.resample = convolution_parameters(store, name + ".upsamplers.0.conv", width, width, 3);
        else if (level.resamples && config.upsample == Upsample::residual)
            level.residual.emplace(config, store, name + ".upsamplers.0", width, width, time_width, layer++,
                                   Resampling::up);
        up_.push_back(std::move(level));
    }
    norm_out_ = norm_parameters(store, "conv_norm_out", width);
    conv_out_ = convolution_parameters(store, "conv_out", width, config.out_channels, 3,
                                       config.zero_initialize ? Start::zeros : Start::fan_in);
}

Variable UNet::time_embedding(const Tensor& timesteps, const Tensor& labels) const {
    Variable h =
        sinusoidal_embedding(timesteps, config_.channels[0], config_.cosine_first, config_.frequency_shift);
    h = linear(silu(linear(h, time1_.weight, time1_.bias)), time2_.weight, time2_.bias);
    if (class_embedding_.defined() != labels.defined())
        throw Error(class_embedding_.defined()
                        ? fmt::format("this network has {} classes: give a label per image", config_.classes)
                        : std::string("this network has no classes: give no labels"));
    if (class_embedding_.defined()) {
        if (labels.count() != timesteps.count())
            throw Error(fmt::format("{} labels for {} images", labels.count(), timesteps.count()));
        h = add(h, embedding(class_embedding_, labels));
    }
    return silu(h); // every block begins with it; once is enough
}

Variable UNet::classify(const Variable& features) const {
    const Variable h = group_norm(features, Variable(), Variable(), norm_out_.weight, norm_out_.bias,
                                  {config_.groups, config_.norm_epsilon, true});
    return linear(cast(spatial_mean(h), Dtype::f32), head_.weight, head_.bias);
}

Variable UNet::downsample(const Level& level, const Variable& x, const PassContext& pass) const {
    if (level.residual) return (*level.residual)(x, Variable(), pass);
    if (config_.downsample == Downsample::average_pool) return average_pool(x);
    const Padding padding =
        config_.downsample_padding ? Padding::same(1) : Padding{.top = 0, .left = 0, .bottom = 1, .right = 1};
    return conv2d(x, level.resample->weight, level.resample->bias, 2, padding);
}

Variable UNet::upsample(const Level& level, const Variable& x, const PassContext& pass) const {
    if (level.residual) return (*level.residual)(x, Variable(), pass);
    const Variable doubled = upsample_nearest(x);
    return level.resample ? conv2d(doubled, level.resample->weight, level.resample->bias) : doubled;
}

Variable UNet::forward(const Variable& x, const Tensor& timesteps, const Pass& pass) const {
    const Shape& s = x.shape();
    if (s.rank() != 4 || s[3] != config_.in_channels)
        throw Error(fmt::format("network: expected N×H×W×{}, got {}", config_.in_channels, s.text()));
    if (s[1] % config_.size_multiple() || s[2] % config_.size_multiple())
        throw Error(fmt::format("network: {} levels need height and width in multiples of {}, got {}×{}",
                                config_.channels.size(), config_.size_multiple(), s[1], s[2]));
    if (timesteps.count() != s[0])
        throw Error(fmt::format("network: {} timesteps for {} images", timesteps.count(), s[0]));

    const PassContext context{time_embedding(timesteps, pass.labels), pass.dropout, pass.image_offset};
    Variable h = conv2d(cast(x, pass.dtype), conv_in_.weight, conv_in_.bias);
    std::vector<Variable> skips{h};
    for (const Level& level : down_) {
        for (size_t j = 0; j < level.blocks.size(); ++j) {
            h = level.blocks[j](h, Variable(), context);
            if (!level.attentions.empty()) h = level.attentions[j](h);
            skips.push_back(h);
        }
        if (level.resamples) skips.push_back(h = downsample(level, h, context));
    }
    h = middle_[0](h, Variable(), context);
    if (middle_attention_) h = (*middle_attention_)(h);
    h = middle_[1](h, Variable(), context);
    if (config_.is_classifier()) return classify(h);
    for (const Level& level : up_) {
        for (size_t j = 0; j < level.blocks.size(); ++j) {
            h = level.blocks[j](h, skips.back(), context);
            skips.pop_back();
            if (!level.attentions.empty()) h = level.attentions[j](h);
        }
        if (level.resamples) h = upsample(level, h, context);
    }
    h = group_norm(h, Variable(), Variable(), norm_out_.weight, norm_out_.bias,
                   {config_.groups, config_.norm_epsilon, true});
    return cast(conv2d(h, conv_out_.weight, conv_out_.bias), Dtype::f32);
}

} // namespace heat::nets
