#!/usr/bin/env python3
"""Times whole sampling beside diffusers' DDIMPipeline in one run and writes JSON: the same random weights in the layout of
google/ddpm-cifar10-32, ten DDIM steps; the time from the command to the first image, images a second, and the largest resident
size of each process.

Run it with the Python that tools/baseline-env makes. The contestants take turns in rounds and are compared round by round; nothing
else should run beside it. Each setting of diffusers is a process that stays alive, warmed up, with its pipeline loaded. Of ours each
call is a new process: what it needs to start and load counts for the first image; to images a second it adds the first call's
plans, which diffusers' has behind it. torch.compile is left out: compiling takes longer than the whole comparison.
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

from against_pytorch import Contestant, machine
from common import ROOT, add_options, best_settings, engine_commit, environment_of, median_of, memory_ratio, ratios_by_round, write_rows

WORKER = ROOT / "bench/diffusers/pipeline.py"
STEPS = 10
DIFFUSERS = {
    "f32": [],
    "f32 channels_last": ["--channels-last"],
    "bf16": ["--bf16"],
    "bf16 channels_last": ["--bf16", "--channels-last"],
}
OURS = {"f32": ["--dtype", "f32"], "bf16": ["--dtype", "bf16"]}


def timed(command, environment):
    """Its standard output, seconds, and largest resident size."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"against_diffusers: {' '.join(map(str, command))} ended with {process.returncode}")
    return output, seconds, usage.ru_maxrss * 1024


class Ours:
    """Calls of `engine sample` with the interface of a Contestant; seconds are those of the sampling alone."""

    def __init__(self, command, environment):
        self.command, self.environment = command, environment
        self.seconds, self.medians, self.memory = [], [], 0

    def run(self, calls):
        seconds = []
        for _ in range(calls):
            output, _, memory = timed(self.command, self.environment)
            seconds.append(json.loads(output)["seconds"])
            self.memory = max(self.memory, memory)
        self.seconds += seconds
        self.medians.append(statistics.median(seconds))

    result = Contestant.result

    def close(self):
        pass


def sampling(options, run, out, batch, flags):
    words = ["sample", run, "-n", str(batch), "--batch", str(batch), "--solver", "ddim", "--steps", str(STEPS), "--quiet", "--json"]
    return [options.engine, *words, "--out", str(out), *flags]


def compare(options, folder, batch, environment):
    contestants = {}
    for setting, flags in DIFFUSERS.items():
        worker = [sys.executable, str(WORKER), "serve", str(folder / "pipeline"), "--batch", str(batch)]
        contestants["diffusers", setting] = Contestant([*worker, "--threads", str(options.threads), *flags], environment)
    for setting, flags in OURS.items():
        contestants["ours", setting] = Ours(sampling(options, folder / "run", folder / "out", batch, flags), environment)
    about = contestants["diffusers", "f32"].about
    for _ in range(options.rounds):
        for contestant in contestants.values():
            contestant.run(1 if batch > 1 else 3)
    results = {"diffusers": {}, "ours": {}}
    for (side, setting), contestant in contestants.items():
        results[side][setting] = contestant.result()
        results[side][setting]["images_per_second"] = round(1e3 * batch / median_of(results[side][setting]), 3)
        contestant.close()
    best = best_settings(results)
    theirs, ours = (contestants[side, best[side]].medians for side in ("diffusers", "ours"))
    row = {"batch": batch, **results, "best": best, **ratios_by_round("times_faster", theirs, ours)}
    row["memory_ratio"] = memory_ratio({**row, "pytorch": results["diffusers"]})
    speed = {side: results[side][setting]["images_per_second"] for side, setting in best.items()}
    print(
        f"batch {batch}: ours {best['ours']} {speed['ours']} images/s, diffusers {best['diffusers']} {speed['diffusers']}:"
        f" {row['times_faster']}x, memory {row['memory_ratio']}x",
        file=sys.stderr,
        flush=True,
    )
    return row, {"torch": about["torch"], "diffusers": about["diffusers"]}


def first_image(options, folder, environment):
    """Process start to PNG in f32, both sides in turn."""
    worker = [sys.executable, str(WORKER), "first", str(folder / "pipeline"), str(folder / "image.png")]
    theirs = [*worker, "--threads", str(options.threads), "--channels-last"]
    ours = sampling(options, folder / "run", folder / "out", 1, OURS["f32"])
    seconds, memory = {"ours": [], "diffusers": []}, {}
    for _ in range(options.rounds + 1):
        _, ours_seconds, memory["ours"] = timed(ours, environment)
        output, theirs_seconds, _ = timed(theirs, environment)
        memory["diffusers"] = json.loads(output)["memory_bytes"]
        seconds["ours"].append(ours_seconds)
        seconds["diffusers"].append(theirs_seconds)
    # The first round reads both programs from the disk.
    median = {side: statistics.median(values[1:]) for side, values in seconds.items()}
    return {
        "seconds": {side: [round(s, 3) for s in values] for side, values in seconds.items()},
        "median_without_first": {side: round(s, 3) for side, s in median.items()},
        "share": round(median["ours"] / median["diffusers"], 3),
        "memory_mib": {side: round(value / 2**20, 1) for side, value in memory.items()},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "against_diffusers.json")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16])
    options = parser.parse_args()
    environment = environment_of(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        made, _, _ = timed([sys.executable, str(WORKER), "make", str(folder / "pipeline")], environment)
        timed([options.engine, "import", str(folder / "pipeline"), "--out", str(folder / "run")], environment)
        result = {
            "what": "whole sampling beside diffusers' DDIMPipeline, the same weights; alternating processes, medians over all rounds",
            "date": datetime.date.today().isoformat(),
            "commit": engine_commit(options.engine),
            "machine": machine(),
            "threads": options.threads,
            "rounds": options.rounds,
            "parameters": json.loads(made)["parameters"],
            "ddim_steps": STEPS,
            "first_image": first_image(options, folder, environment),
        }
        print(f"first image: {result['first_image']['median_without_first']}", file=sys.stderr, flush=True)
        rows = []
        for batch in options.batches:
            row, versions = compare(options, folder, batch, environment)
            rows.append(row)
            write_rows(options.out, {**result, **versions}, "sampling", rows)  # what is measured is kept if the rest is not
    print(options.out)


if __name__ == "__main__":
    main()
