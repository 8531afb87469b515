"""training_parity.py FOLDER DATA PROGRAM...: trainings by PROGRAM on the first images in DATA, against Keras on JAX.

Keras draws the initial weights and saves them in FOLDER; PROGRAM starts from that file. Both take the same batches, in the
order of the file. Compared are the loss of every step (the largest relative difference), and after the last step each tensor
of weights and of the optimizer's state (the relative difference in L2 norm, and the largest difference of an element).
"""
import json
import os
import subprocess
import sys
from collections import namedtuple

import jax
import keras
import numpy as np
from keras.optimizers import SGD, Adam, AdamW, Lamb

import idx
import models

jax.config.update("jax_default_matmul_precision", "highest")

FOLDER, DATA = sys.argv[1:3]
PROGRAM = sys.argv[3:]
STEPS, BATCH, TEST = 20, 32, 100

# What may differ. Adam divides by the root of v: where a gradient is all rounding, so is the step, and it is as long as any
# other. Hence a bound on norms there, not on elements.
ADAPTIVE = {"losses": 1e-4, "relative": 1e-3}
PLAIN = {"losses": 1e-4, "largest": 1e-5}
# Winograd's convolution rounds ten times as much, so near 0 more units open or shut than in a plain one, and while biases are
# still about 0 there are many: the losses agree, the biases' first digits need not.
WINOGRAD = {"losses": 1e-4}

# Where the two largest values of a max-pooling window lie within rounding, the gradient may go to either, and a relu near 0 is
# no better: from there on two right trainings part, and Adam widens the gap. So what misses its bound is compared with Keras in
# double precision, which says who left the way; where that was the program, it begins again from the next seed. Few trainings
# may: a wrong formula misses its bound in both, from every seed.
PRECISIONS, SEEDS, RESTARTS = ("float32", "float64"), (1, 2, 3), 3

Case = namedtuple("Case", "model optimizer bounds keras options")
CASES = []
for name in ("cnn", "mlp", "rnn", "lstm", "gru 32; dense 10"):
    exact = " --exact-conv" if name == "cnn" else ""
    CASES.append(Case(name, "adam", ADAPTIVE, Adam, exact))
    CASES.append(Case(name, "sgd", PLAIN, SGD, f"--optimizer sgd{exact}"))
CASES += [
    Case("cnn", "sgd, Winograd", WINOGRAD, SGD, "--optimizer sgd"),
    Case("cnn", "momentum", PLAIN, lambda: SGD(momentum=0.9), "--optimizer momentum --exact-conv"),
    Case("cnn", "nesterov", PLAIN, lambda: SGD(momentum=0.9, nesterov=True), "--optimizer nesterov --exact-conv"),
    Case("cnn", "adamw", ADAPTIVE, AdamW, "--optimizer adamw --exact-conv"),
    Case("mlp", "lamb", ADAPTIVE, Lamb, "--optimizer lamb"),
    Case("mlp", "adam, other numbers", ADAPTIVE, lambda: Adam(2e-3, 0.8, 0.99, 1e-5),
         "--lr 0.002 --beta1 0.8 --beta2 0.99 --epsilon 1e-5"),
    Case("mlp", "sgd, decay", PLAIN, lambda: SGD(weight_decay=0.02), "--optimizer sgd --weight-decay 0.02"),
    Case("mlp", "sgd, clipped", PLAIN, lambda: SGD(global_clipnorm=0.5), "--optimizer sgd --clip-norm 0.5"),
]

# Keras with something else than the program was told: each must be seen.
Wrong = namedtuple("Wrong", "model optimizer words keras")
WRONG = [
    Wrong("mlp", "adam", "other initial weights", Adam),
    Wrong("mlp", "adam", "two batches swapped", Adam),
    Wrong("mlp", "adam", "epsilon 1e-3", lambda: Adam(epsilon=1e-3)),
    Wrong("mlp", "adam", "beta_2 0.998", lambda: Adam(beta_2=0.998)),
    Wrong("mlp", "sgd", "two batches swapped", SGD),
    Wrong("mlp", "sgd", "rate 0.0101", lambda: SGD(0.0101)),
    Wrong("mlp", "sgd, clipped", "not clipped", SGD),
    Wrong("cnn", "nesterov", "momentum alone", lambda: SGD(momentum=0.9)),
    Wrong("cnn", "adamw", "no decay", Adam),
]

Run = namedtuple("Run", "losses tensors")


