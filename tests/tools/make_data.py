"""make_data.py DIR: a small data set in MNIST's format, images gzipped, labels plain: a fixed
pattern for each class, under noise."""

import gzip
import pathlib
import struct
import sys

import numpy as np

SIDE, CLASSES = 28, 10


def split(rng, patterns, count):
    labels = rng.integers(0, CLASSES, count).astype(np.uint8)
    labels[:CLASSES] = np.arange(CLASSES)
    noise = rng.integers(0, 256, (count, SIDE, SIDE))
    hidden = rng.random((count, SIDE, SIDE)) < 0.55
    return np.where(hidden, noise, patterns[labels]).astype(np.uint8), labels


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    patterns = rng.integers(0, 2, (CLASSES, SIDE, SIDE)) * 200
    patterns[:, :4] = 0
    for name, count in (("train", 1200), ("t10k", 300)):
        images, labels = split(rng, patterns, count)
        head = struct.pack(">4I", 0x803, count, SIDE, SIDE)
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(head + images.tobytes())
        )
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2I", 0x801, count) + labels.tobytes()
        )


main(pathlib.Path(sys.argv[1]))
