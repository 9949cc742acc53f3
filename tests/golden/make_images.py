"""Writes small PNG, JPEG and zip files of every kind to images/, and images.safetensors: the pixels they hold.

Pillow decodes what it can; what it cannot write or rounds otherwise (16 bits, interlacing, transparency over white) is
written and computed here.
"""

import io
import struct
import zipfile
import zlib

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file

from golden import FOLDER

IMAGES = FOLDER / "images"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
rng = np.random.default_rng(20)
expected = {}


def smooth(height, width, channels, top=255):
    """A gradient with some noise, so that neighbours, rows and channels differ and JPEG has little to say."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    wave = 0.5 + 0.4 * np.sin(0.3 * x + 0.2 * y + 1.9 * c) + 0.1 * rng.random((height, width, channels))
    return np.clip(wave * top, 0, top).astype(np.uint16 if top > 255 else np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows_of(samples, bits):
    """Unfiltered scan lines: [height, width, channels] to bytes."""
    lines = b""
    for row in samples.reshape(samples.shape[0], -1):
        if bits == 16:
            line = row.astype(">u2").tobytes()
        elif bits == 8:
            line = row.astype(np.uint8).tobytes()
        else:
            line = np.packbits(((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)).tobytes()
        lines += b"\0" + line
    return lines


def png(samples, colour_type, bits, interlaced=False, extra=b""):
    height, width = samples.shape[:2]
    if interlaced:  # Adam7
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
        parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes]
        data = b"".join(rows_of(part, bits) for part in parts if part.size)
    else:
        data = rows_of(samples, bits)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def to_8(samples):
    """16 bits to 8: round(v · 255 / 65535)."""
    return (samples.astype(np.uint32) * 255 + 32767) // 65535


def over_white(colours, alpha):
    return ((colours.astype(np.uint32) * alpha + 255 * (255 - alpha.astype(np.uint32)) + 127) // 255).astype(np.uint8)


def keep(name, content, pixels, same_as_pillow=None):
    """`same_as_pillow`: the mode in which Pillow must give these pixels too."""
    (IMAGES / name).write_bytes(content)
    expected[name] = pixels.astype(np.uint8)
    if same_as_pillow:
        decoded = np.asarray(Image.open(io.BytesIO(content)).convert(same_as_pillow))
        assert np.array_equal(decoded.reshape(pixels.shape), pixels), name


grey = smooth(5, 7, 1)
colours = smooth(9, 11, 3)
alpha = smooth(9, 11, 1)
deep = smooth(6, 5, 4, 65535)
for bits in (1, 2, 4):
    few = (grey >> (8 - bits)).astype(np.uint8)
    keep(f"grey{bits}.png", png(few, GREY, bits), few * (255 // (2**bits - 1)), "L" if bits < 16 else None)
keep("grey8.png", png(grey, GREY, 8), grey, "L")
keep("grey16.png", png(deep[..., :1], GREY, 16), to_8(deep[..., :1]))
keep("grey_alpha8.png", png(np.concatenate([colours[..., :1], alpha], 2), GREY_ALPHA, 8), over_white(colours[..., :1], alpha))
keep("rgb8.png", png(colours, RGB, 8), colours, "RGB")
keep("rgb8_interlaced.png", png(colours, RGB, 8, interlaced=True), colours, "RGB")
keep("rgb16.png", png(deep[..., :3], RGB, 16), to_8(deep[..., :3]))
keep("rgba8.png", png(np.concatenate([colours, alpha], 2), RGBA, 8), over_white(colours, alpha))
keep("rgba16.png", png(deep, RGBA, 16), over_white(to_8(deep[..., :3]), to_8(deep[..., 3:])))
one = tuple(int(v) for v in colours[0, 0])
opaque = np.where((colours == one).all(2, keepdims=True), 0, 255)
keep("rgb8_transparent_colour.png", png(colours, RGB, 8, extra=chunk(b"tRNS", struct.pack(">HHH", *one))), over_white(colours, opaque))
palette = smooth(1, 16, 3)[0]
indices = rng.integers(0, 16, (5, 7, 1)).astype(np.uint8)
keep("palette4.png", png(indices, PALETTE, 4, extra=chunk(b"PLTE", palette.tobytes())), palette[indices[..., 0]], "RGB")
shades = rng.integers(0, 256, 16).astype(np.uint8)
keep("palette8_alpha.png", png(indices, PALETTE, 8, extra=chunk(b"PLTE", palette.tobytes()) + chunk(b"tRNS", shades.tobytes())),
     over_white(palette[indices[..., 0]], shades[indices]))
keep("gamma.png", png(colours, RGB, 8, extra=chunk(b"gAMA", struct.pack(">I", 100000))), colours, "RGB")


def jpeg(array, **options):
    file = io.BytesIO()
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[array.shape[2]]
    Image.fromarray(array[..., 0] if mode == "L" else array, mode).save(file, "JPEG", **options)
    return file.getvalue()


def keep_jpeg(name, content):
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    pixels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
    keep(name, content, pixels.reshape(*pixels.shape[:2], -1))


photograph = smooth(17, 21, 3)
keep_jpeg("baseline420.jpg", jpeg(photograph, quality=90, subsampling=2))
keep_jpeg("baseline444.jpg", jpeg(photograph, quality=95, subsampling=0, optimize=True))
keep_jpeg("progressive.jpg", jpeg(photograph, quality=90, progressive=True))
keep_jpeg("grey.jpg", jpeg(photograph[..., :1], quality=90, optimize=True))
keep_jpeg("cmyk.jpg", jpeg(np.concatenate([photograph, photograph[..., :1] // 2], 2), quality=95, optimize=True))
for orientation in range(1, 9):  # one file; the test writes the other orientations into it
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = jpeg(photograph[:7, :10], quality=95, optimize=True, exif=exif)
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    expected[f"oriented.jpg.{orientation}"] = np.asarray(picture)
    if orientation == 1:
        (IMAGES / "oriented.jpg").write_bytes(content)

source = smooth(31, 23, 3)
expected["resize.source"] = source
for height, width in ((8, 8), (16, 24), (31, 11), (40, 29), (1, 1), (3, 50)):
    fitted = ImageOps.fit(Image.fromarray(source), (width, height), Image.Resampling.BILINEAR)
    expected[f"resize.{height}x{width}"] = np.asarray(fitted)
expected["luma"] = np.asarray(Image.fromarray(colours).convert("L"))[..., None]

with zipfile.ZipFile(IMAGES / "classes.zip", "w") as archive:
    for entry, file, method in (("b/1.png", "rgb8.png", zipfile.ZIP_DEFLATED), ("a/2.PNG", "grey8.png", zipfile.ZIP_STORED),
                                ("a/1.jpg", "grey.jpg", zipfile.ZIP_DEFLATED), ("readme.txt", "grey1.png", zipfile.ZIP_STORED),
                                ("__MACOSX/a/._1.jpg", "grey1.png", zipfile.ZIP_STORED)):
        archive.writestr(zipfile.ZipInfo(entry, (2020, 1, 1, 0, 0, 0)), (IMAGES / file).read_bytes(), method)

save_file({name: torch.from_numpy(np.ascontiguousarray(pixels)) for name, pixels in expected.items()}, FOLDER / "images.safetensors")
(FOLDER / "images.safetensors").chmod(0o644)
sizes = [path.stat().st_size for path in sorted(IMAGES.iterdir())]
print(f"{len(sizes)} files, {sum(sizes)} bytes; images.safetensors {(FOLDER / 'images.safetensors').stat().st_size} bytes")
