"""Reads RUN/tensorboard of a run folder with the tensorboard package and compares it with metrics.jsonl and samples/.

    python check_tensorboard.py RUN
"""

import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = Path(sys.argv[1])
events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
events.Reload()
tags = events.Tags()

metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
names = [name for name in metrics[0] if name != "step"]
assert sorted(tags["scalars"]) == sorted(names), (tags["scalars"], names)
for name in names:
    scalars = events.Scalars(name)
    assert [s.step for s in scalars] == [m["step"] for m in metrics], name
    for scalar, line in zip(scalars, metrics):
        assert abs(scalar.value - line[name]) <= 1e-6 * abs(line[name]), (name, scalar, line)
    times = [s.wall_time for s in scalars]
    assert times == sorted(times), name

grids = sorted((run / "samples").glob("step-*.png"))
images = events.Images("samples") if grids else []
assert [i.step for i in images] == [int(g.stem.removeprefix("step-")) for g in grids], tags["images"]
for image, grid in zip(images, grids):
    png = grid.read_bytes()
    assert image.encoded_image_string == png, grid
    assert (image.width, image.height) == (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")), grid

print(f"{run}: {len(metrics)} lines of {len(names)} scalars and {len(images)} grids agree")
