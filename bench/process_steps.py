#!/usr/bin/env python3
"""Times a sampling step of several processes with one network, in turns, and writes JSON with each one's ratio to the first.

Each round runs `engine bench network` once for each process; a ratio is of one round, and what is kept is the median and the
extremes over the rounds: a shared machine's clock drifts.
"""
import argparse
import datetime
import json
import statistics
import subprocess

from common import ROOT, add_options, engine_commit, ratios_by_round, write_rows

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
    add_options(parser, "process_steps.json")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=7)
    a = parser.parse_args()
    seconds = {name: [] for name in CASES}
    for _ in range(a.rounds):
        for name, (configuration, settings) in CASES.items():
            median, about = step(a.engine, configuration, settings, a.batch, a.steps)
            seconds[name].append(median)
    first = next(iter(CASES))
    rows = []
    for name in CASES:
        rows.append({"process": name, "milliseconds": round(1e3 * statistics.median(seconds[name]), 3),
                     **ratios_by_round("ratio", seconds[name], seconds[first], 3)})
        print(f"{name}: {rows[-1]['milliseconds']} ms, {rows[-1]['ratio']} of {first}'s")
    head = {"what": "a sampling step (DDIM) of each process with one network, in turns", "date": str(datetime.date.today()),
            "commit": engine_commit(a.engine), "device": about["device"], "dtype": about["dtype"],
            "threads": about["threads"], "batch": a.batch, "rounds": a.rounds, "parameters": about["parameters"]}
    write_rows(a.out, head, "steps", rows)


if __name__ == "__main__":
    main()
