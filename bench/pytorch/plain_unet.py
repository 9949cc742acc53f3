"""The benchmarks' U-Net in PyTorch alone: the layers, names and results of diffusers' UNet2DModel for a configuration of this
project, for machines without diffusers. Checked against it by `plain_unet.py CONFIG` where there is one."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, time_width, norm, dropout):
        super().__init__()
        self.norm1, self.norm2 = norm(inputs), norm(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_width, outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x)))
        h = h + self.time_emb_proj(time)[:, :, None, None]
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class AttentionBlock(nn.Module):
    def __init__(self, channels, heads, norm):
        super().__init__()
        self.heads = heads
        self.group_norm = norm(channels)
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):
        n, c, height, width = x.shape
        h = self.group_norm(x).permute(0, 2, 3, 1).reshape(n, height * width, c)

        def split(t):
            return t.view(n, height * width, self.heads, c // self.heads).transpose(1, 2)

        h = F.scaled_dot_product_attention(split(self.to_q(h)), split(self.to_k(h)), split(self.to_v(h)))
        h = self.to_out[0](h.transpose(1, 2).reshape(n, height * width, c))
        return x + h.view(n, height, width, c).permute(0, 3, 1, 2)


class Resample(nn.Module):
    def __init__(self, channels, stride, padding):
        super().__init__()
        self.stride, self.padding = stride, padding
        self.conv = nn.Conv2d(channels, channels, 3, stride=stride, padding=padding)

    def forward(self, x):
        if self.stride == 1:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        elif self.padding == 0:
            x = F.pad(x, (0, 1, 0, 1))
        return self.conv(x)


class Level(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnets = nn.ModuleList()
        self.attentions = nn.ModuleList()


class UNet(nn.Module):
    def __init__(self, config):
        super().__init__()
        network, data = config["network"], config["data"]
        channels, blocks = network["channels"], network.get("blocks", 2)
        attention = network.get("attention_levels", [1])
        head_channels = network.get("head_channels", 0)
        groups, epsilon = network.get("groups", 32), network.get("norm_epsilon", 1e-5)
        dropout = network.get("dropout", 0.0)
        first, time_width, levels = channels[0], 4 * channels[0], len(channels)
        self.first, self.cosine_first = first, network.get("cosine_first", False)
        self.frequency_shift = network.get("frequency_shift", 0)

        def norm(width):
            return nn.GroupNorm(groups, width, epsilon)

        def residual(inputs, outputs):
            return ResidualBlock(inputs, outputs, time_width, norm, dropout)

        def attend(width):
            return AttentionBlock(width, width // head_channels if head_channels else 1, norm)

        self.conv_in = nn.Conv2d(data["channels"], first, 3, padding=1)
        self.time_embedding = nn.ModuleDict(
            {"linear_1": nn.Linear(first, time_width), "linear_2": nn.Linear(time_width, time_width)}
        )
        self.down_blocks, self.up_blocks, self.mid_block = nn.ModuleList(), nn.ModuleList(), Level()
        skips, width = [first], first
        for i, outputs in enumerate(channels):
            level = Level()
            for _ in range(blocks):
                level.resnets.append(residual(width, outputs))
                width = outputs
                if i in attention:
                    level.attentions.append(attend(width))
                skips.append(width)
            if i + 1 < levels:
                level.downsamplers = nn.ModuleList([Resample(width, 2, network.get("downsample_padding", 1))])
                skips.append(width)
            self.down_blocks.append(level)
        self.mid_block.resnets.extend([residual(width, width), residual(width, width)])
        self.mid_block.attentions.append(attend(width))
        for i in reversed(range(levels)):
            level = Level()
            for _ in range(blocks + 1):
                level.resnets.append(residual(width + skips.pop(), channels[i]))
                width = channels[i]
                if i in attention:
                    level.attentions.append(attend(width))
            if i > 0:
                level.upsamplers = nn.ModuleList([Resample(width, 1, 1)])
            self.up_blocks.append(level)
        self.conv_norm_out = norm(width)
        self.conv_out = nn.Conv2d(width, data["channels"], 3, padding=1)

    def embed(self, t):
        half = self.first // 2
        exponent = -math.log(10000) * torch.arange(half, device=t.device, dtype=torch.float32)
        angles = t.float()[:, None] * torch.exp(exponent / (half - self.frequency_shift))[None]
        parts = [torch.cos(angles), torch.sin(angles)] if self.cosine_first else [torch.sin(angles), torch.cos(angles)]
        h = F.silu(self.time_embedding["linear_1"](torch.cat(parts, dim=1)))
        return F.silu(self.time_embedding["linear_2"](h))  # every block begins with it

    def forward(self, x, t):
        time = self.embed(t)
        h = self.conv_in(x)
        skips = [h]
        for level in self.down_blocks:
            for j, block in enumerate(level.resnets):
                h = block(h, time)
                if level.attentions:
                    h = level.attentions[j](h)
                skips.append(h)
            if hasattr(level, "downsamplers"):
                h = level.downsamplers[0](h)
                skips.append(h)
        h = self.mid_block.resnets[0](h, time)
        h = self.mid_block.attentions[0](h)
        h = self.mid_block.resnets[1](h, time)
        for level in self.up_blocks:
            for j, block in enumerate(level.resnets):
                h = block(torch.cat([h, skips.pop()], dim=1), time)
                if level.attentions:
                    h = level.attentions[j](h)
            if hasattr(level, "upsamplers"):
                h = level.upsamplers[0](h)
        return self.conv_out(F.silu(self.conv_norm_out(h)))


def main():
    import sys
    import tomllib

    from unet import build

    with open(sys.argv[1], "rb") as f:
        config = tomllib.load(f)
    torch.manual_seed(0)
    theirs, ours = build(config).eval(), UNet(config).eval()
    ours.load_state_dict(theirs.state_dict())
    data = config["data"]
    x = torch.randn(2, data["channels"], data["height"], data["width"])
    t = torch.tensor([3, 700])
    with torch.inference_mode():
        difference = (theirs(x, t).sample - ours(x, t)).abs().max().item()
    print(f"{sum(p.numel() for p in ours.parameters())} parameters, largest difference from diffusers {difference:.2g}")
    sys.exit(difference > 1e-4)


if __name__ == "__main__":
    main()
