#!/usr/bin/env python3
"""Trains and samples a small network on a GPU, end to end: with CUDA graphs and without to the same bytes, resumed to the same
bytes, close to the CPU, and stopped with its step when it goes astray. Python's standard library alone; `tools/gpu-check test`
runs it. `--device cpu` tries the script itself.
"""
import argparse
import array
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONFIG = ROOT / "bench/networks/unet-1m.toml"


class Check:
    def __init__(self, options, folder):
        self.options, self.folder, self.results = options, folder, []
        # Libraries may sum in another order in each run, unless told not to.
        self.deterministic = {
            command: [o for o in ["--deterministic"] if o in self.engine(command, "--help").stdout]
            for command in ("train", "sample")
        }
        pixels = random.Random(0).randbytes(64 * 28 * 28)
        header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (64, 28, 28))
        self.images = folder / "images.idx"
        self.images.write_bytes(header + pixels)

    def engine(self, *arguments, fails=False):
        result = subprocess.run([self.options.engine, *map(str, arguments)], capture_output=True, text=True)
        if (result.returncode == 1) != fails or result.returncode not in (0, 1):
            raise RuntimeError(f"engine {' '.join(map(str, arguments))}: exit code {result.returncode}\n{result.stderr[-2000:]}")
        return result

    def train(self, name, *more, device=None, steps=12, dtype="f32", settings=(), fails=False):
        keys = {"data.path": self.images, "train.batch": 16, "train.steps": steps, "train.log_every": 1,
                "train.checkpoint_every": 6, "train.dtype": dtype, **dict(settings)}  # fmt: skip
        sets = [argument for key, value in keys.items() for argument in ("--set", f"{key}={value}")]
        run = self.folder / name
        return self.engine("train", CONFIG, "--out", run, "--device", device or self.options.device,
                           *self.deterministic["train"], *more, *sets, fails=fails)  # fmt: skip

    def losses(self, name):
        lines = (self.folder / name / "metrics.jsonl").read_text().splitlines()
        return [(r["step"], r["loss"], r["gradient_norm"]) for r in map(json.loads, lines)]

    def weights(self, name, step=12):
        folder = self.folder / name / f"checkpoints/step-{step:07}"
        return [(folder / f"{file}.safetensors").read_bytes() for file in ("model", "ema", "optimizer")]

    def sample(self, run, name, *more, device=None):
        out = self.folder / name
        self.engine("sample", self.folder / run, "-n", 8, "--out", out, "--no-singles", "--device",
                    device or self.options.device, *self.deterministic["sample"], *more)  # fmt: skip
        with zipfile.ZipFile(out / "samples.npz") as archive:
            data = archive.read("arr_0.npy")
        return array.array("B", data[10 + int.from_bytes(data[8:10], "little") :])

    def record(self, what, passed, note=""):
        self.results.append({"what": what, "passed": bool(passed), "note": note})
        if self.options.json:  # after each: whoever runs out of time keeps what is done
            report = {"commit": self.options.commit, "device": self.options.device, "checks": self.results}
            pathlib.Path(self.options.json).write_text(json.dumps(report, indent=1) + "\n")
        print(f"{'ok' if passed else 'FAILED'}: {what} {note}", file=sys.stderr, flush=True)

    def attempt(self, what, check):
        try:
            self.record(what, *check())
        except (RuntimeError, OSError, KeyError, ValueError) as error:
            self.record(what, False, str(error))


def relative_difference(a, b):
    return max(abs(x[1] - y[1]) / abs(y[1]) for x, y in zip(a, b))


def checks(c):
    def graphs(dtype, accumulation):
        name = f"{dtype}-{accumulation}"
        settings = {"train.accumulation": accumulation}
        remarks = c.train(name, dtype=dtype, settings=settings).stderr
        c.train(name + "-eager", "--no-graphs", dtype=dtype, settings=settings)
        same = c.losses(name) == c.losses(name + "-eager") and c.weights(name) == c.weights(name + "-eager")
        captured = "without a CUDA graph" not in remarks
        return same and captured, "" if captured else remarks[-500:]

    for dtype in ("f32", "bf16"):
        for accumulation in (1, 2):
            c.attempt(f"training with graphs and without, {dtype}, accumulation {accumulation}: the same bytes",
                      lambda: graphs(dtype, accumulation))  # fmt: skip

    def resumed():
        c.train("resumed", steps=6)
        c.train("resumed", steps=12)
        return c.losses("resumed") == c.losses("f32-1") and c.weights("resumed") == c.weights("f32-1"), ""

    def near_cpu():
        c.train("cpu", device="cpu")
        difference = relative_difference(c.losses("f32-1"), c.losses("cpu"))
        return difference < 0.01, f"losses differ by {difference:.2g} at most"

    def sampled(*solver):
        first = c.sample("f32-1", "sampled", *solver)
        again = c.sample("f32-1", "sampled-eager", "--no-graphs", *solver)
        cpu = c.sample("f32-1", "sampled-cpu", *solver, device="cpu")
        difference = sum(abs(a - b) for a, b in zip(first, cpu)) / len(cpu)
        return first == again and difference < 2, f"mean difference from the CPU's {difference:.2g} of 255"

    def astray():
        rates = {"train.learning_rate": 1000, "train.weight_decay": 0.02, "train.checkpoint_every": 100, "train.log_every": 50}
        stderr = c.train("astray", steps=100, settings=rates, fails=True).stderr.splitlines()[-1]
        return "error: step " in stderr and ("not a number" in stderr or "infinite" in stderr), stderr[:200]

    c.attempt("a run stopped at a checkpoint and resumed: the same bytes", resumed)
    c.attempt("losses near the CPU's", near_cpu)
    c.attempt("ddim with graphs and without: the same bytes, and near the CPU's", lambda: sampled("--steps", 10))
    c.attempt("ancestral likewise", lambda: sampled("--solver", "ancestral", "--steps", 20))
    c.attempt("a training that goes astray says at which step", astray)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--commit", default="unknown")
    parser.add_argument("--json", help="file for the results")
    options = parser.parse_args()
    options.engine = str(pathlib.Path(options.engine).resolve())
    with tempfile.TemporaryDirectory() as folder:
        check = Check(options, pathlib.Path(folder))
        checks(check)
    sys.exit(not all(r["passed"] for r in check.results))


if __name__ == "__main__":
    main()
