"""Writes the seeds of the fuzzers that no other test has a file of: seeds/READER beside this script. Files there that this
script does not write, refused-*, were found by fuzzing.
"""

import gzip
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent / "seeds"
RNG = np.random.default_rng(1)


def write(reader, name, content):
    path = FOLDER / reader / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def safetensors(header, data):
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def npy(array, version=(1, 0)):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), version)
    return buffer.getvalue()


def idx(magic, *extents, data):
    return struct.pack(f">{1 + len(extents)}I", magic, *extents) + data


def archive(members, compression):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, compression)
    return buffer.getvalue()


def noise(count):
    return RNG.integers(0, 256, count, dtype=np.uint8).tobytes()


write("safetensors", "two", safetensors({"__metadata__": {"format": "pt"},
      "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
      "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]}}, noise(26)))  # fmt: skip
write("safetensors", "empty", safetensors({}, b""))
write("safetensors", "no_elements", safetensors({"a": {"dtype": "I64", "shape": [0, 9], "data_offsets": [0, 0]}}, b""))

for name, array in {"f4": np.arange(6, dtype="<f4").reshape(2, 3), "f8": np.ones((1, 1, 2), "<f8"), "u1": np.zeros(3, "u1"),
                    "i8": np.array(7, "<i8"), "f2": np.zeros(2, "<f2"), "fortran": np.asfortranarray(np.ones((2, 3), "<f4"))}.items():  # fmt: skip
    write("npy", f"{name}.npy", npy(array))
write("npy", "version2.npy", npy(np.ones(2, "<f4"), (2, 0)))
write("npy", "version3.npy", npy(np.ones(2, "<f4"), (3, 0)))

write("dataset", "images.idx", idx(0x803, 2, 3, 4, data=noise(24)))
write("dataset", "labels.idx", idx(0x801, 5, data=bytes(range(5))))
write("dataset", "images.idx.gz", gzip.compress(idx(0x803, 1, 2, 2, data=noise(4)), mtime=0))
write("dataset", "cifar", bytes([3]) + bytes(3072))
write("dataset", "cifar.gz", gzip.compress(bytes([9]) + bytes(3072), mtime=0))

write("json", "labels.json", json.dumps({"labels": [["00000/img00000000.png", 0], ["00000/img00000001.png", 2], ["a.png", 1]]}))
write("json", "null.json", '{"labels": null}')
write("json", "other.json", '{"name": [1, {"x": "\\u00e9"}], "y": -1.5e3}')

write("zip", "stored.zip", archive({"a.png": noise(40), "b/c.txt": b"text", "b/": b""}, zipfile.ZIP_STORED))
write("zip", "deflated.zip", archive({"a.txt": b"a" * 300, "dataset.json": b'{"labels": null}'}, zipfile.ZIP_DEFLATED))
write("zip", "empty.zip", archive({}, zipfile.ZIP_STORED))

write("toml", "all.toml", """# comment
data = {path = 'x', height = 0x20, width = 3_2, channels = 1}
[process]
kind = "ddpm"
beta_start = 1e-4
steps = 10
[network]
channels = [4, 8,]
groups = 2
attention_levels = []
downsample = "residual"
heads = 2
scale_shift = true
[train]
dtype = "f32"
learning_rate = +2.5e-4
seed = 9
[sample]
clip = false
solver = \"\"\"ddim\"\"\"
""")


def png(*chunks):
    parts = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


pixels = zlib.compress(bytes([1, 10, 20, 0, 30, 40]))
write("image", "chunks.png", png((b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)), (b"tEXt", b"Title\0x"), (b"IDAT", pixels[:5]),
                                 (b"IDAT", pixels[5:]), (b"IEND", b"")))  # fmt: skip
