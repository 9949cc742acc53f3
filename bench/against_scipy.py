#!/usr/bin/env python3
"""Times a multiplication in the DCT-II's basis (transform, table, inverse) by this engine and by scipy.fft, and writes JSON.

Both work on the same number of float32 images with the same number of threads, and take turns, round by round: a shared
machine's clock drifts. scipy has its choice of layout: channels first or last, and one or all workers. Needs numpy and scipy;
nothing else should run beside it.
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

import numpy as np
import scipy
from scipy.fft import dctn, idctn

ROOT = pathlib.Path(__file__).resolve().parent.parent
CASES = [(28, 192), (32, 192), (64, 192), (128, 64), (256, 16), (1024, 1), (1024, 4)]  # side, batch
CHANNELS = (1, 3)


def scipy_variants(side, batch, channels, threads):
    """Name and call of each way to ask scipy."""
    random = np.random.default_rng(0)
    images = random.standard_normal((batch, side, side, channels), dtype=np.float32)
    table = random.random((side, side), dtype=np.float32)
    variants = {}
    layouts = {"channels last": (images, table[:, :, None], (1, 2))}
    if channels > 1:
        layouts["channels first"] = (np.ascontiguousarray(images.transpose(0, 3, 1, 2)), table, (2, 3))
    else:
        layouts["channels last"] = (images[..., 0], table, (1, 2))
    for layout, (x, factors, axes) in layouts.items():
        for workers in sorted({1, threads}):

            def call(x=x, factors=factors, axes=axes, workers=workers):
                y = dctn(x, norm="ortho", axes=axes, workers=workers)
                y *= factors
                return idctn(y, norm="ortho", axes=axes, workers=workers, overwrite_x=True)

            variants[f"{layout}, {workers} workers"] = call
    return variants


def seconds_of(call, least=0.02):
    """One sample: seconds a call, of as many calls as last `least` seconds."""
    calls, begin = 0, time.perf_counter()
    while True:
        call()
        calls += 1
        elapsed = time.perf_counter() - begin
        if elapsed >= least:
            return elapsed / calls


def engine_seconds(engine, side, batch, channels, environment):
    """The median of five samples in a process of its own, and what it says of its machine."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "measured.json"
        command = [engine, "bench", "transforms", "--operation", "spectral", "--method", "automatic", "--repeat", "5",
                   "--min-time", "0.01", "--json", str(path)]
        command += ["--side", str(side), "--batch", str(batch), "--channels", str(channels)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        result = json.loads(path.read_text())
    return 1e-6 * result["transforms"][0]["median_us"], result["device"]


def compare(engine, side, batch, channels, rounds, environment):
    variants = scipy_variants(side, batch, channels, int(environment["OMP_NUM_THREADS"]))
    for call in variants.values():
        call()  # plans and memory
    ours, theirs, device = [], {name: [] for name in variants}, None
    for _ in range(rounds):
        seconds, device = engine_seconds(engine, side, batch, channels, environment)
        ours.append(seconds)
        for name, call in variants.items():
            theirs[name].append(seconds_of(call))
    best = min(theirs, key=lambda name: statistics.median(theirs[name]))
    ratios = sorted(b / a for a, b in zip(ours, theirs[best]))
    row = {
        "side": side,
        "batch": batch,
        "channels": channels,
        "engine_us": round(1e6 * statistics.median(ours), 1),
        "scipy_us": {name: round(1e6 * statistics.median(samples), 1) for name, samples in theirs.items()},
        "scipy_best": best,
        "times_faster": round(statistics.median(ratios), 2),
        "times_faster_least": round(ratios[0], 2),
        "times_faster_most": round(ratios[-1], 2),
        "rounds": rounds,
    }
    return row, device


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default=str(ROOT / "build/release/engine"))
    parser.add_argument("--side", type=int, action="append", help="only this side; may be repeated")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", default=str(ROOT / "bench/results/against_scipy.json"),
                        help="rows of sides not measured now are kept")
    arguments = parser.parse_args()
    environment = dict(os.environ, OMP_NUM_THREADS=str(arguments.threads))

    out = pathlib.Path(arguments.out)
    rows = json.loads(out.read_text())["cases"] if out.exists() else []
    device = None
    for side, batch in CASES:
        if arguments.side and side not in arguments.side:
            continue
        for channels in CHANNELS:
            row, device = compare(arguments.engine, side, batch, channels, arguments.rounds, environment)
            rows = [r for r in rows if (r["side"], r["batch"], r["channels"]) != (side, batch, channels)] + [row]
            print(f"{side}² × {channels}, {batch} images: {row['engine_us']} us, scipy {row['scipy_us'][row['scipy_best']]} us"
                  f" ({row['scipy_best']}): {row['times_faster']} times", file=sys.stderr)
    if device is None:
        sys.exit(f"against_scipy: no case has side {arguments.side}")
    rows.sort(key=lambda r: (r["side"], r["batch"], r["channels"]))
    result = {
        "what": "DCT-II, table, inverse of float32 images: engine bench transforms and scipy.fft in turns",
        "device": device,
        "threads": arguments.threads,
        "scipy": scipy.__version__,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cases": rows,
    }
    head = json.dumps({k: v for k, v in result.items() if k != "cases"}, indent=1, ensure_ascii=False)
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    out.write_text(head[:-2] + ',\n "cases": [\n  ' + lines + "\n ]\n}\n")


if __name__ == "__main__":
    main()
