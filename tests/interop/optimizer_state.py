"""optimizer_state.py FOLDER PROGRAM: PROGRAM goes on with the optimiser's state of models that Keras has trained and saved.

Keras trains two steps, saves, and trains one more; PROGRAM trains that step from the file. All steps have the same images.
"""
import logging
import os
import subprocess
import sys

import keras
import numpy as np

import idx

logging.getLogger("absl").setLevel("ERROR")  # it calls `.h5` legacy, which is why it is written here
FOLDER, PROGRAM = sys.argv[1:3]
COUNT, SIDE, CLASSES, STEPS = 64, 8, 10, 2
BOUND = 1e-6  # of each parameter, absolute

optimizers = keras.optimizers
CASES = {  # name: (--optimizer and its options, optimizer, endings of the files)
    "adam": ("adam", lambda: optimizers.Adam(), ("keras", "h5", "weights.h5")),
    "adam, schedule": ("adam", lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.001, 1, 1.0)), ("keras", "h5")),
    "adamw": ("adamw", lambda: optimizers.AdamW(), ("keras", "h5")),
    "momentum": ("momentum", lambda: optimizers.SGD(momentum=0.9), ("keras", "h5")),
    "nesterov": ("nesterov", lambda: optimizers.SGD(momentum=0.9, nesterov=True), ("keras",)),
    "rmsprop": ("rmsprop", lambda: optimizers.RMSprop(), ("keras", "h5")),
    "rmsprop, momentum": ("rmsprop --momentum 0.9", lambda: optimizers.RMSprop(momentum=0.9), ("keras",)),
    "adamax": ("adamax", lambda: optimizers.Adamax(), ("keras",)),
    "lamb": ("lamb", lambda: optimizers.Lamb(), ("keras",)),
}
random = np.random.default_rng(1)
images = random.integers(0, 256, (COUNT, SIDE, SIDE))
labels = np.arange(COUNT) % CLASSES
for prefix in ("train", "t10k"):
    idx.write(FOLDER, f"{prefix}-images-idx3-ubyte", images)
    idx.write(FOLDER, f"{prefix}-labels-idx1-ubyte", labels)
pixels = (images.astype("f4") / 255)[..., None]


def train_program(file, options, *more):
    run = os.path.join(FOLDER, "run")
    subprocess.run(["rm", "-rf", run], check=True)
    command = [PROGRAM, "train", "--data", FOLDER, "--out", run, "--quiet", "--weights", file, "--shuffle", "no", "--epochs", "1"]
    command += ["--model", f"flatten; dense {CLASSES}", "--batch-size", str(COUNT), "--validation-split", "0"]
    command += ["--optimizer", *options.split(), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{file}: exit {done.returncode}: {done.stderr[-500:]}")
    return os.path.join(run, "last.weights.h5")


def parameters(path, model):
    model.load_weights(path)
    return model.get_weights()


failures = 0
for name, (options, make, endings) in CASES.items():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), keras.layers.Dense(CLASSES, activation="softmax")])
    model.compile(optimizer=make(), loss="sparse_categorical_crossentropy")
    files = [os.path.join(FOLDER, f"{name.replace(', ', '_')}.{ending}") for ending in endings]
    for _ in range(STEPS):
        model.train_on_batch(pixels, labels)
    for file in files:
        (model.save_weights if file.endswith(".weights.h5") else model.save)(file)
    model.train_on_batch(pixels, labels)
    theirs = model.get_weights()
    for file in files:
        ours = parameters(train_program(file, options, "--optimizer-state"), model)
        difference = max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))
        failures += not difference <= BOUND
        said = "within the bound" if difference <= BOUND else "MISSED"
        print(f"{os.path.basename(file):<32}{difference:10.1e}  {said}", flush=True)
    ours = parameters(train_program(files[0], options), model)
    if max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)) <= BOUND:
        raise SystemExit(f"{name}: without --optimizer-state it passes, too: this bound proves nothing")
if failures:
    raise SystemExit(f"{failures} files gave other parameters than Keras by more than {BOUND}")
