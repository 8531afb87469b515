"""optimizer_parity.py FOLDER PROGRAM: PROGRAM's optimizers against Keras' on a linear model of random images.

The gradient of softmax regression is written down here, so Keras' numpy backend will do: gradients go into Keras' own
optimizers (apply), the same images in the same order into the program. Compared are the loss of every step, the weights and
the optimizer's state after the last, which Keras loads from the program's checkpoint.
"""
import json
import os
import subprocess
import sys

import keras
import numpy as np

import idx
import models

FOLDER, PROGRAM = sys.argv[1:3]
STEPS, BATCH, SIDE, CLASSES = 20, 32, 8, 10
BOUND = 2e-5  # of losses, relative; of each tensor, relative in L2 norm

optimizers = keras.optimizers
CASES = {
    "sgd": ([], optimizers.SGD, {}),
    "sgd, decay": (["--weight-decay", "0.1"], optimizers.SGD, {"weight_decay": 0.1}),
    "sgd, clipped": (["--clip-norm", "0.01"], optimizers.SGD, {"global_clipnorm": 0.01}),
    "sgd, clipped by nothing": (["--clip-norm", "100"], optimizers.SGD, {"global_clipnorm": 100.0}),
    "sgd, smoothed": (["--label-smoothing", "0.2"], optimizers.SGD, {"smoothing": 0.2}),
    "momentum": ([], optimizers.SGD, {"momentum": 0.9}),
    "nesterov, decay, clipped": (
        ["--weight-decay", "0.1", "--clip-norm", "0.05"],
        optimizers.SGD,
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "global_clipnorm": 0.05},
    ),
    "rmsprop": ([], optimizers.RMSprop, {}),
    "rmsprop, momentum": (
        ["--momentum", "0.9", "--beta2", "0.8", "--epsilon", "1e-3"],
        optimizers.RMSprop,
        {"momentum": 0.9, "rho": 0.8, "epsilon": 1e-3},
    ),
    "adam": ([], optimizers.Adam, {}),
    "adam, clipped": (["--clip-norm", "0.01"], optimizers.Adam, {"global_clipnorm": 0.01}),
    "adamw": ([], optimizers.AdamW, {}),
    "adamw, decay": (["--weight-decay", "0.5"], optimizers.AdamW, {"weight_decay": 0.5}),
    "adamax": ([], optimizers.Adamax, {}),
    "adamax, decay, clipped": (
        ["--weight-decay", "0.5", "--clip-norm", "0.01", "--beta2", "0.9"],
        optimizers.Adamax,
        {"weight_decay": 0.5, "global_clipnorm": 0.01, "beta_2": 0.9},
    ),
    "lamb": ([], optimizers.Lamb, {}),
    "lamb, decay, clipped": (
        ["--weight-decay", "0.5", "--clip-norm", "0.01", "--learning-rate", "0.01"],
        optimizers.Lamb,
        {"weight_decay": 0.5, "global_clipnorm": 0.01, "learning_rate": 0.01},
    ),
}
# Keras with something else than the program was told: each must be seen.
WRONG = {
    "sgd, decay": (optimizers.SGD, {"weight_decay": 0.09}),
    "sgd, clipped": (optimizers.SGD, {"clipnorm": 0.01}),
    "sgd, smoothed": (optimizers.SGD, {"smoothing": 0.19}),
    "rmsprop": (optimizers.RMSprop, {"rho": 0.91}),
    "rmsprop, momentum": (optimizers.RMSprop, {"momentum": 0.89, "rho": 0.8, "epsilon": 1e-3}),
    "adamw": (optimizers.Adam, {}),
    "adamax": (optimizers.Adam, {}),
    "adamax, decay, clipped": (optimizers.Adamax, {"weight_decay": 0.5, "global_clipnorm": 0.01}),
    "lamb": (optimizers.Adam, {}),
}

# How Keras names the slots of a variable, in its order; the same words are in tests/unit/optim_rows.c. The model has two
# variables. With a momentum, rmsprop has the slots of one name of both before those of the next.
SLOTS = {
    "sgd": [],
    "momentum": ["momentum"],
    "nesterov": ["momentum"],
    "rmsprop": ["velocity"],
    "adam": ["momentum", "velocity"],
    "adamw": ["momentum", "velocity"],
    "adamax": ["momentum", "norm"],
    "lamb": ["momentum", "velocity"],
}


