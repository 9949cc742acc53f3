"""Holds tools/convert-pytorch to the checkpoints of pytorch/: it makes the same run folders of them again, and refuses what
is damaged or beyond the engine in one line that says why, leaving nothing behind.
"""

import importlib.machinery
import importlib.util
import math
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from golden import FOLDER
from make_pytorch import CASES, CONVERTER, arguments_of

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("convert_pytorch", str(CONVERTER))
converter = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(converter)


def run(arguments):
    sys.argv = ["convert-pytorch", *map(str, arguments)]
    converter.convert(converter.options())


def check_run(name, work):
    folder, out = FOLDER / "pytorch" / name, work / name
    kind, *options = arguments_of(name)
    run([kind, folder / "checkpoint.pt", "--out", out, *options])
    stored = {path.relative_to(folder / "run") for path in (folder / "run").rglob("*") if path.is_file()}
    for path in stored:
        assert (out / path).read_bytes() == (folder / "run" / path).read_bytes(), f"{name}: {path} differs"
    made = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    assert {path.name for path in made - stored} == {"model.safetensors", "optimizer.safetensors"}, made


def check_ihdm(out):
    """The three sets of tensors go the same way: what a layer of ours holds in each is what theirs held."""
    checkpoint = torch.load(FOLDER / "pytorch" / "ihdm" / "checkpoint.pt", weights_only=True)
    step = next((out / "checkpoints").iterdir())
    model, ema, moments = (load_file(step / f"{name}.safetensors") for name in ("model", "ema", "optimizer"))
    order = list(checkpoint["model"])
    for ours, theirs in (("conv_out.bias", "out.2.bias"), ("time_embedding.linear_1.weight", "time_embed.0.weight"),
                         ("up_blocks.0.resnets.1.conv2.weight", "output_blocks.1.0.out_layers.3.weight")):  # fmt: skip
        i = order.index(theirs)
        state = checkpoint["optimizer"]["state"][i]
        for got, expected in (
            (model[ours], checkpoint["model"][theirs]),
            (ema[ours], checkpoint["ema"]["shadow_params"][i]),
            (moments[f"first_moment.{ours}"], state["exp_avg"]),
            (moments[f"second_moment.{ours}"], state["exp_avg_sq"]),
        ):
            assert torch.equal(got, expected.float()), ours
        assert not torch.equal(model[ours], ema[ours])


class Refusals:
    def __init__(self, work):
        self.work, self.count = work, 0

    def refuses(self, text, arguments):
        out = self.work / "refused"
        try:
            run([*arguments, "--out", out])
        except converter.Refused as refusal:
            assert text in str(refusal), f"expected {text!r} in {str(refusal)!r}"
            assert "\n" not in str(refusal)
        else:
            raise AssertionError(f"accepted, expected: {text}")
        assert not list(self.work.glob("refused*"))
        self.count += 1

    def file(self, text, content):
        """A file of these bytes, or of torch.save."""
        path = self.work / "damaged.pt"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        kind, *options = arguments_of("ihdm")
        self.refuses(text, [kind, path, *options])

    def changed(self, text, change):
        """The IHDM checkpoint, changed."""
        checkpoint = torch.load(FOLDER / "pytorch" / "ihdm" / "checkpoint.pt", weights_only=True)
        change(checkpoint)
        self.file(text, checkpoint)

    def model(self, text, change):
        self.changed(text, lambda checkpoint: change(checkpoint["model"]))

    def option(self, text, name, *more, less=()):
        kind, *options = arguments_of(name)
        for option in less:
            at = options.index(option)
            del options[at : at + 2]
        self.refuses(text, [kind, FOLDER / "pytorch" / name / "checkpoint.pt", *options, *more])


