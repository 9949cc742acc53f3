"""Golden file of IHDM's U-Net, rebuilt here from improved-diffusion's structure (Rissanen et al. 2023, appendix).

Checks the rebuilt network against the seven parameter counts of the reference's configurations and, with the weights
carried over, against diffusers' UNet2DModel; then writes unet_ihdm.safetensors under diffusers' key names.
"""

import copy
import math

import torch
from diffusers import UNet2DModel
from torch import nn

from golden import make_deterministic, nmse, randomise, record, report_rounding, write

# channels, multipliers, residual blocks per level, levels with attention (index, 0 = finest), image channels, count.
CONFIGURATIONS = {
    "mnist": (128, (1, 2, 2), 4, (2,), 1, 42_082_049),
    "small mnist": (64, (1, 1, 1), 4, (2,), 1, 3_704_129),
    "cifar10": (128, (1, 2, 2, 2), 4, (2, 3), 3, 61_060_867),
    "afhq 64": (128, (1, 2, 3, 4), 2, (2, 3), 3, 88_217_219),
    "ffhq 128": (128, (1, 2, 3, 4, 5), 2, (2, 3, 4), 3, 159_981_443),
    "ffhq/afhq 256": (128, (1, 2, 3, 4, 5), 3, (2, 3, 4), 3, 210_904_835),
    "lsun church 128": (128, (1, 2, 3, 4, 5), 4, (2, 3, 4), 3, 261_828_227),
}

TINY = dict(channels=8, multipliers=(1, 2), blocks=1, attention_levels=(1,), image_channels=1, groups=4)
HEIGHT, WIDTH = 12, 10


class ResBlock(nn.Module):
    """GN, SiLU, conv3; + Linear(SiLU(emb)); GN, SiLU, conv3; plus the input, through a 1x1 conv if channels change."""

    def __init__(self, channels, out_channels, embedding_channels, groups):
        super().__init__()
        self.in_norm = nn.GroupNorm(groups, channels, eps=1e-5)
        self.in_conv = nn.Conv2d(channels, out_channels, 3, padding=1)
        self.embedding = nn.Linear(embedding_channels, out_channels)
        self.out_norm = nn.GroupNorm(groups, out_channels, eps=1e-5)
        self.out_conv = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = nn.Conv2d(channels, out_channels, 1) if channels != out_channels else nn.Identity()

    def forward(self, x, embedding):
        h = self.in_conv(nn.functional.silu(self.in_norm(x)))
        h = h + self.embedding(nn.functional.silu(embedding))[:, :, None, None]
        h = self.out_conv(nn.functional.silu(self.out_norm(h)))
        return self.skip(x) + h


class Attention(nn.Module):
    """One head over all pixels; queries and keys are each scaled by channels^(-1/4)."""

    def __init__(self, channels, groups):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-5)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.projection = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        b, c, height, width = x.shape
        flat = x.reshape(b, c, height * width)
        q, k, v = self.qkv(self.norm(flat)).split(c, dim=1)
        scale = c**-0.25
        weights = torch.softmax(torch.einsum("bct,bcs->bts", q * scale, k * scale), dim=-1)
        h = self.projection(torch.einsum("bts,bcs->bct", weights, v))
        return (flat + h).reshape(b, c, height, width)


class Stage(nn.Module):
    """One entry of the input or output path: a residual block, and attention where the level has it."""

    def __init__(self, channels, out_channels, embedding_channels, groups, attention):
        super().__init__()
        self.resnet = ResBlock(channels, out_channels, embedding_channels, groups)
        self.attention = Attention(out_channels, groups) if attention else None

    def forward(self, x, embedding):
        h = self.resnet(x, embedding)
        return self.attention(h) if self.attention is not None else h


