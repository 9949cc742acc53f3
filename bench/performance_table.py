#!/usr/bin/env python3
"""Prints the tables of docs/performance.md from bench/results/against_pytorch.json and against_diffusers.json."""
import json

from common import ROOT, ratios_by_round

RESULTS = ROOT / "bench/results/against_pytorch.json"
DIFFUSERS = ROOT / "bench/results/against_diffusers.json"


def cell(result):
    t = result["milliseconds"]
    return f"{t['median']:.1f} ({t['low_quartile']:.1f}–{t['high_quartile']:.1f})"


def diffusers_tables(data):
    print("\n| batch | diffusers' best, images/s | ours, images/s | times faster (rounds) | memory, ours / diffusers' least, MiB | ratio |")
    print("|---|---|---|---|---|---|")
    for row in data["sampling"]:
        theirs, ours = (row[side][row["best"][side]] for side in ("diffusers", "ours"))
        least = min(result["memory_mib"] for result in row["diffusers"].values())
        print(
            f"| {row['batch']} | {row['best']['diffusers']}: {theirs['images_per_second']:.2f} | {row['best']['ours']}:"
            f" {ours['images_per_second']:.2f} | {row['times_faster']:.2f}"
            f" ({row['times_faster_least']:.2f}–{row['times_faster_most']:.2f}) |"
            f" {ours['memory_mib']:.0f} / {least:.0f} | {row['memory_ratio']:.2f} |"
        )
    settings = [(side, setting) for side in ("diffusers", "ours") for setting in data["sampling"][0][side]]
    print("\n| batch | " + " | ".join(f"{side} {setting}" for side, setting in settings) + " |")
    print("|---|" + "---|" * len(settings))
    for row in data["sampling"]:
        speeds = " | ".join(f"{row[side][setting]['images_per_second']:.2f}" for side, setting in settings)
        print(f"| {row['batch']} | {speeds} |")
    first = data["first_image"]
    median, memory = first["median_without_first"], first["memory_mib"]
    print(
        f"\nFrom the command to the first image: {median['ours']:.2f} s, diffusers {median['diffusers']:.2f} s"
        f" (a share of {first['share']:.3f}), in {memory['ours']:.0f} and {memory['diffusers']:.0f} MiB."
    )


def main():
    data = json.loads(RESULTS.read_text())
    peak = {f["name"]: f["median"] for f in data["device"]["figures"]}
    peak = {"f32": peak["fma_f32_gflop_s"], "bf16": peak["matmul_bf16_gflop_s"]}
    print("| network, step, batch | PyTorch's best, ms | ours, ms | times faster (rounds) | of peak | memory, ours / PyTorch's least, MiB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for row in data["steps"]:
        theirs, ours = (row[side][row["best"][side]] for side in ("pytorch", "ours"))
        ratios = ratios_by_round("times_faster", theirs["round_medians"], ours["round_medians"])
        least = min(r["memory_mib"] for r in row["pytorch"].values())
        print(
            f"| {row['network']} {row['mode']}, {row['batch']} | {row['best']['pytorch']}: {cell(theirs)} |"
            f" {row['best']['ours']}: {cell(ours)} | {ratios['times_faster']:.2f}"
            f" ({ratios['times_faster_least']:.2f}–{ratios['times_faster_most']:.2f}) |"
            f" {1e5 * row['gflop_per_step'] / ours['milliseconds']['median'] / peak[row['best']['ours']]:.0f} % |"
            f" {ours['memory_mib']:.0f} / {least:.0f} | {row['memory_ratio']:.2f} |"
        )
    print("\n| network, step | " + " | ".join([*data["steps"][0]["pytorch"], "ours f32", "ours bf16"]) + " |")
    print("|---|" + "---|" * (len(data["steps"][0]["pytorch"]) + 2))
    for row in data["steps"]:
        values = [*row["pytorch"].values(), row["ours"]["f32"], row["ours"]["bf16"]]
        medians = " | ".join(f"{v['milliseconds']['median']:.1f}" for v in values)
        print(f"| {row['network']} {row['mode']} | {medians} |")
    first = data["first_image"]
    median = first["median_without_first"]
    print(
        f"\nFrom the command to the first image: {median['ours']:.2f} s, PyTorch {median['pytorch']:.2f} s"
        f" (a share of {first['share']:.3f})."
    )
    if DIFFUSERS.exists():
        diffusers_tables(json.loads(DIFFUSERS.read_text()))


if __name__ == "__main__":
    main()
