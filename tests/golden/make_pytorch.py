"""Checkpoints of IHDM, improved-diffusion and guided-diffusion, tiny, and what those networks compute.

Their U-Net is rebuilt here from its published structure, with the names its state dict has. Writes pytorch/NAME beside
this script: checkpoint.pt, golden/input.npy and golden/output-T.npy (of the moving average, where the checkpoint has
one), and run/, what tools/convert-pytorch makes of the checkpoint, less the files that engine predict does not read.
check_pytorch.py holds the converter to those.
"""

import math
import shutil
import subprocess
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from golden import FOLDER, make_deterministic, randomise

CONVERTER = FOLDER.parents[1] / "tools" / "convert-pytorch"
TIMESTEPS = (0, 7, 981)
GROUPS = 2  # the references have 32, of more channels


class TimedSequential(nn.Sequential):
    def forward(self, x, time):
        for layer in self:
            x = layer(x, time) if isinstance(layer, Block) else layer(x)
        return x


class Doubled(nn.Module):
    """Nearest, and a convolution where `convolution`."""

    def __init__(self, channels, convolution=True):
        super().__init__()
        if convolution:
            self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        x = functional.interpolate(x, scale_factor=2, mode="nearest")
        return self.conv(x) if hasattr(self, "conv") else x


class Halved(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x):
        return self.op(x)


