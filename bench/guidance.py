#!/usr/bin/env python3
"""How often garments that were asked for by their class are of it, as a classifier of clean images sees them.

    bench/guidance.py --engine build/release/engine --runs runs/guidance      trains what is not there, samples, writes
                                                                              bench/results/guidance.json

Three runs in the folder: classes (the conditional network), classifier (of noised images) and clean-classifier. Needs
no package beyond Python's own."""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import shutil
import subprocess

root = pathlib.Path(__file__).resolve().parent.parent
garments = pathlib.Path("/usr/share/datasets/fashion-mnist")
clean = ["process.steps=1", "process.schedule=linear", "process.beta_start=1e-4", "process.beta_end=1e-4"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", type=pathlib.Path, default=root / "build/release/engine")
    parser.add_argument("--runs", type=pathlib.Path, default=root / "runs/guidance")
    parser.add_argument("--count", type=int, default=200, help="images of each way to sample")
    parser.add_argument("--steps", type=int, default=50, help="calls of the network")
    parser.add_argument("--scales", type=float, nargs="+", default=[2.0, 4.0], help="of classifier-free guidance")
    parser.add_argument("--interval", default="0.1,0.6", help="of the levels that are guided, once more for each scale")
    parser.add_argument("--classifier-scale", type=float, default=1.0)
    parser.add_argument("--no-training", action="store_true", help="take the runs as they are")
    parser.add_argument("--out", type=pathlib.Path, default=root / "bench/results/guidance.json")
    return parser.parse_args()


def main():
    options = parse()

    def engine(*arguments):
        command = [options.engine, *map(str, arguments), "--json"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    def run(name):
        return options.runs / name

    def train(name, configuration, *settings):
        sets = [part for setting in settings for part in ("--set", setting)]
        engine("train", root / "configs" / configuration, "--out", run(name), *sets)

    if not options.no_training:
        train("classes", "fashion-mnist-classes.toml")
        train("classifier", "fashion-mnist-classifier.toml")
        train("clean-classifier", "fashion-mnist-classifier.toml", *clean)

    def step_of(name):
        return max(int(folder.name.split("-")[1]) for folder in (run(name) / "checkpoints").glob("step-*"))

    def agreement(name, *arguments):
        folder = run("samples-" + name)
        shutil.rmtree(folder, ignore_errors=True)
        engine("sample", run("classes"), "-n", options.count, "--steps", options.steps, "--label", "all",
               "--no-singles", "--out", folder, *arguments)
        told = engine("classify", run("clean-classifier"), "--input", folder / "samples.npz")
        return {"options": " ".join(map(str, arguments)) or "none", "images": told["count"],
                "agreement": told["agreement"], "agreement_by_class": told["agreement_by_class"]}

    def accuracy(name, levels):
        told = engine("classify", run(name), "--input", garments / "t10k-images-idx3-ubyte.gz", "--levels", levels)
        return {"images": told["count"], "accuracy_without_noise": told["agreement"],
                "accuracy_by_level": told["agreement_by_level"]}

    ways = {"unguided": [], "classifier": ["--classifier", run("classifier"), "--classifier-scale", options.classifier_scale]}
    for scale in options.scales:
        ways[f"classifier_free_{scale:g}"] = ["--guidance", f"{scale:g}"]
        ways[f"classifier_free_{scale:g}_interval"] = ["--guidance", f"{scale:g}", "--guidance-interval", options.interval]
    with concurrent.futures.ThreadPoolExecutor() as pool:  # nothing is timed
        under_way = {name: pool.submit(agreement, name, *arguments) for name, arguments in ways.items()}
        samples = {name: one.result() for name, one in under_way.items()}
    # Where the run lies is no part of the figure.
    samples["classifier"]["options"] = f"--classifier RUN --classifier-scale {options.classifier_scale:g}"
    info = engine("info")
    commit = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], check=True, stdout=subprocess.PIPE, text=True)
    result = {"what": "share of samples that a classifier of clean images finds to be of the class asked for",
              "data": "Fashion-MNIST", "commit": commit.stdout.strip(),
              "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
              "device": info.get("cpu") or info.get("processor") or "cpu", "threads": os.environ.get("OMP_NUM_THREADS", "all"),
              "solver": "ddim", "steps": options.steps, "labels": "all",
              "training_steps": {name: step_of(name) for name in ("classes", "classifier", "clean-classifier")},
              "clean_classifier": accuracy("clean-classifier", 1), "noise_aware_classifier": accuracy("classifier", 10),
              "samples": samples}
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({name: entry["agreement"] for name, entry in samples.items()}))


if __name__ == "__main__":
    main()
