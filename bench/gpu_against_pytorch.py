#!/usr/bin/env python3
"""Times this engine beside PyTorch on a GPU and writes JSON: training steps, DDIM and ancestral sampling steps of four U-Nets,
and peak memory.

Needs PyTorch and nothing else from Python's packages (bench/pytorch/plain_unet.py is the network). A row is one network, batch
and kind of step; its contestants are processes, one after another with the card to itself, each timed in several rounds. What
stands in --out already, of this commit, is not measured again, and nothing begins that could not end within --budget
seconds; the exit code is 3 while something is missing.
"""
import argparse
import datetime
import json
import pathlib
import select
import statistics
import subprocess
import sys
import time

from against_pytorch import Contestant
from common import ROOT, add_options, best_settings, median_of, memory_ratio

WORKER = ROOT / "bench/pytorch/gpu_unet.py"
CIFAR = "configs/cifar10-ddpm.toml"
# What matters most comes first: the time may not be enough for all.
ROWS = [
    # name, configuration, batch, kind of step, thorough: every setting of PyTorch's
    ("CIFAR-10 DDPM", CIFAR, 128, "train", True),
    ("CIFAR-10 DDPM", CIFAR, 128, "ddim", True),
    ("64x64", "bench/networks/unet-64.toml", 32, "train", False),
    ("CIFAR-10 DDPM", CIFAR, 16, "ddim", False),
    ("CIFAR-10 DDPM", CIFAR, 16, "train", False),
    ("256x256", "bench/networks/unet-256.toml", 8, "train", False),
    ("64x64", "bench/networks/unet-64.toml", 32, "ddim", False),
    ("256x256", "bench/networks/unet-256.toml", 8, "ddim", False),
    ("CIFAR-10 DDPM", CIFAR, 128, "ancestral", False),
    ("CIFAR-10 DDPM", CIFAR, 16, "ancestral", False),
]
PYTORCH = {  # and whether only thorough rows have it
    "eager bf16": (["--bf16"], False),
    "reduce-overhead bf16": (["--bf16", "--compile", "reduce-overhead"], False),
    "max-autotune bf16": (["--bf16", "--compile", "max-autotune"], True),
    "eager tf32": ([], True),
    "reduce-overhead tf32": (["--compile", "reduce-overhead"], True),
}
OURS = {
    "bf16": (["--dtype", "bf16"], False),
    "f32": (["--dtype", "f32"], True),
    "bf16 without graphs": (["--dtype", "bf16", "--no-graphs"], True),
}
STEPS_OF_A_RUN = {"ddim": 50, "ancestral": 1000}


class Failed(Exception):
    pass


class TimedContestant(Contestant):
    """One that is given up when it does not answer in time."""

    def __init__(self, command, seconds):
        self.deadline = time.monotonic() + seconds
        super().__init__(command, None)

    def read(self):
        if not select.select([self.process.stdout], [], [], max(0.0, self.deadline - time.monotonic()))[0]:
            self.process.kill()
            raise Failed("no answer in time")
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"ended early, exit code {self.process.wait()}")
        return json.loads(line)


def commands(row, options):
    name, config, batch, mode, thorough = row
    common = [str(ROOT / config), "--batch", str(batch), "--device", options.device]
    for setting, (flags, only_thorough) in OURS.items():
        if thorough or not only_thorough:
            kind = ["--mode", "train"] if mode == "train" else ["--mode", "sample", "--set", f"sample.solver={mode}"]
            yield ("ours", setting), [options.engine, "bench", "network", *common, *kind, "--warm-up", "5", "--serve", *flags]
    for setting, (flags, only_thorough) in PYTORCH.items():
        if thorough or not only_thorough:
            yield ("pytorch", setting), [sys.executable, str(WORKER), *common, "--mode", mode, *flags]


def measure(command, mode, limit, options):
    """One contestant's result; None where only the budget was too short for it."""
    start_seconds = min(options.start_seconds, limit)
    try:
        contestant = TimedContestant(command, start_seconds)
    except Failed as reason:  # out of memory, most likely: the others go on
        return {"failed": str(reason)} if start_seconds == options.start_seconds or "ended" in str(reason) else None
    try:
        contestant.deadline = time.monotonic() + 60
        contestant.run(3)
        steps = max(5, min(200, round(options.round_seconds / statistics.median(contestant.seconds))))
        contestant.seconds, contestant.medians = [], []
        for _ in range(options.rounds):
            contestant.deadline = time.monotonic() + 60
            contestant.run(steps)
    except (Failed, OSError) as reason:
        contestant.process.kill()
        return {"failed": str(reason)}
    contestant.close()
    result = {"about": contestant.about, **contestant.result()}
    if mode in STEPS_OF_A_RUN:
        result["seconds_of_a_run"] = round(STEPS_OF_A_RUN[mode] * result["milliseconds"]["median"] / 1e3, 3)
    return result


def compare(row):
    """The best of each side, where both have one. They take no turns, so that a ratio is that of the medians over all rounds."""
    best = row["best"] = best_settings({side: row[side] for side in ("pytorch", "ours")})
    if len(best) == 2:
        theirs, ours = (median_of(row[side][best[side]]) for side in ("pytorch", "ours"))
        row["ratio_of_medians"] = round(theirs / ours, 3)
        row["memory_ratio"] = memory_ratio(row, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "gpu_against_pytorch.json", engine="build/gpu/engine")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: to try it out")
    parser.add_argument("--commit", default="unknown")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round-seconds", type=float, default=0.5, help="of each contestant")
    parser.add_argument("--start-seconds", type=float, default=240, help="for a contestant's compilation and warm-up")
    parser.add_argument("--budget", type=float, default=1e9, help="seconds for all of it")
    parser.add_argument("--only", help="rows whose network, batch and mode have this, e.g. '128 train'")
    options = parser.parse_args()

    start = time.monotonic()
    out = pathlib.Path(options.out)
    result = {
        "what": "steps of whole networks beside PyTorch on a GPU; a process each, medians over all rounds; a run is its number"
        " of steps times the median step",
        "date": datetime.date.today().isoformat(),
        "commit": options.commit,
        "rounds": options.rounds,
        "steps": [],
    }
    if out.exists():
        before = json.loads(out.read_text())
        if before.get("commit") == options.commit:
            result["steps"] = before["steps"]
    rows = {(r["config"], r["batch"], r["mode"]): r for r in result["steps"]}
    missing = 0
    for row in ROWS:
        name, config, batch, mode, _ = row
        title = f"{name} {batch} {mode}"
        if options.only and options.only not in title:
            continue
        found = rows.get((config, batch, mode))
        if not found:
            found = {"network": name, "config": config, "mode": mode, "batch": batch, "pytorch": {}, "ours": {}}
        for (side, setting), command in commands(row, options):
            if setting in found[side]:
                continue
            limit = options.budget - (time.monotonic() - start)
            measured = measure(command, mode, limit, options) if limit > 30 else None
            if not measured:
                missing += 1
                continue
            found[side][setting] = measured
            if found not in result["steps"]:
                result["steps"].append(found)
            compare(found)
            out.write_text(json.dumps(result, indent=1) + "\n")  # what is measured is kept if the rest is not
            median = measured.get("milliseconds", {}).get("median", "failed:")
            print(f"{title}, {side} {setting}: {median} {measured.get('failed', 'ms')}", file=sys.stderr, flush=True)
    if missing:
        print(f"{missing} settings are left for another call", file=sys.stderr)
        sys.exit(3)
    print(out)


if __name__ == "__main__":
    main()
