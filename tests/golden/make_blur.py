"""Golden file of IHDM's blur by scipy: F(t) u = IDCT-II(exp(-mu t) DCT-II(u)), mu = pi^2 (i^2/H^2 + j^2/W^2).

Writes blur.safetensors, in float64, beside this script.
"""

import json

import numpy as np
from scipy.fft import dctn, idctn
from safetensors.numpy import save_file

from golden import FOLDER

SIZES = ((28, 28), (7, 13), (1, 5), (5, 1))
SIGMAS = (0.5, 3, 20)  # blur widths in pixels; t = sigma^2 / 2


def eigenvalues(height, width):
    rows = (np.pi * np.arange(height) / height) ** 2
    columns = (np.pi * np.arange(width) / width) ** 2
    return rows[:, None] + columns[None, :]


def main():
    random = np.random.default_rng(4)
    tensors = {}
    for height, width in SIZES:
        size = f"{height}x{width}"
        # float32 values, so that a float32 implementation starts from the same images.
        images = random.random((3, height, width), dtype=np.float32).astype(np.float64)
        coefficients = dctn(images, type=2, norm="ortho", axes=(1, 2))
        mu = eigenvalues(height, width)
        tensors[f"{size}.images"] = images
        tensors[f"{size}.dct"] = coefficients
        tensors[f"{size}.eigenvalues"] = mu
        for sigma in SIGMAS:
            damped = np.exp(-mu * (sigma**2 / 2)) * coefficients
            blurred = idctn(damped, type=2, norm="ortho", axes=(1, 2))
            assert np.allclose(blurred.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=1e-14)
            tensors[f"{size}.blur_{sigma}"] = blurred
    metadata = {"sigmas": json.dumps(SIGMAS)}
    path = FOLDER / "blur.safetensors"
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path, metadata)
    path.chmod(0o644)
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
