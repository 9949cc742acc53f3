#pragma once

#include "engine/random.h"
#include "nets/layers.h"
#include "nets/unet_config.h"

namespace heat::nets {

/// What a block needs to know of the pass it is part of.
struct PassContext {
    Variable time;                        ///< SiLU of the time embedding, N×4C₀ f32
    const RandomState* dropout = nullptr; ///< null: no dropout (sampling)
    uint32_t image_offset = 0;            ///< of the batch's first image, for dropout masks
};

/// What happens to the resolution in a residual block: nothing, the mean of 2×2 blocks, or nearest ×2.
enum class Resampling { none, down, up };

/// Residual block: h = conv1(silu(norm1(u))); h = conv2(dropout(silu(norm2(h + proj(silu(time)))))); u' + h,
/// where u is x or cat(x, skip) and u' is u, or its 1×1 convolution where the channels change. He et al.
/// 2016, Ho et al. 2020. With scale_shift proj gives two values a channel and the middle is
/// silu(norm2(h)·(1 + scale) + shift); one that resamples does so to u and to what conv1 takes (Dhariwal &
/// Nichol 2021).
class ResidualBlock {
public:
    ResidualBlock(const UNetConfig& config, ParameterStore& store, const std::string& name, int inputs,
                  int outputs, int time_width, uint32_t layer, Resampling resampling = Resampling::none);
    /// x N×H×W×C; skip undefined (always where the block resamples) or N×H×W×C₂ with C + C₂ = inputs.
    Variable operator()(const Variable& x, const Variable& skip, const PassContext& pass) const;

private:
    GroupNormOptions norm_;
    bool scale_shift_;
    Resampling resampling_;
    float dropout_;
    uint32_t layer_;
    LayerParameters norm1_, conv1_, time_, norm2_, conv2_, shortcut_;
};

/// Self-attention over the positions of an image, with its norm, projections and residual.
class AttentionBlock {
public:
    AttentionBlock(const UNetConfig& config, ParameterStore& store, const std::string& name, int channels);
    Variable operator()(const Variable& x) const;

private:
    int heads_;
    GroupNormOptions norm_options_;
    LayerParameters norm_, query_, key_, value_, out_;
};

} // namespace heat::nets
