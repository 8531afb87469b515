"""networks.py PROGRAM DATA SCRATCH: the peers of tools/bench_peers.py must be mnist_dist's network; another one does not race.

The peer here is the mlp in NumPy, on weights and answers of the real program.
"""
import gzip
import os
import sys
from pathlib import Path

import h5py
import numpy as np

from peers import reference
from peers.protocol import Task, command
from peers.worker import Framework, Program, Worker

PROGRAM, DATA, SCRATCH = sys.argv[1:]


class Mlp(Program):
    def __init__(self, change):
        self.change, self.steps = change, 0

    def reset(self):
        self.steps = 0

    def logits(self, weights, images):
        with h5py.File(weights) as file:
            arrays = {f"{layer} {i}": file[f"layers/{layer}/vars/{i}"][()] for layer in ("dense", "dense_1") for i in "01"}
        self.change(arrays)
        hidden = np.maximum(images.reshape(len(images), -1) @ arrays["dense 0"] + arrays["dense 1"], 0)
        return hidden @ arrays["dense_1 0"] + arrays["dense_1 1"]

    def step(self, batch):
        self.steps += 1

    def finish(self):
        return float(self.steps)


class NumPy(Framework):
    def __init__(self, change):
        self.change = change

    def program(self, task):
        return Mlp(self.change)


def prepare(change, folder, precision="f32"):
    task = Task("mlp", 50, "training", "", precision, 200, 0, DATA, str(folder))
    return Worker(NumPy(change)).answer(command("prepare", task))


def must(true, what):
    if not true:
        sys.exit(f"FAILED: {what}")


def scaled(name, factor):
    def change(arrays):
        arrays[name] *= np.float32(factor)

    return change


def flipped(arrays):
    """The pixels in another order."""
    arrays["dense 0"] = arrays["dense 0"].reshape(28, 28, -1).transpose(1, 0, 2).reshape(784, -1)


folder = reference.make("mlp", Path(SCRATCH), PROGRAM, DATA, dict(os.environ))
with gzip.open(f"{DATA}/train-images-idx3-ubyte.gz") as file:
    wanted = file.read()[16 : 16 + 64 * 784]
written = (folder / "images-idx3-ubyte").read_bytes()
must(written[:16] == bytes([0, 0, 8, 3, 0, 0, 0, 64, 0, 0, 0, 28, 0, 0, 0, 28]), "the head of the images")
must(written[16:] == wanted, "the first images of the training file")

good = prepare(lambda arrays: None, folder)
must(good.get("reply", {}).get("difference", 1) < 1e-5, f"the same network: {good}")
must(good["reply"]["steps"] == 4, f"the steps of a network that may race: {good}")
others = {
    "a bias": scaled("dense 1", 0),
    "the last bias": scaled("dense_1 1", 0),
    "1 % of a kernel": scaled("dense_1 0", 1.01),
    "the order of pixels": flipped,
}
for name, change in others.items():
    bad = prepare(change, folder)
    must("another network" in bad.get("failed", ""), f"{name}: {bad}")
must("reply" in prepare(scaled("dense_1 0", 1.01), folder, "bf16"), "bf16 has a wider tolerance")
must("another network" in prepare(flipped, folder, "bf16").get("failed", ""), "which still finds another network")
print(f"networks: the same network within {good['reply']['difference']:.1g}; {len(others)} others are refused")
