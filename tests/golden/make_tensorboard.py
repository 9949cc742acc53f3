"""Writes tensorboard_events.bin with the tensorboard package: fixed events, the last one an image of 2×3 RGB pixels."""

import io
from pathlib import Path

from PIL import Image

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c
from tensorboard.summary.writer.record_writer import RecordWriter

FOLDER = Path(__file__).resolve().parent
TIME = 1700000000.25


def scalars(step, values):
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=t, simple_value=v) for t, v in values])
    return event_pb2.Event(wall_time=TIME + step, step=step, summary=summary)


def image(step, tag, pixels, size):
    png = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(png, "PNG")
    picture = summary_pb2.Summary.Image(height=size[1], width=size[0], colorspace=3, encoded_image_string=png.getvalue())
    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, image=picture)])
    return event_pb2.Event(wall_time=TIME + step, step=step, summary=summary)


events = [
    event_pb2.Event(wall_time=TIME, file_version="brain.Event:2"),
    scalars(0, [("loss", 0.0)]),
    scalars(50, [("loss", 0.125), ("learning_rate", 2e-4), ("gradient_norm", 1e30), ("images_per_second", 321.5)]),
    scalars(300, [("loss", -1.5)]),
    scalars(2**40 + 3, [("loss", float("inf"))]),
    image(2**40 + 3, "samples", bytes(range(0, 180, 10)), (3, 2)),
]
with open(FOLDER / "tensorboard_events.bin", "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())

print(f"crc32c of 123456789: {crc32c(b'123456789'):#x}")
