"""layer_parity.py PROGRAM FOLDER: small models of every kind of layer, trained by PROGRAM on drawn images, against Keras.

For each model: three steps of Adam from initial weights, so that biases, gammas and betas are not what they began with. Keras
loads last.weights.h5 and gives the same probabilities of the test images, within 1e-5; so does ONNX. Then one step of SGD from
these weights on the same batch: the weights agree within 1e-5, so the gradients do, since the rate is 1. (Layers that draw
numbers draw others in Keras: models with them are compared by their outputs alone.)
"""
import csv
import os
import struct
import subprocess
import sys

import keras
import numpy as np
import onnxruntime

import models
import rows

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import export_onnx  # noqa: E402

PROGRAM, FOLDER = sys.argv[1:3]
IMAGE, CLASSES, TRAINING, TEST, BATCH = (12, 11), 10, 100, 150, 44
OUTPUTS, STEP = 1e-5, 1e-5

MIXED = [
    "conv2d 4 3 stride 2 same tanh; conv2d 5 2 sigmoid; flatten; dense 10",
    "conv2d 3 3 tanh; maxpool 2; conv2d 4 2; maxpool 3 stride 1 same; flatten; dense 10",
    "flatten; dense 12 relu; dense 11 tanh; layer_norm; dense 9 sigmoid; dense 10; layer_norm",
    "simple_rnn 9 sequence; layer_norm; prelu; lstm 7; dense 10",
    "gru 6 sequence; dropout 0.2; gru 5; dense 10",
    "lenet5",
]


def write_idx(name, values):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape))
        file.write(values.astype(np.uint8).tobytes())


def make_data(image):
    """Noise around one drawn picture per class."""
    draw = np.random.default_rng(1)
    pictures = draw.integers(0, 200, (CLASSES, *image))
    sets = {}
    for prefix, count in (("train", TRAINING), ("t10k", TEST)):
        labels = np.arange(count) * 7 % CLASSES
        images = pictures[labels] + draw.integers(0, 56, (count, *image))
        write_idx(f"{prefix}-images-idx3-ubyte", images)
        write_idx(f"{prefix}-labels-idx1-ubyte", labels)
        sets[prefix] = (images[..., None].astype(np.float32) / np.float32(255), labels)
    return sets


def build(spec, image):
    keras.utils.clear_session()
    steps = [keras.layers.Reshape(image)] if models.reads_steps(spec) else []
    return keras.Sequential([keras.Input((*image, 1)), *steps, *models.chain(spec)])


def train(spec, name, *options):
    run = os.path.join(FOLDER, name)
    command = [PROGRAM, "train", "--model", spec, "--data", FOLDER, "--out", run, "--no-shuffle", "--quiet"]
    command += ["--validation-split", "0", "--batch-size", str(BATCH), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{spec}: exit {done.returncode}: {done.stderr[-500:]}")
    return run


def weights_file(run):
    return os.path.join(run, "last.weights.h5")


def predictions(run):
    with open(os.path.join(run, "predictions.csv"), newline="") as file:
        lines = list(csv.DictReader(file))
    if len(lines) != TEST:
        raise SystemExit(f"{run}: {len(lines)} predictions of {TEST} images")
    return [int(line["predicted"]) for line in lines], [float(line["probability"]) for line in lines]


def compare_probabilities(spec, expected, run):
    """The program's class and its probability of each image, against probabilities [TEST, CLASSES]."""
    predicted, probability = predictions(run)
    of_class = expected[np.arange(TEST), predicted]
    off = np.abs(of_class - probability).max()
    if not off <= OUTPUTS:
        raise SystemExit(f"{spec}: probabilities are {off:.2e} off")
    if not (expected.max(axis=1) - of_class).max() <= OUTPUTS:
        raise SystemExit(f"{spec}: other classes")
    return off


def compare_outputs(spec, model, run, images):
    logits = model.predict(images, batch_size=TEST, verbose=0).astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return compare_probabilities(spec, exponentials / exponentials.sum(axis=1, keepdims=True), run)


def compare_onnx(spec, run, images):
    archive = os.path.join(run, "model.keras")
    subprocess.run([PROGRAM, "export", run, "-o", archive], check=True, stdout=subprocess.DEVNULL)
    layers, weights = export_onnx.read_archive(archive)
    with weights:
        graph = export_onnx.convert(layers, weights)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    inputs = images[..., 0] if models.reads_steps(spec) else images
    return compare_probabilities(spec, session.run(["probabilities"], {"image": inputs})[0], run)


def compare_step(spec, model, run, images, labels):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss)
    model.train_on_batch(images[:BATCH], labels[:BATCH])
    stepped = [np.asarray(v) for v in model.get_weights()]
    model.load_weights(weights_file(run))
    off = max(np.abs(a - b).max() for a, b in zip(stepped, model.get_weights()))
    if not off <= STEP:
        raise SystemExit(f"{spec}: after a step of SGD a weight is {off:.2e} off")
    return off


def compare(number, spec, image):
    sets = make_data(image)
    images = sets["t10k"][0]
    run = train(spec, f"{number}-adam", "--max-steps", "3", "--learning-rate", "0.01")
    model = build(spec, image)
    model.load_weights(weights_file(run))
    words = f"{spec}: probabilities within {compare_outputs(spec, model, run, images):.1e}"
    words += f", ONNX {compare_onnx(spec, run, images):.1e}"
    if not any(word in spec for word in models.DRAWN):
        one = train(spec, f"{number}-sgd", "--weights", weights_file(run), "--optimizer", "sgd",
                    "--learning-rate", "1", "--max-steps", "1")
        words += f", a step of SGD within {compare_step(spec, model, one, *sets['train']):.1e}"
    print(words)


def checks_can_fail(image):
    """Weights of another run are seen: this script can say no."""
    sets = make_data(image)
    run = train("flatten; dense 10", "other", "--max-steps", "3", "--learning-rate", "0.01")
    try:
        compare_outputs("", build("flatten; dense 10", image), run, sets["t10k"][0])
    except SystemExit:
        return
    raise SystemExit("initial weights of Keras passed as the run's")


for number, spec in enumerate([spec for _, spec in rows.read()] + MIXED):
    compare(number, spec, (28, 28) if spec == "lenet5" else IMAGE)
checks_can_fail(IMAGE)
