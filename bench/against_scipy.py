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
import sys
import time

import numpy as np
import scipy
from scipy.fft import dctn, idctn

from common import add_options, engine_json, ratios_by_round, write_rows

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


def engine_seconds(engine, side, batch, channels, threads):
    """The median of five samples in a process of its own, and what it says of its machine."""
    words = ["bench", "transforms", "--operation", "spectral", "--method", "automatic", "--repeat", 5, "--min-time", 0.01]
    result = engine_json(engine, [*words, "--side", side, "--batch", batch, "--channels", channels], threads)
    return 1e-6 * result["transforms"][0]["median_us"], result["device"]


def compare(engine, side, batch, channels, rounds, threads):
    variants = scipy_variants(side, batch, channels, threads)
    for call in variants.values():
        call()  # plans and memory
    ours, theirs, device = [], {name: [] for name in variants}, None
    for _ in range(rounds):
        seconds, device = engine_seconds(engine, side, batch, channels, threads)
        ours.append(seconds)
        for name, call in variants.items():
            theirs[name].append(seconds_of(call))
    best = min(theirs, key=lambda name: statistics.median(theirs[name]))
    row = {
        "side": side,
        "batch": batch,
        "channels": channels,
        "engine_us": round(1e6 * statistics.median(ours), 1),
        "scipy_us": {name: round(1e6 * statistics.median(samples), 1) for name, samples in theirs.items()},
        "scipy_best": best,
        **ratios_by_round("times_faster", theirs[best], ours),
        "rounds": rounds,
    }
    return row, device


def case_of(row):
    return row["side"], row["batch"], row["channels"]


def kept_rows(out, head, rows):
    """Rows of `out` that were not measured now, if the same engine, threads and scipy gave them: the head is one for all."""

    def source(file):
        return file["device"]["commit"], file["threads"], file["scipy"]

    before = json.loads(out.read_text()) if out.exists() else None
    if not before or source(before) != source(head):
        return []
    measured = {case_of(row) for row in rows}
    return [row for row in before["cases"] if case_of(row) not in measured]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, "against_scipy.json")
    parser.add_argument("--side", type=int, action="append",
                        help="only this side; may be repeated; other rows of --out stay, if of the same engine, threads and scipy")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    rows, device = [], None
    for side, batch in CASES:
        if arguments.side and side not in arguments.side:
            continue
        for channels in CHANNELS:
            row, device = compare(arguments.engine, side, batch, channels, arguments.rounds, arguments.threads)
            rows.append(row)
            print(f"{side}² × {channels}, {batch} images: {row['engine_us']} us, scipy {row['scipy_us'][row['scipy_best']]} us"
                  f" ({row['scipy_best']}): {row['times_faster']} times", file=sys.stderr)
    if device is None:
        sys.exit(f"against_scipy: no case has side {arguments.side}")
    head = {
        "what": "DCT-II, table, inverse of float32 images: engine bench transforms and scipy.fft in turns",
        "device": device,
        "threads": arguments.threads,
        "scipy": scipy.__version__,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    rows += kept_rows(pathlib.Path(arguments.out), head, rows)
    write_rows(arguments.out, head, "cases", sorted(rows, key=case_of))


if __name__ == "__main__":
    main()