def make_data():
    random = np.random.default_rng(1)
    for prefix, count in (("train", STEPS * BATCH), ("t10k", 20)):
        images = random.integers(0, 256, (count, SIDE, SIDE))
        idx.write(FOLDER, f"{prefix}-images-idx3-ubyte", images)
        idx.write(FOLDER, f"{prefix}-labels-idx1-ubyte", np.arange(count) % CLASSES)
    x = idx.read(FOLDER, "train-images-idx3-ubyte").reshape(-1, SIDE * SIDE).astype(np.float64) / 255
    return x, np.eye(CLASSES)[idx.read(FOLDER, "train-labels-idx1-ubyte")]


def make_model():
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    return model


def train_keras(kind, options, x, onehot):
    """Losses, weights, and the optimizer's state."""
    options = dict(options)
    smoothing = options.pop("smoothing", 0)
    model, optimizer, losses = make_model(), kind(**options), []
    targets = (1 - smoothing) * onehot + smoothing / CLASSES
    for at in range(0, len(x), BATCH):
        batch, target = x[at : at + BATCH], targets[at : at + BATCH]
        weight, bias = (np.float64(v.numpy()) for v in model.trainable_variables)
        z = batch @ weight + bias
        z -= z.max(axis=1, keepdims=True)
        logarithm = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        losses.append(-(target * logarithm).sum(axis=1).mean())
        error = (np.exp(logarithm) - target) / len(batch)
        gradients = [batch.T @ error, error.sum(axis=0)]
        optimizer.apply([np.float32(g) for g in gradients], model.trainable_variables)
    return losses, model.get_weights() + [np.float64(v.numpy()) for v in optimizer.variables[2:]]


def train_program(name, words, kind, options):
    """The same, by the program; its state as Keras reads it."""
    run = os.path.join(FOLDER, name.replace(",", "").replace(" ", "-"))
    model = make_model()
    model.save_weights(f"{run}.weights.h5")
    command = [PROGRAM, "train", "--model", f"flatten; dense {CLASSES}", "--data", FOLDER, "--out", run, "--quiet"]
    command += ["--optimizer", name.split(",")[0], "--weights", f"{run}.weights.h5", "--shuffle", "no"]
    command += ["--batch-size", str(BATCH), "--epochs", "1", "--validation-split", "0", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name}: exit {done.returncode}: {done.stderr[-500:]}")
    with open(os.path.join(run, "metrics.jsonl")) as file:
        records = [json.loads(line) for line in file]
    optimizer = kind(**{key: value for key, value in options.items() if key != "smoothing"})
    models.load(model, optimizer, os.path.join(run, "last.weights.h5"))
    slots = [variable.name.rsplit("_", 1)[1] for variable in optimizer.variables[2:]]
    wanted = 2 * ["velocity"] + 2 * ["momentum"] if name == "rmsprop, momentum" else 2 * SLOTS[name.split(",")[0]]
    if slots != wanted:
        raise SystemExit(f"{name}: the slots of Keras are {slots}")
    if int(optimizer.iterations) != STEPS:
        raise SystemExit(f"{name}: Keras reads iteration {int(optimizer.iterations)}, not {STEPS}")
    losses = [record["loss"] for record in records if record["kind"] == "step"]
    return losses, model.get_weights() + [np.float64(v.numpy()) for v in optimizer.variables[2:]]


def largest_difference(ours, theirs):
    losses = np.abs(np.array(ours[0]) / np.array(theirs[0]) - 1).max()
    tensors = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(ours[1], theirs[1], strict=True)]
    return max(losses, *tensors)


x, onehot = make_data()
failures = 0
for name, (words, kind, options) in CASES.items():
    ours = train_program(name, words, kind, options)
    difference = largest_difference(ours, train_keras(kind, options, x, onehot))
    failures += not difference <= BOUND
    print(f"{name:<28}{difference:10.1e}  {'within the bound' if difference <= BOUND else 'MISSED'}", flush=True)
    if name in WRONG:
        weights = train_keras(*WRONG[name], x, onehot)
        wrong = largest_difference((ours[0], ours[1][:2]), (weights[0], weights[1][:2]))
        if not wrong > BOUND:
            raise SystemExit(f"{name}: Keras with {WRONG[name][1]} passes: this bound proves nothing")
if failures:
    raise SystemExit(f"{failures} of {len(CASES)} differ from Keras' by more than {BOUND}")
