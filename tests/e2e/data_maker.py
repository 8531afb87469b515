"""data_maker.py FOLDER [--as KIND] [--shift N]: four IDX files that a dense layer learns in a few steps.

300 training and 100 test images of 28 x 28, or of --size; the class is the place of a bright block on noise. --shift: other labels for the same
places. --as: the same data in a form in which people have it."""
import argparse
import gzip
import pathlib
import random
import struct

draw = random.Random(5)
NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def image(place):
    rows = [[draw.randrange(40) for _ in range(width)] for _ in range(height)]
    for y in range(5):
        for x in range(4):
            rows[2 + 3 * (place % 5) + y][4 + 12 * (place // 5) + x] = 200 + draw.randrange(56)
    return b"".join(map(bytes, rows))


def idx(kind, sizes, values, order=">"):
    return struct.pack(f"{order}{1 + len(sizes)}I", kind << 8 | len(sizes), *sizes) + values


def on_side(pixels):
    return b"".join(pixels[i + x :: 28][:28] for i in range(0, len(pixels), 784) for x in range(28))


def qmnist(labels):
    return b"".join(struct.pack(">8i", c, 4, 90, 7, 48 + c, i, 0, 0) for i, c in enumerate(labels))


def one_hot(labels):
    return b"".join(bytes(int(c == k) for k in range(10)) for c in labels)


def as_floats(pixels):
    return struct.pack(f">{len(pixels)}f", *(value / 255 for value in pixels))


IMAGES = {"float": lambda n, p: idx(13, (n, 28, 28), as_floats(p)),
          "little": lambda n, p: idx(8, (n, 28, 28), p, "<"),
          "emnist": lambda n, p: idx(8, (n, 28, 28), b"".join(on_side(p[i : i + 784]) for i in range(0, len(p), 784)))}
LABELS = {"qmnist": lambda n, c: idx(12, (n, 8), qmnist(c)), "onehot": lambda n, c: idx(8, (n, 10), one_hot(c))}
PACK = {"emnist": gzip.compress, "twice": lambda data: gzip.compress(gzip.compress(data)),
        "members": lambda data: gzip.compress(data[:999]) + gzip.compress(b"") + gzip.compress(data[999:]),
        "trailer": lambda data: gzip.compress(data) + b"\r\n0\r\n\r\n"}
PLACE = {"kaggle": "{0}/{0}", "torchvision": "MNIST/raw/{0}", "emnist": "emnist-letters-{0}.gz", "twice": "{0}.gz",
         "members": "{0}.gz", "trailer": "{0}.gz", "qmnist": "qmnist-{0}"}
INSTEAD = {"lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "html": b"<!DOCTYPE html>\n<html>",
           "empty": b"", "behind": None}

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--shift", type=int, default=0)
parser.add_argument("--as", dest="kind", default="mnist")
parser.add_argument("--classes", type=int, default=10)
parser.add_argument("--size", default="28x28")
given = parser.parse_args()
height, width = map(int, given.size.split("x"))

files = []
for count in 300, 100:
    places = [i % given.classes for i in range(count)]
    labels = bytes((place + given.shift) % 10 for place in places)
    pixels = b"".join(map(image, places))
    files.append(IMAGES.get(given.kind, lambda n, p: idx(8, (n, height, width), p))(count, pixels))
    files.append(LABELS.get(given.kind, lambda n, c: idx(8, (n,), c))(count, labels))
if given.kind in INSTEAD:
    files[2] = files[2] + b"\r\n0\r\n\r\n" if INSTEAD[given.kind] is None else INSTEAD[given.kind]
for name, data in zip(NAMES, files):
    if given.kind in ("emnist", "qmnist"):
        name = name.replace("t10k", "test")
    path = given.folder / PLACE.get(given.kind, "{0}").format(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PACK.get(given.kind, bytes)(data))
