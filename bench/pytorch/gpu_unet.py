"""Training and sampling steps of the benchmarks' U-Net in PyTorch on a GPU, as its users would write them for speed:
channels_last, bf16 autocast or TF32, fused AdamW, torch.compile with CUDA graphs, batches from pinned memory, no waiting for
the GPU within a step.

A worker: warms up, says it is ready, and then for each number N on standard input runs N steps, timed by CUDA events, and
prints their seconds as one line of JSON. `--device cpu` is for trying it out.
"""
import argparse
import contextlib
import json
import sys
import time
import tomllib

import torch
from plain_unet import UNet

COMPILED = {"eager": None, "compile": "default", "reduce-overhead": "reduce-overhead", "max-autotune": "max-autotune"}


class Work:
    def __init__(self, network, config, options):
        self.device = torch.device(options.device)
        self.bf16 = options.bf16
        data = config["data"]
        self.shape = (options.batch, data["channels"], data["height"], data["width"])
        mode = COMPILED[options.compile]
        self.forward = torch.compile(network, mode=mode) if mode else network
        betas = torch.linspace(1e-4, 0.02, 1000)
        self.alpha_bar = torch.cumprod(1 - betas, 0).to(self.device)

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=True) if self.bf16 else contextlib.nullcontext()

    def predict(self, x, t):
        if self.device.type == "cuda":
            torch.compiler.cudagraph_mark_step_begin()
        with self.autocast():
            return self.forward(x, t).float()


class Training(Work):
    """Noise a batch, predict it, mean square error, clip, fused AdamW, moving average of the weights."""

    def __init__(self, network, config, options):
        super().__init__(network.train(), config, options)
        self.parameters = list(network.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=2e-4, weight_decay=0.0, fused=True)
        self.average = [p.detach().clone() for p in self.parameters]
        images = torch.randint(0, 256, (1024, *self.shape[1:]), dtype=torch.uint8)
        self.images = images.pin_memory() if self.device.type == "cuda" else images
        self.loss = torch.zeros((), device=self.device)

    def step(self):
        chosen = torch.randint(0, len(self.images), (self.shape[0],))
        batch = self.images[chosen]
        if self.device.type == "cuda":
            batch = batch.pin_memory()
        x = batch.to(self.device, non_blocking=True).float() / 127.5 - 1
        x = x.contiguous(memory_format=torch.channels_last)
        noise = torch.randn_like(x)
        t = torch.randint(0, 1000, (self.shape[0],), device=self.device)
        a = self.alpha_bar[t].view(-1, 1, 1, 1)
        predicted = self.predict(a.sqrt() * x + (1 - a).sqrt() * noise, t)
        loss = torch.nn.functional.mse_loss(predicted, noise)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 0.001)
        self.loss += loss.detach()


class Sampling(Work):
    """One step of a batch: DDIM (eta = 0, 50 of 1000 levels) or ancestral (each level), clipped."""

    def __init__(self, network, config, options):
        super().__init__(network.eval().requires_grad_(False), config, options)
        self.stride = 20 if options.mode == "ddim" else 1
        self.x = torch.randn(self.shape, device=self.device).contiguous(memory_format=torch.channels_last)
        self.levels = self.alpha_bar.tolist()
        self.times = torch.arange(1000, device=self.device).view(-1, 1).repeat(1, self.shape[0])
        self.t = 1000 - self.stride

    @torch.inference_mode()
    def step(self):
        t, previous = self.t, self.t - self.stride
        a, a_previous = self.levels[t], self.levels[previous] if previous >= 0 else 1.0
        epsilon = self.predict(self.x, self.times[t])
        x0 = ((self.x - (1 - a) ** 0.5 * epsilon) / a**0.5).clamp(-1, 1)
        if self.stride > 1:
            self.x = a_previous**0.5 * x0 + (1 - a_previous) ** 0.5 * epsilon
        else:
            beta = 1 - a / a_previous
            mean = a_previous**0.5 * beta / (1 - a) * x0 + (1 - beta) ** 0.5 * (1 - a_previous) / (1 - a) * self.x
            deviation = (beta * (1 - a_previous) / (1 - a)) ** 0.5
            self.x = mean + deviation * torch.randn_like(mean) if previous >= 0 else mean
        self.t = previous if previous >= 0 else 1000 - self.stride


def timed(work, steps):
    if work.device.type != "cuda":
        seconds = []
        for _ in range(steps):
            start = time.perf_counter()
            work.step()
            seconds.append(time.perf_counter() - start)
        return seconds
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(steps + 1)]
    marks[0].record()
    for mark in marks[1:]:
        work.step()
        mark.record()
    torch.cuda.synchronize()
    return [1e-3 * before.elapsed_time(after) for before, after in zip(marks, marks[1:])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="configuration of the network (TOML)")
    parser.add_argument("--mode", choices=["train", "ddim", "ancestral"], required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16; otherwise f32 with TF32 products")
    parser.add_argument("--compile", choices=list(COMPILED), default="eager", help="torch.compile's mode")
    parser.add_argument("--warm-up", type=int, default=5)
    options = parser.parse_args()

    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")  # TF32
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    with open(options.config, "rb") as f:
        config = tomllib.load(f)
    network = UNet(config).to(options.device, memory_format=torch.channels_last)
    work = (Training if options.mode == "train" else Sampling)(network, config, options)
    start = time.perf_counter()
    timed(work, options.warm_up)
    about = {
        "ready": True,
        "parameters": sum(p.numel() for p in network.parameters()),
        "torch": torch.__version__,
        "warm_up_seconds": round(time.perf_counter() - start, 1),
    }
    if options.device == "cuda":
        about |= {"card": torch.cuda.get_device_name(), "cudnn": torch.backends.cudnn.version()}
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        seconds = timed(work, int(line))
        memory = torch.cuda.max_memory_allocated() if options.device == "cuda" else 0
        print(json.dumps({"seconds": seconds, "memory_bytes": memory}), flush=True)


if __name__ == "__main__":
    main()
