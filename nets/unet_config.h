#pragma once

#include <string>
#include <vector>

namespace heat::nets {

/// Between levels: a stride-2 3×3 convolution, the mean of 2×2 blocks, or a residual block with that mean in
/// it.
enum class Downsample { convolution, average_pool, residual };
/// Between levels: nearest ×2 followed by a 3×3 convolution, nearest alone, or a residual block with nearest
/// in it.
enum class Upsample { convolution, nearest, residual };

/// The U-Net of DDPM and IHDM, and what lies between. It is exactly google/ddpm-cifar10-32 with norm_epsilon
/// 1e-6, sine first, frequency_shift 1 and downsample_padding 0, and exactly IHDM's reference network with
/// 1e-5, cosine first, 0, 1. OpenAI's improved-diffusion and guided-diffusion networks are IHDM's with heads,
/// scale_shift, residual resampling and classes.
struct UNetConfig {
    int in_channels = 3, out_channels = 3;
    std::vector<int> channels{128, 256, 256, 256}; ///< per level, finest first
    int blocks = 2;                       ///< residual blocks per level going down; one more going up
    std::vector<int> attention_levels{1}; ///< levels (0 = finest) with attention after each block
    bool middle_attention = true;
    int head_channels = 0;    ///< channels per attention head; 0: one head, or `heads`
    int heads = 0;            ///< attention heads on every level instead; 0: by head_channels
    bool scale_shift = false; ///< the time embedding scales and shifts after the second norm of a block
    int groups = 32;
    float norm_epsilon = 1e-5f;
    float dropout = 0.f;
    Downsample downsample = Downsample::convolution;
    Upsample upsample = Upsample::convolution;
    int downsample_padding =
        1; ///< 1: symmetric; 0: one zero row and column at the bottom and right (diffusers)
    bool cosine_first = false;   ///< order in the timestep embedding
    float frequency_shift = 0.f; ///< see kernels/embedding.h
    bool zero_initialize =
        true;        ///< last convolution of each block, attention's projection and conv_out begin at zero
    int classes = 0; ///< > 0: a class embedding added to the time embedding
    /// The embedding has a row more, number `classes`: the null class, of images whose class is not told.
    bool null_class = false;
    /// "unet", or "classifier": the way down and the middle, then normalisation, SiLU, the mean over the
    /// positions and a linear layer to `classes` logits, with no class embedding.
    std::string kind = "unet";

    bool is_classifier() const { return kind == "classifier"; }
    int embedding_rows() const { return is_classifier() ? 0 : classes + int(null_class); }

    /// Throws Error, naming the key, for settings that cannot be built.
    void validate() const;
    /// Image height and width must be multiples of this.
    int size_multiple() const { return 1 << (channels.size() - 1); }
};

} // namespace heat::nets
