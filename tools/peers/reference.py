"""What all contenders must agree on: a trained network of each model, some images, and mnist_dist's probabilities for them.

Below a folder of the results, for each model: run/ with the weights as Keras' file, images-idx3-ubyte, predictions.csv, and
model.onnx where a peer wants it. Only the standard library is needed here.
"""
from __future__ import annotations

import gzip
from pathlib import Path

from peers.models import CHAINS
from peers.processes import output_of

IMAGES, PIXELS, HEAD = 64, 28 * 28, 16  # of an IDX file: the bytes before its images
TRAINING = ("--limit", "8000", "--batch-size", "32", "--epochs", "1")  # enough for answers that differ between images
TIMEOUT_S = 120
EXPORTER = Path(__file__).resolve().parent.parent / "export_onnx.py"


def weights_of(folder: str) -> str:
    return f"{folder}/run/last.weights.h5"


def write_images(data: str, path: Path) -> None:
    """The first images of the training file, as a file of their own."""
    source = next(Path(data).glob("train-images?idx3-ubyte*"))
    with gzip.open(source) if source.suffix == ".gz" else open(source, "rb") as file:
        head, pixels = file.read(HEAD), file.read(IMAGES * PIXELS)
    path.write_bytes(head[:4] + (len(pixels) // PIXELS).to_bytes(4, "big") + head[8:] + pixels)


def make(model: str, below: Path, program: str, data: str, environment: dict[str, str]) -> Path:
    """The model's folder, made once. Raises Failure."""
    folder = below / model
    images, predictions = folder / "images-idx3-ubyte", folder / "predictions.csv"
    if not predictions.exists():
        folder.mkdir(parents=True)
        write_images(data, images)
        words = [program, "train", "--model", CHAINS[model], "--data", data, "--out", str(folder / "run"), *TRAINING]
        output_of(words, environment, folder / "train.log", TIMEOUT_S)
        words = [program, "predict", str(folder / "run"), str(images), "--format", "csv"]
        predictions.write_text(output_of(words, environment, folder / "predict.log", TIMEOUT_S), encoding="utf-8")
    return folder


def export(folder: Path, python: Path, program: str, environment: dict[str, str]) -> None:
    """Adds model.onnx, once, with a Python that has the package onnx. Raises Failure."""
    if not (folder / "model.onnx").exists():
        words = [str(python), str(EXPORTER), str(folder / "run"), "-o", str(folder / "model.onnx"), "--program", program]
        output_of(words, environment, folder / "export.log", TIMEOUT_S)
