"""Golden file of the orthonormal 2-D transforms by scipy: DCT-I, DCT-II, DCT-III and DST-I.

Writes transforms.safetensors, in float64, beside this script. scipy refuses a DCT-I of length 1; there it is the
identity.
"""

import json

import numpy as np
import scipy
from safetensors.numpy import save_file
from scipy.fft import dct, dst

from golden import FOLDER

SIZES = ((1, 1), (1, 7), (7, 1), (2, 2), (2, 3), (5, 11), (13, 17), (28, 28), (31, 32))
KINDS = {
    "dct1": lambda x, axis: x if x.shape[axis] == 1 else dct(x, type=1, norm="ortho", axis=axis),
    "dct2": lambda x, axis: dct(x, type=2, norm="ortho", axis=axis),
    "dct3": lambda x, axis: dct(x, type=3, norm="ortho", axis=axis),
    "dst1": lambda x, axis: dst(x, type=1, norm="ortho", axis=axis),
}


def main():
    random = np.random.default_rng(6)
    tensors = {}
    for height, width in SIZES:
        # float32 values, so that a float32 implementation starts from the same image.
        image = random.standard_normal((height, width), dtype=np.float32)
        tensors[f"{height}x{width}.image"] = image
        for name, along in KINDS.items():
            tensors[f"{height}x{width}.{name}"] = along(along(image.astype(np.float64), 0), 1)
    path = FOLDER / "transforms.safetensors"
    metadata = {"made_by": json.dumps({"scipy": scipy.__version__, "seed": 6})}
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path, metadata)
    path.chmod(0o644)
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
