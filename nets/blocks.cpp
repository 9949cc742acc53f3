#include "nets/blocks.h"

#include "engine/ops/activation.h"
#include "engine/ops/attention.h"
#include "engine/ops/resample.h"
#include "engine/ops/scale_shift.h"

namespace heat::nets {
namespace {

Variable resampled(const Variable& x, Resampling resampling) {
    return resampling == Resampling::down ? average_pool(x)
           : resampling == Resampling::up ? upsample_nearest(x)
                                          : x;
}

} // namespace

ResidualBlock::ResidualBlock(const UNetConfig& config, ParameterStore& store, const std::string& name,
                             int inputs, int outputs, int time_width, uint32_t layer, Resampling resampling)
    : norm_{config.groups, config.norm_epsilon, true}, scale_shift_(config.scale_shift),
      resampling_(resampling), dropout_(config.dropout), layer_(layer),
      norm1_(norm_parameters(store, name + ".norm1", inputs)),
      conv1_(convolution_parameters(store, name + ".conv1", inputs, outputs, 3)),
      time_(linear_parameters(store, name + ".time_emb_proj", time_width,
                              config.scale_shift ? 2 * outputs : outputs)),
      norm2_(norm_parameters(store, name + ".norm2", outputs)),
      conv2_(convolution_parameters(store, name + ".conv2", outputs, outputs, 3,
                                    config.zero_initialize ? Start::zeros : Start::fan_in)) {
    if (inputs != outputs)
        shortcut_ = convolution_parameters(store, name + ".conv_shortcut", inputs, outputs, 1);
}

Variable ResidualBlock::operator()(const Variable& x, const Variable& skip, const PassContext& pass) const {
    Variable h = group_norm(x, skip, Variable(), norm1_.weight, norm1_.bias, norm_);
    h = conv2d(resampled(h, resampling_), conv1_.weight, conv1_.bias);
    const Variable time = linear(pass.time, time_.weight, time_.bias);
    if (scale_shift_) {
        const GroupNormOptions plain{norm_.groups, norm_.epsilon, false};
        h = group_norm(h, Variable(), Variable(), norm2_.weight, norm2_.bias, plain);
        h = scale_shift_silu(h, time);
    } else {
        h = group_norm(h, Variable(), cast(time, x.dtype()), norm2_.weight, norm2_.bias, norm_);
    }
    if (pass.dropout) h = dropout(h, dropout_, *pass.dropout, layer_, pass.image_offset);
    const Variable residual = !shortcut_.weight.defined() ? resampled(x, resampling_)
                              : skip.defined() ? linear_concat(x, skip, shortcut_.weight, shortcut_.bias)
                                               : linear(x, shortcut_.weight, shortcut_.bias);
    return conv2d(h, conv2_.weight, conv2_.bias, 1, Padding::same(1), residual);
}

AttentionBlock::AttentionBlock(const UNetConfig& config, ParameterStore& store, const std::string& name,
                               int channels)
    : heads_(config.heads > 0           ? config.heads
             : config.head_channels > 0 ? channels / config.head_channels
                                        : 1),
      norm_options_{config.groups, config.norm_epsilon, false},
      norm_(norm_parameters(store, name + ".group_norm", channels)),
      query_(linear_parameters(store, name + ".to_q", channels, channels)),
      key_(linear_parameters(store, name + ".to_k", channels, channels)),
      value_(linear_parameters(store, name + ".to_v", channels, channels)),
      out_(linear_parameters(store, name + ".to_out.0", channels, channels,
                             config.zero_initialize ? Start::zeros : Start::fan_in)) {}

Variable AttentionBlock::operator()(const Variable& x) const {
    const Shape& s = x.shape();
    const Variable normed = group_norm(x, Variable(), Variable(), norm_.weight, norm_.bias, norm_options_);
    const Variable positions = reshape(normed, Shape{s[0], s[1] * s[2], s[3]});
    const auto project = [&](const LayerParameters& p) { return linear(positions, p.weight, p.bias); };
    const Variable attended = attention(project(query_), project(key_), project(value_), heads_);
    return add(x, reshape(linear(attended, out_.weight, out_.bias), s));
}

} // namespace heat::nets
