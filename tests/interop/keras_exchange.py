"""keras_exchange.py write FOLDER: images, and FOLDER/own.weights.h5 of a model that never saw this program.
keras_exchange.py compare FOLDER: the program's answer for these weights, probabilities.csv, against Keras'.
keras_exchange.py check FOLDER MODEL...: what mnist_dist exported to the folders FOLDER/MODEL, against Keras and onnxruntime;
writes there what Keras saves.

In FOLDER: images.idx. In FOLDER/MODEL: spec (the model's words), probabilities.csv (the program's answer to the images),
model.keras, model.weights.h5, model.onnx.
"""
import csv
import logging
import os
import sys

import h5py
import keras
import numpy as np

import models

logging.getLogger("absl").setLevel("ERROR")  # it calls `.h5` legacy, which is why it is written here
TOLERANCE = 1e-5
IMAGES, SIDE = 64, 28


def write_images(path):
    """Noise with blots: some pixels at both ends of the range, most in between."""
    random = np.random.default_rng(5)
    pixels = random.integers(0, 256, (IMAGES, SIDE, SIDE), np.uint8)
    pixels[:, 4:20, 6:15] = 0
    pixels[IMAGES // 2 :, 8:24, 10:13] = 255
    with open(path, "wb") as file:
        file.write(np.array([0x803, IMAGES, SIDE, SIDE], ">u4").tobytes() + pixels.tobytes())


def read_images(path):
    with open(path, "rb") as file:
        data = file.read()
    pixels = np.frombuffer(data[16:], np.uint8).reshape(IMAGES, SIDE, SIDE)
    return pixels.astype(np.float32) / np.float32(255)


def read_probabilities(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    classes = len(rows[0]) - 4
    if rows[0] != ["image", "class", "probability"] + [f"p{c}" for c in range(classes)] + ["name"]:
        raise SystemExit(f"{path}: head {rows[0]}")
    values = np.array([[float(cell) for cell in row[3:-1]] for row in rows[1:]])
    for i, row in enumerate(rows[1:]):
        if int(row[1]) != values[i].argmax() or float(row[2]) != values[i].max():
            raise SystemExit(f"{path}: line {i + 2} contradicts itself")
    return values


def agree(what, got, want):
    difference = np.abs(np.asarray(got, np.float64) - want).max()
    if not difference <= TOLERANCE:
        raise SystemExit(f"{what}: probabilities differ by {difference:.2e}, more than {TOLERANCE}")
    return difference


def write_keras2(model, path, fixed):
    """The layout of Keras 2's save_weights: its loader's source is the description."""
    with h5py.File(path, "w") as h5:
        h5.attrs["layer_names"] = [f"old_{layer.name}".encode() if fixed else f"old_{layer.name}" for layer in model.layers]
        h5.attrs["backend"] = "tensorflow"
        h5.attrs["keras_version"] = "2.15.0"
        for layer in model.layers:
            group = h5.create_group(f"old_{layer.name}")
            names = [f"old_{layer.name}/{i}_{weight.name}:0" for i, weight in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() if fixed else name for name in names]
            for name, weight in zip(names, layer.weights):
                group[name] = np.asarray(weight.value)
        h5.create_group("top_level_model_weights").attrs["weight_names"] = []


def run_onnx(path, images):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"image": images})[0]


def check_model(images, folder):
    keras.utils.clear_session()
    at = lambda name: os.path.join(folder, name)
    want = read_probabilities(at("probabilities.csv"))
    model = keras.models.load_model(at("model.keras"))
    if len(model.input_shape) == 4:
        images = images[..., None]
    keras_difference = agree("Keras", model.predict(images, verbose=0), want)
    with h5py.File(at("model.weights.h5")) as h5:
        if "mnist_dist" in h5 or "optimizer" in h5 or h5.userblock_size:
            raise SystemExit("model.weights.h5 holds more than Keras writes")
        count = models.compare_weights(model, h5)
    model.load_weights(at("model.weights.h5"))
    agree("loaded weights", model.predict(images, verbose=0), want)
    onnx_difference = agree("ONNX", run_onnx(at("model.onnx"), images), want)
    model.save_weights(at("again.weights.h5"))
    model.save(at("again.keras"))
    model.save(at("whole.h5"))
    write_keras2(model, at("fixed.h5"), True)
    write_keras2(model, at("variable.h5"), False)
    with open(at("spec")) as file:
        spec = file.read().strip()
    print(f"{spec}: {count:,} parameters; largest difference: Keras {keras_difference:.1e}, ONNX {onnx_difference:.1e}")


def check(folder, *names):
    if not names:
        raise SystemExit("no model to check")
    images = read_images(os.path.join(folder, "images.idx"))
    for name in names:
        check_model(images, os.path.join(folder, name))


def write(folder):
    write_images(os.path.join(folder, "images.idx"))
    keras.utils.set_random_seed(3)
    model = models.build("cnn")
    model.save_weights(os.path.join(folder, "own.weights.h5"))
    images = read_images(os.path.join(folder, "images.idx"))[..., None]
    np.savetxt(os.path.join(folder, "own.csv"), model.predict(images, verbose=0), delimiter=",")


def compare(folder):
    """The program's answer for Keras' own weights, against Keras' answer."""
    want = np.loadtxt(os.path.join(folder, "own.csv"), delimiter=",")
    agree("own.weights.h5", read_probabilities(os.path.join(folder, "probabilities.csv")), want)


{"write": write, "check": check, "compare": compare}[sys.argv[1]](*sys.argv[2:])
