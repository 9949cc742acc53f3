#!/usr/bin/env python3
"""What a sampling step of each solver costs beside the network, and writes JSON.

RUN is a run folder of an imported or trained network (`tests/golden/make_diffusers.py --full` makes google/ddpm-cifar10-32's
layout, with random weights). Each solver samples it once a round with `--profile`; what is kept is the share of the
recording that the process's own ops take, its median and extremes over the rounds.
"""
import argparse
import datetime
import json
import pathlib
import statistics
import subprocess
import tempfile

from common import add_options, engine_commit, environment_of, write_rows

CASES = {
    "ddim": [],
    "ddim, not clipped": ["--no-clip"],
    "ancestral": [],
    "euler": [],
    "heun": [],
    "dpm-solver": ["--order", 3],
    "dpm-solver++": ["--order", 3],
    "dpm-solver++, not clipped": ["--order", 3, "--no-clip"],
    "dpm-solver++, threshold": ["--order", 3, "--threshold", 0.995],
    "sde-dpm-solver++": [],
    "unipc": ["--order", 3],
}
# Ops outside the network.
OURS = {"combine", "basis_step", "to_basis", "from_basis", "clamp", "threshold", "normal", "take prediction", "scale noise"}


def share(a, name, options):
    with tempfile.TemporaryDirectory() as folder:
        words = ["sample", a.run, "-n", a.batch, "--batch", a.batch, "--steps", a.steps, "--solver", name.split(",")[0],
                 "--spacing", "trailing", "--dtype", a.dtype, "--out", folder, "--no-singles", "--quiet", "--profile", folder]
        subprocess.run([a.engine, *map(str, words + options)], check=True, capture_output=True, env=environment_of(a.threads))
        operators = json.loads((pathlib.Path(folder) / "profile.json").read_text())["operators"]
    milliseconds = {row["name"]: row["milliseconds"] for row in operators}
    ours = sum(value for op, value in milliseconds.items() if op in OURS)
    network = sum(value for op, value in milliseconds.items() if op not in OURS and not op.startswith("write"))
    return 100 * ours / network


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser, "solver_steps.json")
    parser.add_argument("run")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="f32")
    a = parser.parse_args()
    percents = {name: [] for name in CASES}
    for _ in range(a.rounds):
        for name, options in CASES.items():
            percents[name].append(share(a, name, options))
    rows = []
    for name, values in percents.items():
        rows.append({"solver": name, "percent_of_network": round(statistics.median(values), 3),
                     "least": round(min(values), 3), "most": round(max(values), 3)})
        print(f"{name}: {rows[-1]['percent_of_network']} % of the network's time")
    head = {"what": "time of a sampling step beside the network's, percent", "date": str(datetime.date.today()),
            "commit": engine_commit(a.engine), "dtype": a.dtype, "threads": a.threads, "batch": a.batch,
            "steps": a.steps, "rounds": a.rounds}
    write_rows(a.out, head, "solvers", rows)


if __name__ == "__main__":
    main()