def check_damaged(refusals):
    data = (FOLDER / "pytorch" / "ihdm" / "checkpoint.pt").read_bytes()
    first, reader = "input_blocks.0.0.weight", "no checkpoint that torch.load(weights_only=True) reads"
    refusals.file(reader, data[: len(data) // 2])
    refusals.file(reader, b"")
    refusals.file(reader, b"no pickle\n")
    refusals.file(reader, b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.")  # would run a program
    refusals.file("expected a dictionary with model, ema, optimizer, step, got list", [1, 2])
    refusals.changed("no ema in it", lambda c: c.pop("ema"))
    refusals.changed("tensors for", lambda c: c["ema"]["shadow_params"].pop())
    refusals.changed("ema: input_blocks.1.0.in_layers.0.bias holds numbers that are not finite",
                     lambda c: c["ema"]["shadow_params"][7].fill_(math.inf))  # fmt: skip
    refusals.changed("ema has no list shadow_params", lambda c: c["ema"].pop("shadow_params"))
    refusals.changed("only Adam", lambda c: [state.pop("exp_avg_sq") for state in c["optimizer"]["state"].values()])
    refusals.changed("optimizer: moments of", lambda c: c["optimizer"]["state"].pop(3))
    refusals.changed("only Adam", lambda c: c["optimizer"]["param_groups"][0].pop("betas"))
    refusals.changed("step is 'two'", lambda c: c.update(step="two"))
    renamed = "middle_block.2.emb_layers.1.bias"
    refusals.model(f"1 tensors are missing, the first {renamed}", lambda m: m.update({"other": m.pop(renamed)}))
    refusals.model("tensors for", lambda m: m.update({"middle_block.3.weight": torch.zeros(2)}))
    refusals.model("expected a state dict", lambda m: m.clear())
    refusals.model("out.0.weight is 3, expected 4", lambda m: m.update({"out.0.weight": torch.ones(3)}))
    refusals.model(f"{first} is 36, expected 4 extents", lambda m: m.update({first: m[first].reshape(-1)}))
    refusals.model("torch.int32", lambda m: m.update({"out.0.weight": m["out.0.weight"].to(torch.int32)}))
    refusals.model("out.2.bias holds numbers that are not finite", lambda m: m["out.2.bias"].fill_(math.nan))
    refusals.model("takes 6 channels", lambda m: m.update({first: m[first].repeat(1, 6, 1, 1)}))
    refusals.model("is no tensor but str", lambda m: m.update({first: "text"}))
    refusals.model("channel_mult that begins", lambda m: m.update({"time_embed.0.weight": torch.zeros(16, 8)}))


def check_options(refusals):
    checkpoint = FOLDER / "pytorch" / "improved" / "checkpoint.pt"
    refusals.option("is in no tensor: give --heads", "improved", less=["--heads"])
    refusals.option("give one of them", "improved", "--head-channels", "2")
    refusals.option("other heads on the way up", "improved", "--heads-upsample", "1")
    refusals.option("4 channels do not divide by 3", "improved", "--heads", "3")
    refusals.option("give --schedule", "improved", less=["--schedule"])
    refusals.option("rescaled to 1000", "improved", "--rescale-timesteps")
    refusals.option("do not divide into 32 groups", "improved", "--groups", "32")
    refusals.option("give --sigma-max", "ihdm", less=["--sigma-max"])
    refusals.option("is of OpenAI's checkpoints", "ihdm", "--schedule", "linear")
    refusals.option("multiples of 2 alone", "ihdm", "--size", "7x8")
    refusals.option("expected section.key=value", "ihdm", "--set", "steps=3")
    refusals.option("no such file", "improved", "--ema", refusals.work / "missing.pt")
    refusals.refuses("no model in it", ["ihdm", checkpoint, "--size", "8", "--steps", "9", "--sigma-max", "4"])
    state = torch.load(checkpoint, weights_only=True)
    encoder = {name: value for name, value in state.items() if not name.startswith(("out.", "output_blocks."))}
    path = refusals.work / "encoder.pt"
    torch.save(encoder, path)
    kind, *options = arguments_of("improved")
    refusals.refuses("a classifier is not supported", [kind, path, *options])
    torch.save({**state, "middle_block.3.weight": torch.zeros(2)}, path)
    refusals.refuses("1 tensors are left over", [kind, path, *options])
    torch.save({name: value for name, value in state.items() if ".1.qkv." not in name}, path)
    refusals.refuses("tensors are missing, the first middle_block.1.qkv.weight", [kind, path, *options])


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in CASES:
            check_run(name, work)
        check_ihdm(work / "ihdm")
        refusals = Refusals(work)
        check_damaged(refusals)
        check_options(refusals)
    print(f"{len(CASES)} run folders as they were, {refusals.count} refusals")


if __name__ == "__main__":
    main()
