#!/usr/bin/env python3
"""Times a sampling step of several processes with one network, in turns, and writes JSON with each one's ratio to the first.

Each round runs `engine bench network` once for each process; a ratio is of one round, and what is kept is the median and the
extremes over the rounds: a shared machine's clock drifts.
"""
import argparse
import datetime
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = {
    "ddpm": ("fashion-mnist-ddpm", []),
    "hdm, heat 0.5": ("fashion-mnist-hdm", []),
    "hdm, heat 0.9": ("fashion-mnist-hdm", ["process.heat=0.9"]),
    "hdm, heat 0.05": ("fashion-mnist-hdm", ["process.heat=0.05"]),
    "blurring": ("fashion-mnist-blurring", []),
}


def step(engine, configuration, settings, batch, steps):
    sets = [word for setting in settings for word in ("--set", setting)]
    command = [engine, "bench", "network", ROOT / f"configs/{configuration}.toml", "--mode", "sample", "--json"]
    command += ["--batch", str(batch), "--steps", str(steps), *sets]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return statistics.median(result["seconds"]), result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default=ROOT / "build/release/engine")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", default=ROOT / "bench/results/process_steps.json")
    a = parser.parse_args()
    seconds = {name: [] for name in CASES}
    for _ in range(a.rounds):
        for name, (configuration, settings) in CASES.items():
            median, about = step(a.engine, configuration, settings, a.batch, a.steps)
            seconds[name].append(median)
    first = next(iter(CASES))
    rows = []
    for name in CASES:
        ratios = sorted(x / y for x, y in zip(seconds[name], seconds[first]))
        rows.append({"process": name, "milliseconds": round(1e3 * statistics.median(seconds[name]), 3),
                     "ratio": round(statistics.median(ratios), 3), "ratio_least": round(ratios[0], 3),
                     "ratio_most": round(ratios[-1], 3)})
        print(f"{name}: {rows[-1]['milliseconds']} ms, {rows[-1]['ratio']} of {first}'s")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    pathlib.Path(a.out).write_text(json.dumps({
        "what": "a sampling step (DDIM) of each process with one network, in turns", "date": str(datetime.date.today()),
        "commit": commit, "device": about["device"], "dtype": about["dtype"], "threads": about["threads"],
        "batch": a.batch, "rounds": a.rounds, "parameters": about["parameters"], "steps": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
