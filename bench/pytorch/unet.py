"""The benchmarks' U-Net and its training and sampling step in PyTorch, as its users would write them for speed.

A worker: builds diffusers' UNet2DModel for a configuration of this project, warms up, says it is ready, and then for
each number N on standard input runs N steps and prints their seconds as one line of JSON. Alternating two such
processes gives both the same machine.
"""
import argparse
import json
import resource
import sys
import time
import tomllib


def resident_bytes():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def peak_bytes():
    with open("/proc/self/status") as f:  # getrusage's begins with that of the parent
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) * 1024


def build(config):
    from diffusers import UNet2DModel

    network, data = config["network"], config["data"]
    channels, levels = network["channels"], len(network["channels"])
    attention = network.get("attention_levels", [1])
    down = ["AttnDownBlock2D" if i in attention else "DownBlock2D" for i in range(levels)]
    up = ["AttnUpBlock2D" if i in attention else "UpBlock2D" for i in reversed(range(levels))]
    return UNet2DModel(
        sample_size=data["height"],
        in_channels=data["channels"],
        out_channels=data["channels"],
        block_out_channels=channels,
        layers_per_block=network.get("blocks", 2),
        down_block_types=down,
        up_block_types=up,
        attention_head_dim=None,
        norm_num_groups=network.get("groups", 32),
        norm_eps=network.get("norm_epsilon", 1e-5),
        downsample_padding=network.get("downsample_padding", 1),
        flip_sin_to_cos=network.get("cosine_first", False),
        freq_shift=network.get("frequency_shift", 0),
        dropout=network.get("dropout", 0.0),
    )


class Training:
    """Noise a batch, predict it, mean square error, clip, fused Adam, moving average of the weights."""

    def __init__(self, torch, network, config, batch, bf16, compiled):
        self.torch, self.bf16 = torch, bf16
        data = config["data"]
        self.shape = (batch, data["channels"], data["height"], data["width"])
        self.network = network.train()
        self.forward = torch.compile(network) if compiled else network
        self.optimizer = torch.optim.Adam(network.parameters(), lr=2e-4, fused=True)
        self.average = [p.detach().clone() for p in network.parameters()]
        betas = torch.linspace(1e-4, 0.02, 1000)
        self.alpha_bar = torch.cumprod(1 - betas, 0)
        self.images = torch.randint(0, 256, (1024, *self.shape[1:]), dtype=torch.uint8)

    def step(self):
        torch = self.torch
        chosen = torch.randint(0, len(self.images), (self.shape[0],))
        x = (self.images[chosen].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        noise = torch.randn_like(x)
        t = torch.randint(0, 1000, (self.shape[0],))
        a = self.alpha_bar[t].view(-1, 1, 1, 1)
        noisy = a.sqrt() * x + (1 - a).sqrt() * noise
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            predicted = self.forward(noisy, t).sample
        loss = torch.nn.functional.mse_loss(predicted.float(), noise)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0, foreach=True)
        self.optimizer.step()
        torch._foreach_lerp_(self.average, [p.detach() for p in self.network.parameters()], 0.001)
        return loss.item()


class Sampling:
    """One DDIM step (eta = 0, clipped) of a batch."""

    def __init__(self, torch, network, config, batch, bf16, compiled):
        self.torch, self.bf16 = torch, bf16
        data = config["data"]
        network = network.eval().requires_grad_(False)
        self.forward = torch.compile(network) if compiled else network
        self.x = torch.randn(batch, data["channels"], data["height"], data["width"]).contiguous(
            memory_format=torch.channels_last
        )
        betas = torch.linspace(1e-4, 0.02, 1000)
        self.alpha_bar = torch.cumprod(1 - betas, 0).tolist()
        self.t = 980

    def step(self):
        torch = self.torch
        t, previous = self.t, self.t - 20
        a, a_previous = self.alpha_bar[t], self.alpha_bar[previous] if previous >= 0 else 1.0
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            epsilon = self.forward(self.x, torch.full((self.x.shape[0],), t)).sample.float()
            x0 = ((self.x - (1 - a) ** 0.5 * epsilon) / a**0.5).clamp(-1, 1)
            self.x = a_previous**0.5 * x0 + (1 - a_previous) ** 0.5 * epsilon
        self.t = previous if previous >= 0 else 980


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="configuration of the network (TOML)")
    parser.add_argument("--mode", choices=["train", "sample"], required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--warm-up", type=int, default=3)
    options = parser.parse_args()

    import diffusers  # noqa: F401  (part of the resting size, as is torch)
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    resting = resident_bytes()
    with open(options.config, "rb") as f:
        config = tomllib.load(f)
    network = build(config).to(memory_format=torch.channels_last)
    kind = Training if options.mode == "train" else Sampling
    work = kind(torch, network, config, options.batch, options.bf16, options.compile)
    for _ in range(options.warm_up):
        work.step()
    parameters = sum(p.numel() for p in network.parameters())
    print(json.dumps({"ready": True, "parameters": parameters, "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            work.step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds, "memory_bytes": peak_bytes() - resting}), flush=True)


if __name__ == "__main__":
    main()