def make_data():
    """IDX files for the program; the batches for Keras."""
    for prefix, count in (("train", STEPS * BATCH), ("t10k", TEST)):
        for kind in ("images-idx3", "labels-idx1"):
            idx.write(FOLDER, f"{prefix}-{kind}-ubyte", idx.read(DATA, f"{prefix}-{kind}-ubyte")[:count])
    images = idx.read(FOLDER, "train-images-idx3-ubyte").astype(np.float32) / np.float32(255)
    labels = idx.read(FOLDER, "train-labels-idx1-ubyte")
    return [(images[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, STEPS * BATCH, BATCH)]


def make_model(name, seed):
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    return models.build(name)


def tensors(model):
    """Weights, then the optimizer's variables: iteration, learning rate, slots."""
    return [np.asarray(variable.value, np.float64) for variable in model.weights + model.optimizer.variables]


def train_keras(name, seed, optimizer, batches, precision):
    model = make_model(name, seed)
    if precision == "float64":
        start = model.get_weights()
        jax.config.update("jax_enable_x64", True)
        keras.config.set_floatx("float64")
        model = make_model(name, seed)
        model.set_weights(start)
    model.compile(optimizer=optimizer(), loss="sparse_categorical_crossentropy")
    losses = []
    for images, labels in batches:
        model.reset_metrics()  # else the loss is the mean of all steps so far
        losses.append(float(model.train_on_batch(images.reshape(-1, *model.input_shape[1:]), labels)))
    run = Run(losses, tensors(model))
    keras.config.set_floatx("float32")
    jax.config.update("jax_enable_x64", False)
    return run


def train_program(case, seed):
    run = os.path.join(FOLDER, f"{case.model} {case.optimizer} {seed}")
    start = f"{run}.weights.h5"
    model = make_model(case.model, seed)
    model.save_weights(start)
    command = [*PROGRAM, "train", "--model", case.model, "--weights", start, "--data", FOLDER, "--out", run, "--threads", "2"]
    command += ["--batch-size", str(BATCH), "--max-steps", str(STEPS), "--validation-split", "0", "--shuffle", "no"]
    done = subprocess.run([*command, "--quiet", *case.options.split()], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{case.model}, {case.optimizer}: exit {done.returncode}: {done.stderr[-500:]}")
    with open(os.path.join(run, "result.json")) as file:
        result = json.load(file)
    if (result["ranks"], result["threads"]) != (2, 2):
        raise SystemExit(f"{run}: ran on {result['ranks']} ranks of {result['threads']} threads")
    with open(os.path.join(run, "metrics.jsonl")) as file:
        records = [json.loads(line) for line in file]
    models.load(model, case.keras(), os.path.join(run, "last.weights.h5"))
    return Run([record["loss"] for record in records if record["kind"] == "step"], tensors(model))


def compare(program, twin):
    if len(program.losses) != STEPS:
        raise SystemExit(f"{len(program.losses)} losses, not {STEPS}")
    want = np.array(twin.losses)
    pairs = list(zip(program.tensors, twin.tensors, strict=True))
    return {
        "losses": (np.abs(program.losses - want) / want).max(),
        "relative": max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs),
        "largest": max(np.abs(a - b).max() for a, b in pairs),
    }


def missed(bounds, differences):
    """The bounds that do not hold; a difference that is no number misses its bound."""
    return [what for what, bound in bounds.items() if not differences[what] <= bound]


def row(model, optimizer, differences, words):
    cells = "".join(f"{differences[what]:10.1e}" for what in ("losses", "relative", "largest"))
    print(f"{model:<18}{optimizer:<36}{cells}  {words}", flush=True)


def agree(case, seed, batches):
    """Trains one case; returns the program's run and the precision in which Keras is as near as it should be, or None."""
    run = train_program(case, seed)
    for precision in PRECISIONS:
        differences = compare(run, train_keras(case.model, seed, case.keras, batches, precision))
        bad = missed(case.bounds, differences)
        words = f"missed: {', '.join(bad)}" if bad else "within the bounds"
        row(case.model, case.optimizer, differences, f"{precision}, seed {seed}: {words}")
        if not bad:
            return run, precision
    return run, None


def check_parity(batches):
    """Trains every case; returns for each the seed, the program's run, and the precision of Keras' run."""
    runs, restarts = {}, 0
    for case in CASES:
        for seed in SEEDS:
            run, precision = agree(case, seed, batches)
            if precision:
                break
            restarts += 1
            if seed == SEEDS[-1] or restarts > RESTARTS:
                raise SystemExit(f"{case.model}, {case.optimizer}: differs from Keras by more than {case.bounds}")
        runs[case.model, case.optimizer] = seed, run, precision
    return runs


def check_that_it_fails(runs, batches):
    swapped = [batches[1], batches[0], *batches[2:]]
    bounds = {(case.model, case.optimizer): case.bounds for case in CASES}
    for wrong in WRONG:
        seed, run, precision = runs[wrong.model, wrong.optimizer]
        seed += wrong.words == "other initial weights"
        order = swapped if wrong.words == "two batches swapped" else batches
        differences = compare(run, train_keras(wrong.model, seed, wrong.keras, order, precision))
        bad = missed(bounds[wrong.model, wrong.optimizer], differences)
        words = f"caught by {', '.join(bad)}" if bad else "passed"
        row(wrong.model, f"{wrong.optimizer}; Keras: {wrong.words}", differences, words)
        if not bad:
            raise SystemExit(f"{wrong.model}, {wrong.optimizer}: Keras with {wrong.words} passes: the bounds prove nothing")


print(f"{'model':<18}{'optimizer':<36}{'losses':>10}{'relative':>10}{'largest':>10}")
data = make_data()
check_that_it_fails(check_parity(data), data)
