#pragma once

#include "nets/blocks.h"

#include <optional>

namespace heat::nets {

/// The configurable U-Net (nets/unet_config.h). Parameter names are diffusers'.
class UNet {
public:
    /// Declares its parameters in the store. Throws Error for a configuration that cannot be built.
    UNet(const UNetConfig& config, ParameterStore& store);

    struct Pass {
        Dtype dtype = Dtype::f32;             ///< of activations: f32 or bf16
        const RandomState* dropout = nullptr; ///< null: no dropout
        uint32_t image_offset = 0;
        /// i32 N on the network's device, rows of the class embedding, not checked: where the network has
        /// one, else undefined.
        Tensor labels;
    };

    /// x N×H×W×C f32, timesteps N f32 (as the network counts them): N×H×W×out f32, of a classifier N×classes
    /// f32. H and W must be multiples of config.size_multiple(); throws Error otherwise.
    Variable forward(const Variable& x, const Tensor& timesteps, const Pass& pass) const;

    const UNetConfig& config() const { return config_; }

private:
    struct Level {
        std::vector<ResidualBlock> blocks;
        std::vector<AttentionBlock> attentions;  ///< as many as blocks, or none
        std::optional<LayerParameters> resample; ///< the convolution between levels
        std::optional<ResidualBlock> residual;   ///< or the residual block between levels
        bool resamples = false;                  ///< whether a change of resolution follows
    };

    Variable time_embedding(const Tensor& timesteps, const Tensor& labels) const;
    Variable classify(const Variable& features) const;
    Variable downsample(const Level& level, const Variable& x, const PassContext& pass) const;
    Variable upsample(const Level& level, const Variable& x, const PassContext& pass) const;

    UNetConfig config_;
    LayerParameters conv_in_, time1_, time2_;
    Parameter class_embedding_;
    std::vector<Level> down_, up_;
    std::vector<ResidualBlock> middle_;
    std::optional<AttentionBlock> middle_attention_;
    LayerParameters norm_out_, conv_out_;
    LayerParameters head_; ///< of a classifier, in the place of the way up and conv_out_
};

} // namespace heat::nets