class IhdmUNet(nn.Module):
    def __init__(self, channels, multipliers, blocks, attention_levels, image_channels, groups=32):
        super().__init__()
        self.channels = channels
        width = 4 * channels
        self.time_1 = nn.Linear(channels, width)
        self.time_2 = nn.Linear(width, width)
        self.conv_in = nn.Conv2d(image_channels, channels, 3, padding=1)
        self.down = nn.ModuleList()  # one list of stages per level
        self.downsamplers = nn.ModuleList()
        current, skips = channels, [channels]
        for level, multiplier in enumerate(multipliers):
            stages = nn.ModuleList()
            for _ in range(blocks):
                stages.append(Stage(current, channels * multiplier, width, groups, level in attention_levels))
                current = channels * multiplier
                skips.append(current)
            self.down.append(stages)
            if level + 1 < len(multipliers):
                self.downsamplers.append(nn.Conv2d(current, current, 3, stride=2, padding=1))
                skips.append(current)
        self.middle_1 = ResBlock(current, current, width, groups)
        self.middle_attention = Attention(current, groups)
        self.middle_2 = ResBlock(current, current, width, groups)
        self.up = nn.ModuleList()  # coarsest level first
        self.upsamplers = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(multipliers))):
            stages = nn.ModuleList()
            for _ in range(blocks + 1):
                stages.append(
                    Stage(current + skips.pop(), channels * multiplier, width, groups, level in attention_levels)
                )
                current = channels * multiplier
            self.up.append(stages)
            if level > 0:
                self.upsamplers.append(nn.Conv2d(current, current, 3, padding=1))
        self.norm_out = nn.GroupNorm(groups, current, eps=1e-5)
        self.conv_out = nn.Conv2d(current, image_channels, 3, padding=1)

    def embed(self, timesteps):
        """Cosines first, then sines; the angles are float32 as in the reference."""
        half = self.channels // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
        angles = timesteps[:, None].float() * frequencies[None]
        sinusoid = torch.cat([angles.cos(), angles.sin()], dim=-1).to(self.time_1.weight.dtype)
        return self.time_2(nn.functional.silu(self.time_1(sinusoid)))

    def forward(self, x, timesteps):
        embedding = self.embed(timesteps)
        h = self.conv_in(x)
        skips = [h]
        for level, stages in enumerate(self.down):
            for stage in stages:
                h = stage(h, embedding)
                skips.append(h)
            if level < len(self.downsamplers):
                h = self.downsamplers[level](h)
                skips.append(h)
        h = self.middle_2(self.middle_attention(self.middle_1(h, embedding)), embedding)
        for i, stages in enumerate(self.up):
            for stage in stages:
                h = stage(torch.cat([h, skips.pop()], dim=1), embedding)
            if i < len(self.upsamplers):
                h = self.upsamplers[i](nn.functional.interpolate(h, scale_factor=2, mode="nearest"))
        return self.conv_out(nn.functional.silu(self.norm_out(h)))


def with_diffusers_names(network, tensor_of):
    """Renames to diffusers' keys and splits qkv; `tensor_of` picks a parameter's value or its gradient."""
    named = {}

    def put(name, module):
        for kind in ("weight", "bias"):
            named[f"{name}.{kind}"] = tensor_of(getattr(module, kind))

    def put_resnet(name, block):
        put(f"{name}.norm1", block.in_norm)
        put(f"{name}.conv1", block.in_conv)
        put(f"{name}.time_emb_proj", block.embedding)
        put(f"{name}.norm2", block.out_norm)
        put(f"{name}.conv2", block.out_conv)
        if not isinstance(block.skip, nn.Identity):
            put(f"{name}.conv_shortcut", block.skip)

    def put_attention(name, attention):
        put(f"{name}.group_norm", attention.norm)
        for kind in ("weight", "bias"):
            parts = tensor_of(getattr(attention.qkv, kind)).chunk(3)
            for letter, part in zip("qkv", parts):
                named[f"{name}.to_{letter}.{kind}"] = part.squeeze(-1) if kind == "weight" else part
        named[f"{name}.to_out.0.weight"] = tensor_of(attention.projection.weight).squeeze(-1)
        named[f"{name}.to_out.0.bias"] = tensor_of(attention.projection.bias)

    def put_levels(side, levels, samplers, sampler_name):
        for i, stages in enumerate(levels):
            for j, stage in enumerate(stages):
                put_resnet(f"{side}.{i}.resnets.{j}", stage.resnet)
                if stage.attention is not None:
                    put_attention(f"{side}.{i}.attentions.{j}", stage.attention)
            if i < len(samplers):
                put(f"{side}.{i}.{sampler_name}.0.conv", samplers[i])

    put("time_embedding.linear_1", network.time_1)
    put("time_embedding.linear_2", network.time_2)
    put("conv_in", network.conv_in)
    put_levels("down_blocks", network.down, network.downsamplers, "downsamplers")
    put_resnet("mid_block.resnets.0", network.middle_1)
    put_attention("mid_block.attentions.0", network.middle_attention)
    put_resnet("mid_block.resnets.1", network.middle_2)
    put_levels("up_blocks", network.up, network.upsamplers, "upsamplers")
    put("conv_norm_out", network.norm_out)
    put("conv_out", network.conv_out)
    return named