class Block(nn.Module):
    def __init__(self, inputs, outputs, time_width, scale_shift, change=None):
        super().__init__()
        self.scale_shift, self.change = scale_shift, change
        self.in_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_width, outputs * (2 if scale_shift else 1)))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, outputs), nn.SiLU(), nn.Dropout(0.0), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, time):
        h = self.in_layers[1](self.in_layers[0](x))
        if self.change:
            h, x = self.change(h), self.change(x)
        h = self.in_layers[2](h)
        embedded = self.emb_layers(time)[:, :, None, None]
        if self.scale_shift:
            scale, shift = embedded.split(embedded.shape[1] // 2, dim=1)
            h = self.out_layers[0](h) * (1 + scale) + shift
        else:
            h = self.out_layers[0](h + embedded)
        return self.skip_connection(x) + self.out_layers[3](self.out_layers[1](h))


class Attention(nn.Module):
    def __init__(self, channels, heads, new_order):
        super().__init__()
        self.heads, self.new_order = heads, new_order
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        n, c, height, width = x.shape
        flat = x.reshape(n, c, height * width)
        mixed = self.qkv(self.norm(flat))
        depth = c // self.heads
        if self.new_order:  # all queries, all keys, all values; each of them head by head
            q, k, v = mixed.reshape(n, 3, self.heads, depth, -1).unbind(1)
        else:  # head by head; each of them its queries, keys and values
            q, k, v = mixed.reshape(n, self.heads, 3, depth, -1).unbind(2)
        weights = torch.softmax(torch.einsum("nhdt,nhds->nhts", q, k) / math.sqrt(depth), dim=-1)
        h = torch.einsum("nhts,nhds->nhdt", weights, v).reshape(n, c, -1)
        return (flat + self.proj_out(h)).reshape(x.shape)


def half(x):
    return functional.avg_pool2d(x, 2)


def double(x):
    return functional.interpolate(x, scale_factor=2, mode="nearest")


class UNet(nn.Module):
    def __init__(self, width, multipliers, blocks, attention, inputs, outputs, classes=0, scale_shift=False,
                 residual=False, heads=1, head_channels=0, new_order=False):
        super().__init__()
        self.width, time_width = width, 4 * width
        self.time_embed = nn.Sequential(nn.Linear(width, time_width), nn.SiLU(), nn.Linear(time_width, time_width))
        if classes:
            self.label_emb = nn.Embedding(classes, time_width)

        def attended(channels):
            return Attention(channels, channels // head_channels if head_channels else heads, new_order)

        def block(channels, out_channels, change=None):
            return Block(channels, out_channels, time_width, scale_shift, change)

        self.input_blocks = nn.ModuleList([TimedSequential(nn.Conv2d(inputs, width, 3, padding=1))])
        current, skips = width, [width]
        for level, multiplier in enumerate(multipliers):
            for _ in range(blocks):
                parts = [block(current, width * multiplier)]
                current = width * multiplier
                if level in attention:
                    parts.append(attended(current))
                self.input_blocks.append(TimedSequential(*parts))
                skips.append(current)
            if level + 1 < len(multipliers):
                part = block(current, current, half) if residual else Halved(current)
                self.input_blocks.append(TimedSequential(part))
                skips.append(current)
        self.middle_block = TimedSequential(block(current, current), attended(current), block(current, current))
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for i in range(blocks + 1):
                parts = [block(current + skips.pop(), width * multiplier)]
                current = width * multiplier
                if level in attention:
                    parts.append(attended(current))
                if level and i == blocks:
                    parts.append(block(current, current, double) if residual else Doubled(current))
                self.output_blocks.append(TimedSequential(*parts))
        self.out = nn.Sequential(nn.GroupNorm(GROUPS, current), nn.SiLU(), nn.Conv2d(current, outputs, 3, padding=1))

    def forward(self, x, timesteps, labels=None):
        half_width = self.width // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half_width, dtype=torch.float32) / half_width)
        angles = timesteps[:, None].float() * frequencies[None]
        time = self.time_embed(torch.cat([angles.cos(), angles.sin()], dim=-1))
        if labels is not None:
            time = time + self.label_emb(labels)
        h, skips = x, []
        for blocks in self.input_blocks:
            h = blocks(h, time)
            skips.append(h)
        h = self.middle_block(h, time)
        for blocks in self.output_blocks:
            h = blocks(torch.cat([h, skips.pop()], dim=1), time)
        return self.out(h)


CASES = {
    "ihdm": dict(
        network=dict(width=4, multipliers=(1, 2), blocks=1, attention=(1,), inputs=1, outputs=1),
        size=(12, 8), options=["ihdm", "--steps", "20", "--sigma-max", "6"],
    ),
    "improved": dict(
        network=dict(width=4, multipliers=(1, 2), blocks=2, attention=(1,), inputs=3, outputs=6, classes=5,
                     scale_shift=True, heads=2),
        size=(8, 8), label=3,
        options=["improved-diffusion", "--steps", "4000", "--schedule", "cosine", "--heads", "2"],
    ),
    "guided": dict(
        network=dict(width=4, multipliers=(1, 1, 2), blocks=1, attention=(1, 2), inputs=3, outputs=6,
                     scale_shift=True, residual=True, heads=2),
        size=(8, 12),
        options=["guided-diffusion", "--steps", "1000", "--schedule", "linear", "--heads", "2"],
    ),
    "guided_new_order": dict(
        network=dict(width=4, multipliers=(1, 2), blocks=1, attention=(0, 1), inputs=3, outputs=3, residual=True,
                     head_channels=2, new_order=True),
        size=(6, 6),
        options=["guided-diffusion", "--steps", "1000", "--schedule", "linear", "--head-channels", "2",
                 "--new-attention-order", "--sigma-small"],
    ),
}  # fmt: skip


def rounded(network):
    """Weights that half the bytes hold exactly."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half().float())


def make_network(arguments, seed):
    make_deterministic(seed)
    network = UNet(**arguments).eval()
    randomise(network)
    rounded(network)
    return network


def halves(network):
    return {name: value.half() for name, value in network.state_dict().items()}


def ihdm_checkpoint(network, average):
    """As IHDM saves it; Adam's moments after two steps."""
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4)
    for _ in range(2):
        optimizer.zero_grad()
        sum((p**2).sum() for p in network.parameters()).backward()
        optimizer.step()
    rounded(network)
    state = optimizer.state_dict()
    for moments in state["state"].values():
        moments["exp_avg"], moments["exp_avg_sq"] = moments["exp_avg"].half(), moments["exp_avg_sq"].half()
    return {
        "optimizer": state, "model": halves(network), "step": 2,
        "ema": {"decay": 0.999, "num_updates": 2, "shadow_params": [p.detach().half() for p in average.parameters()]},
    }  # fmt: skip


def make(name, case, seed):
    folder = FOLDER / "pytorch" / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "golden").mkdir(parents=True)
    network = make_network(case["network"], seed)
    checkpoint = folder / "checkpoint.pt"
    if name == "ihdm":
        trained = make_network(case["network"], seed + 100)
        torch.save(ihdm_checkpoint(trained, network), checkpoint)
    else:
        torch.save(halves(network), checkpoint)
    images = torch.randn(2, case["network"]["inputs"], *case["size"])
    np.save(folder / "golden" / "input.npy", images.numpy())
    labels = torch.full((2,), case["label"]) if "label" in case else None
    for timestep in TIMESTEPS:
        with torch.no_grad():
            output = network(images, torch.full((2,), timestep), labels)
        np.save(folder / "golden" / f"output-{timestep}.npy", output.numpy())
    convert(name, checkpoint, folder / "run")
    for file in ("model", "optimizer"):
        for path in (folder / "run").rglob(f"{file}.safetensors"):
            path.unlink()
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    count = sum(parameter.numel() for parameter in network.parameters())
    print(f"{name}: {count} parameters, checkpoint {checkpoint.stat().st_size} bytes")


def arguments_of(name):
    """The converter's arguments but for the file and --out."""
    case = CASES[name]
    height, width = case["size"]
    return [case["options"][0], "--size", f"{height}x{width}", "--groups", str(GROUPS), *case["options"][1:]]


def convert(name, checkpoint, out):
    kind, *options = arguments_of(name)
    subprocess.run([sys.executable, CONVERTER, kind, checkpoint, "--out", out, *options], check=True)


if __name__ == "__main__":
    for number, (name, case) in enumerate(CASES.items()):
        make(name, case, 11 + number)
