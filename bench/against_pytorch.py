#!/usr/bin/env python3
"""Times this engine beside PyTorch in one run and writes JSON: whole training and sampling steps of three U-Nets, peak
memory, and the time from the command to the first image.

Run it with the Python that tools/baseline-env makes. Every contestant is a process of its own that stays alive; they take
turns, in many short rounds, and are compared round by round: a shared machine may run at two thirds of its speed for half a
minute. Nothing else should run beside it.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from common import ROOT, add_options, best_settings, environment_of, median_of, memory_ratio, ratios_by_round

WORKER = ROOT / "bench/pytorch/unet.py"
NETWORKS = [
    # name, configuration, batch of training and of sampling
    ("1M", "bench/networks/unet-1m.toml", 32, 64),
    ("5M", "bench/networks/unet-5m.toml", 32, 64),
    ("36M", "configs/cifar10-ddpm.toml", 16, 16),
]
PYTORCH = {
    "eager f32": [],
    "compile f32": ["--compile"],
    "eager bf16": ["--bf16"],
    "compile bf16": ["--compile", "--bf16"],
}
OURS = {"bf16": ["--dtype", "bf16"], "f32": ["--dtype", "f32"]}  # next to PyTorch's bf16, the usual best


class Contestant:
    """A worker process that answers a number of steps with their times."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        self.about = self.read()
        self.seconds, self.medians, self.memory = [], [], 0

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"against_pytorch: {' '.join(map(str, self.process.args))} ended early")
        return json.loads(line)

    def run(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        answer = self.read()
        self.seconds += answer["seconds"]
        self.medians.append(statistics.median(answer["seconds"]))
        self.memory = max(self.memory, answer["memory_bytes"])

    def result(self):
        ordered = sorted(self.seconds)
        return {
            "milliseconds": {
                "median": round(1e3 * statistics.median(ordered), 3),
                "low_quartile": round(1e3 * ordered[len(ordered) // 4], 3),
                "high_quartile": round(1e3 * ordered[len(ordered) * 3 // 4], 3),
            },
            "round_medians": [round(1e3 * m, 3) for m in self.medians],
            "steps": len(ordered),
            "memory_mib": round(self.memory / 2**20, 1),
        }

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(name, config, mode, batch, options, environment):
    common = [str(ROOT / config), "--mode", mode, "--batch", str(batch)]
    contestants = {}
    for setting, flags in PYTORCH.items():
        contestants["pytorch", setting] = Contestant(
            [sys.executable, str(WORKER), *common, "--threads", str(options.threads), *flags], environment
        )
    for setting, flags in OURS.items():
        contestants["ours", setting] = Contestant(
            [options.engine, "bench", "network", *common, "--serve", *flags], environment
        )
    counts = {}
    for key, contestant in contestants.items():  # one step each says how many make a round
        contestant.run(1)
        counts[key] = max(2, min(50, round(options.round_seconds / contestant.seconds[-1])))
        contestant.seconds, contestant.medians = [], []
    for _ in range(options.rounds):
        for key, contestant in contestants.items():
            contestant.run(counts[key])
    results = {"pytorch": {}, "ours": {}}
    for (side, setting), contestant in contestants.items():
        results[side][setting] = contestant.result()
        contestant.close()
    best = best_settings(results)
    theirs, ours = (contestants[side, best[side]].medians for side in ("pytorch", "ours"))
    row = {
        "network": name,
        "parameters": contestants["ours", "f32"].about["parameters"],
        "gflop_per_step": round(contestants["ours", "f32"].about["flops"] / 1e9, 3),
        "mode": mode,
        "batch": batch,
        **results,
        "best": best,
        **ratios_by_round("times_faster", theirs, ours),
    }
    row["memory_ratio"] = memory_ratio(row)
    median = {side: median_of(results[side][setting]) for side, setting in best.items()}
    print(
        f"{name} {mode}: ours {best['ours']} {median['ours']:.1f} ms, PyTorch {best['pytorch']} {median['pytorch']:.1f} ms:"
        f" {row['times_faster']}x, memory {row['memory_ratio']}x",
        file=sys.stderr,
        flush=True,
    )
    return row


def wall(command, environment, cwd=None):
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def first_image(options, environment):
    """Process start to PNG: the 1 M network, 10 DDIM steps, one image; both sides in turn."""
    config = ROOT / NETWORKS[0][1]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        images = folder / "images.idx"
        images.write_bytes(b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (64, 28, 28)) + os.urandom(64 * 784))
        run = folder / "run"
        train = ["train", str(config), "--set", f"data.path={images}", "--set", "train.steps=1", "--out", str(run)]
        subprocess.run([options.engine, *train], check=True, env=environment, capture_output=True)
        weights = next(run.glob("checkpoints/*/ema.safetensors"))
        ours = [options.engine, "sample", str(run), "-n", "1", "--solver", "ddim", "--steps", "10", "--out", str(folder / "out")]
        theirs = [sys.executable, str(ROOT / "bench/pytorch/first_image.py"), str(config), str(weights),
                  str(folder / "image.png"), "--threads", str(options.threads)]  # fmt: skip
        seconds = {"ours": [], "pytorch": []}
        for _ in range(5):
            seconds["ours"].append(wall(ours, environment))
            seconds["pytorch"].append(wall(theirs, environment))
    # The first round reads both programs from the disk.
    median = {side: statistics.median(values[1:]) for side, values in seconds.items()}
    return {
        "seconds": {side: [round(s, 3) for s in values] for side, values in seconds.items()},
        "median_without_first": {side: round(s, 3) for side, s in median.items()},
        "share": round(median["ours"] / median["pytorch"], 3),
    }


def machine():
    fields = {}
    with open("/proc/cpuinfo") as f:
        for line in f:
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    return {"cpu": fields.get("model name"), "features": [x for x in wanted if x in fields.get("flags", "").split()]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "against_pytorch.json")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--round-seconds", type=float, default=1.0, help="of each contestant")
    parser.add_argument("--only", help="a network: 1M, 5M or 36M")
    options = parser.parse_args()
    environment = environment_of(options.threads)

    import torch

    command = [options.engine, "bench", "device", "--device", "cpu", "--json"]
    device = json.loads(subprocess.run(command, check=True, env=environment, capture_output=True).stdout)
    rows = []
    result = {
        "what": "steps of whole networks and the first image beside PyTorch; alternating processes, medians over all rounds",
        "date": datetime.date.today().isoformat(),
        "commit": device["device"]["commit"],
        "machine": machine(),
        "threads": options.threads,
        "rounds": options.rounds,
        "torch": torch.__version__,
        "steps": rows,
    }
    out = pathlib.Path(options.out)
    result["device"] = device
    result["first_image"] = first_image(options, environment)
    print(f"first image: {result['first_image']['median_without_first']}", file=sys.stderr, flush=True)
    for name, config, train_batch, sample_batch in NETWORKS:
        if options.only and name != options.only:
            continue
        for mode, batch in (("train", train_batch), ("sample", sample_batch)):
            rows.append(compare(name, config, mode, batch, options, environment))
            out.write_text(json.dumps(result, indent=1) + "\n")  # what is measured is kept if the rest is not
    print(out)


if __name__ == "__main__":
    main()
