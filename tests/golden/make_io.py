"""Writes io_small.safetensors with the safetensors package, and prints the order that tests/data/batch_order_test.cpp
expects, from a Philox and a shuffle written here independently."""

from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def epoch_order(seed, epoch, count, purpose=2):
    """Fisher-Yates with Lemire's bounded integers."""

    def words():
        block = 0
        while True:
            yield from philox((block, epoch >> 32, epoch & 0xFFFFFFFF, purpose << 16), (seed & 0xFFFFFFFF, seed >> 32))
            block += 1

    stream = words()
    order = list(range(count))
    for left in range(count, 1, -1):
        while True:
            product = next(stream) * left
            if product & 0xFFFFFFFF >= 2**32 % left:
                break
        chosen = product >> 32
        order[left - 1], order[chosen] = order[chosen], order[left - 1]
    return order


tensors = {
    "conv.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4 - 0.5,
    "half": torch.tensor([1.0, -2.5, 3.140625], dtype=torch.bfloat16),
    "step": torch.tensor(1234567890123, dtype=torch.int64),
    "flags": torch.tensor([[1, 2, 255]], dtype=torch.uint8),
    "nothing": torch.zeros(0, 4),
}
save_file(tensors, FOLDER / "io_small.safetensors", metadata={"format": "pt"})

assert philox((0, 0, 0, 0), (0, 0)) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]  # Random123's known answer
print(epoch_order(seed=0x0123456789ABCDEF, epoch=2**32 + 5, count=16))