def check_counts():
    for name, (channels, multipliers, blocks, levels, image_channels, expected) in CONFIGURATIONS.items():
        with torch.device("meta"):
            network = IhdmUNet(channels, multipliers, blocks, levels, image_channels)
        count = sum(parameter.numel() for parameter in network.parameters())
        print(f"{name}: {count} parameters")
        assert count == expected, expected


def as_diffusers(config):
    """The UNet2DModel that is the same network."""
    levels = range(len(config["multipliers"]))
    attention = [level in config["attention_levels"] for level in levels]
    return UNet2DModel(
        sample_size=(HEIGHT, WIDTH), in_channels=config["image_channels"], out_channels=config["image_channels"],
        block_out_channels=tuple(config["channels"] * m for m in config["multipliers"]),
        layers_per_block=config["blocks"],
        down_block_types=tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in attention),
        up_block_types=tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attention)),
        norm_num_groups=config["groups"], norm_eps=1e-5, flip_sin_to_cos=True, freq_shift=0,
        downsample_padding=1, attention_head_dim=None, center_input_sample=False, act_fn="silu", dropout=0.0,
    )


def loss_function(output, target):
    """Batch mean of the sum over channels and pixels."""
    return ((output - target) ** 2).sum(dim=(1, 2, 3)).mean()


def record_tiny(network, inputs, timesteps, target):
    hooked = {"conv_in": network.conv_in, "time_embedding": network.time_2, "mid_block": network.middle_2,
              "down_blocks.0": network.downsamplers[0], "down_blocks.1": network.down[-1][-1]}
    tensors = record(network, inputs, timesteps, target, loss_function, hooked)
    for prefix, tensor_of in (("parameters", lambda p: p.detach()), ("gradients", lambda p: p.grad)):
        for name, tensor in with_diffusers_names(network, tensor_of).items():
            tensors[f"{prefix}.{name}"] = tensor
    return tensors


def main():
    check_counts()
    make_deterministic(3)
    network = IhdmUNet(**TINY)
    network.train()
    randomise(network)
    inputs = torch.rand(2, TINY["image_channels"], HEIGHT, WIDTH)
    target = torch.randn(2, TINY["image_channels"], HEIGHT, WIDTH)
    timesteps = torch.tensor([3, 17])
    tensors = record_tiny(network, inputs, timesteps, target)

    twin = as_diffusers(TINY)
    twin.load_state_dict(with_diffusers_names(network, lambda parameter: parameter.detach()), strict=True)
    difference = nmse(twin(inputs, timesteps).sample.detach(), tensors["output"])
    print(f"diffusers' UNet2DModel with the same weights: NMSE {difference:.1e}")
    assert difference < 1e-11

    double_tensors = record_tiny(copy.deepcopy(network).double(), inputs.double(), timesteps, target.double())
    write("unet_ihdm.safetensors", tensors, config=TINY)
    print(f"  {sum(p.numel() for p in network.parameters())} parameters, loss {tensors['loss'].item():.6f}")
    report_rounding(tensors, double_tensors)


if __name__ == "__main__":
    main()
