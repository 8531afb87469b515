"""keras_import.py FOLDER PROGRAM: PROGRAM reads whole models of Keras, or refuses them with the argument's name."""
import csv
import json
import logging
import os
import shutil
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
from keras import layers as L

import idx

logging.getLogger("absl").setLevel("ERROR")  # it calls `.h5` legacy, which is why it is written here
FOLDER, PROGRAM = sys.argv[1:3]
BOUND, IMAGES = 1e-5, 24
draw = np.random.default_rng(4)
images = draw.integers(0, 256, (IMAGES, 28, 28)) * (draw.random((IMAGES, 28, 28)) < 0.4)
idx.write(FOLDER, "images.idx", images)


def image(*layers):
    return keras.Sequential([keras.Input((28, 28, 1)), *layers])


def rows(*layers):
    return keras.Sequential([keras.Input((28, 28)), *layers])


def head():
    return [L.Flatten(), L.Dense(10, activation="softmax")]


def functional(make):
    x = keras.Input((28, 28, 1))
    return keras.Model(x, make(x))


def adapted(scale, axis=None, rank=3):
    layer = L.Normalization(axis=axis)
    layer.adapt((images * scale).astype("f4").reshape((IMAGES, 28, 28, 1) if axis and rank == 3 else (IMAGES, 28, 28)))
    return layer


def chain(x):
    for layer in (L.Conv2D(4, 3, activation="relu"), L.Dropout(0.2), *head()):
        x = layer(x)
    return x


FUNCTIONS = ("elu", "hard_sigmoid", "linear", "sigmoid", "tanh")
GATES = ("sigmoid", "hard_sigmoid", "tanh", "hard_sigmoid", "sigmoid")  # products of others grow without bounds
BYTES = 255  # the model is for pixels of 0..255
READ = {  # name: (model, what a pixel of 255 is in it)
    "cnn": (lambda: image(L.Conv2D(8, 3, activation="relu"), L.MaxPooling2D(), *head()), 1),
    "every kind": (
        lambda: image(L.Conv2D(4, 3, strides=2, padding="same"), L.LeakyReLU(0.1), L.AveragePooling2D(2), L.PReLU(shared_axes=[1, 2]),
                      L.SpatialDropout2D(0.1), L.GaussianNoise(0.1), L.LayerNormalization(), L.Activation("gelu"), L.ELU(), L.ReLU(),
                      L.GlobalAveragePooling2D(), L.Dense(9, activation="leaky_relu"), L.Dense(10), L.Softmax()), 1),
    "functional": (lambda: functional(chain), 1),
    "vector": (lambda: keras.Sequential([keras.Input((784,)), L.Dense(16, activation="tanh"), L.Dense(10, activation="softmax")]), 1),
    "reshaped": (lambda: keras.Sequential([keras.Input((784,)), L.Reshape((28, 28, 1)), L.Conv2D(3, 3), *head()]), 1),
    "logits": (lambda: image(L.Flatten(), L.Dense(10)), 1),
    "Rescaling 1/255": (lambda: image(L.Rescaling(1 / 255), L.Conv2D(4, 3, activation="relu"), *head()), BYTES),
    "Rescaling 1/127.5": (lambda: image(L.Rescaling(1 / 127.5, offset=-1), L.Conv2D(4, 3, activation="relu"), *head()), BYTES),
    "Rescaling 2": (lambda: image(L.Rescaling(2.0, offset=-1), *head()), 1),
    "Normalization of bytes": (lambda: image(adapted(1), L.Conv2D(4, 3, activation="relu"), *head()), BYTES),
    "Normalization": (lambda: image(adapted(1 / 255), *head()), 1),
    "Normalization, pixels": (lambda: image(adapted(1 / 255, (1, 2, 3)), L.Dropout(0.1), *head()), 1),
    "Normalization, pixel bytes": (lambda: image(adapted(1, (1, 2)), L.Flatten(), L.Dense(16, activation="relu"),
                                                 L.Dense(10, activation="softmax")), BYTES),
    "Normalization, columns": (lambda: rows(adapted(1 / 255, -1, 2), L.Flatten(), L.Dense(10, activation="softmax")), 1),
    "Normalization, rows": (lambda: rows(adapted(1 / 255, 1, 2), L.Flatten(), L.Dense(10, activation="softmax")), 1),
    "Normalization, steps": (lambda: rows(adapted(1, -1, 2), L.GRU(5), L.Dense(10, activation="softmax")), BYTES),
    "Normalization, given": (lambda: rows(L.Normalization(axis=2, mean=np.arange(28) / 28, variance=1 + np.arange(28) / 9), L.LSTM(5),
                                          L.Dense(10, activation="softmax")), 1),
    "Normalization, one": (lambda: image(L.Normalization(mean=0.3, variance=0.2), L.Conv2D(4, 3), *head()), 1),
    "augmentation": (lambda: image(L.RandomRotation(0.1), L.RandomFlip(), L.Dropout(0.3), *head()), 1),
    "no bias": (lambda: image(L.Conv2D(4, 3, use_bias=False), L.Flatten(), L.Dense(10, use_bias=False, activation="softmax")), 1),
    "BatchNormalization": (
        lambda: image(L.Conv2D(4, 3, use_bias=False), L.BatchNormalization(), L.ReLU(), L.MaxPooling2D(), L.Flatten(), L.Dense(12),
                      L.BatchNormalization(scale=False), L.Activation("tanh"), L.Dense(10, activation="softmax")), 1),
    "BatchNormalization before": (
        lambda: image(L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling2D(), L.Dropout(0.1), L.Conv2D(5, 3),
                      L.ReLU(), L.BatchNormalization(center=False), L.AveragePooling2D(2), L.Conv2D(4, 3), L.ELU(), L.Flatten(), L.BatchNormalization(),
                      L.Dense(10, activation="softmax")), 1),
    "BatchNormalization, rnn": (lambda: rows(L.BatchNormalization(), L.LSTM(6, return_sequences=True), L.BatchNormalization(),
                                             L.GRU(5), L.BatchNormalization(), L.Dense(10, activation="softmax")), 1),
    "GlobalMaxPooling2D": (lambda: image(L.Conv2D(8, 5, strides=3, activation="relu"), L.GlobalMaxPooling2D(),
                                         L.Dense(10, activation="softmax")), 1),
    "ReLU with slope": (lambda: image(L.Conv2D(4, 3), L.ReLU(negative_slope=0.2), *head()), 1),
    "LayerNormalization, parts": (lambda: image(L.Conv2D(4, 3), L.LayerNormalization(center=False), L.Conv2D(4, 3),
                                                L.LayerNormalization(scale=False), L.LayerNormalization(scale=False, center=False),
                                                *head()), 1),
    "rnn": (lambda: rows(L.SimpleRNN(6, return_sequences=True), L.LSTM(5, return_sequences=True), L.GRU(7, use_bias=True),
                         L.Dense(10, activation="softmax")), 1),
    "GRU reset before": (lambda: rows(L.GRU(6, reset_after=False, return_sequences=True), L.GRU(5, reset_after=False, use_bias=False),
                                      L.Dense(10, activation="softmax")), 1),
    "backwards": (lambda: rows(L.SimpleRNN(6, go_backwards=True, return_sequences=True), L.LSTM(32, go_backwards=True, return_sequences=True),
                               L.GRU(5, go_backwards=True), L.Dense(10, activation="softmax")), 1),
    "backwards, fused": (lambda: rows(L.LSTM(32, go_backwards=True), L.Dense(10, activation="softmax")), 1),
    "RNN functions": (lambda: rows(*[L.SimpleRNN(6, activation=name, return_sequences=True) for name in FUNCTIONS],
                                   L.SimpleRNN(5, activation="relu"), L.Dense(10, activation="softmax")), 1),
    "LSTM functions": (lambda: rows(*[L.LSTM(4, activation=name, recurrent_activation=gate, return_sequences=True)
                                      for name, gate in zip(FUNCTIONS, GATES)], L.LSTM(5, activation=L.ReLU()),
                                    L.Dense(10, activation="softmax")), 1),
    "GRU functions": (lambda: rows(*[L.GRU(4, activation=name, recurrent_activation=gate, reset_after=i % 2 == 0, return_sequences=True)
                                     for i, (name, gate) in enumerate(zip(FUNCTIONS, GATES))],
                                   L.GRU(5, activation="relu", go_backwards=True), L.Dense(10, activation="softmax")), 1),
    "without effect": (lambda: rows(L.LSTM(4, unroll=True, dropout=0.1, recurrent_dropout=0.1, use_cudnn=False, trainable=False,
                                           return_sequences=True, dtype="float32", kernel_regularizer="l2"),
                                    L.GRU(4, use_cudnn="auto", seed=3), L.Dense(10, activation="softmax", dtype="float32")), 1),
    "rnn without bias": (lambda: rows(L.LSTM(5, use_bias=False), L.Dense(10, activation="softmax")), 1),
    "nested": (lambda: image(keras.Sequential([L.Conv2D(4, 3), L.MaxPooling2D()]), keras.Sequential([L.Conv2D(3, 3), L.Flatten()]),
                             L.Dense(10, activation="softmax")), 1),
}


def twice(x):
    layer = L.Dense(16)
    return L.Dense(10, activation="softmax")(layer(layer(L.Dense(16)(L.Flatten()(x)))))


def skip(x):
    a = L.Dense(16)(L.Flatten()(x))
    return L.Dense(10, activation="softmax")(L.Add()([a, L.Dense(16)(a)]))


def heads(x):
    x = L.Flatten()(x)
    return [L.Dense(10, activation="softmax")(x), L.Dense(10, activation="softmax")(x)]


REFUSED = {  # name: (model, words that the program must say)
    "strides": (lambda: image(L.Conv2D(4, 3, strides=(1, 2)), *head()), "(Conv2D): strides is [1,2]"),
    "kernel": (lambda: image(L.Conv2D(4, (3, 5)), *head()), "(Conv2D): kernel_size is [3,5]"),
    "dilation": (lambda: image(L.Conv2D(4, 3, dilation_rate=2), *head()), "(Conv2D): dilation_rate is [2,2]"),
    "groups": (lambda: keras.Sequential([keras.Input((28, 28, 2)), L.Conv2D(4, 3, groups=2), *head()]), "(Conv2D): groups is 2"),
    "channels": (lambda: image(L.Conv2D(4, 3), L.Flatten(data_format="channels_first"), L.Dense(10, activation="softmax")),
                 "(Flatten): data_format is"),
    "selu": (lambda: image(L.Conv2D(4, 3, activation="selu"), *head()), '(Conv2D): activation is "selu"'),
    "sigmoid head": (lambda: image(L.Flatten(), L.Dense(10, activation="sigmoid")), '(Dense): activation is "sigmoid"'),
    "axis": (lambda: image(L.LayerNormalization(axis=1), *head()), "(LayerNormalization): axis is"),
    "RNN selu": (lambda: rows(L.SimpleRNN(4, activation="selu"), L.Dense(10, activation="softmax")), '(SimpleRNN): activation is "selu"'),
    "LSTM gelu": (lambda: rows(L.LSTM(4, activation="gelu"), L.Dense(10, activation="softmax")), '(LSTM): activation is "gelu"'),
    "LSTM gates": (lambda: rows(L.LSTM(4, recurrent_activation="leaky_relu"), L.Dense(10, activation="softmax")),
                   '(LSTM): recurrent_activation is "leaky_relu"'),
    "stateful": (lambda: keras.Sequential([keras.Input(batch_shape=(24, 28, 28)), L.LSTM(4, stateful=True), L.Dense(10, activation="softmax")]),
                 "(LSTM): stateful is true"),
    "ReLU": (lambda: image(L.ReLU(max_value=6), *head()), "(ReLU): max_value is 6"),
    "many means": (lambda: image(L.Normalization(axis=2, mean=np.arange(28) / 28, variance=np.ones(28)), L.Conv2D(4, 3), *head()),
                   "(Normalization): it is read only where it can be folded"),
    "large means": (lambda: rows(L.Normalization(axis=2, mean=1 + np.arange(28), variance=np.full(28, 1e-9)), *head()),
                    "float32 would lose digits"),
    "BatchNormalization": (lambda: image(L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(), L.Conv2D(3, 3, padding="same"), *head()),
                           "(BatchNormalization): it is read only where it can be folded"),
    "BatchNormalization relu": (lambda: image(L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(), L.ReLU(), *head()),
                                "not before"),
    "BatchNormalization last": (lambda: image(L.Flatten(), L.Dense(10, activation="tanh"), L.BatchNormalization()), "not at the end of the model"),
    "Rescaling last": (lambda: image(*head(), L.Rescaling(2.0)), "(Rescaling): it stands behind a softmax"),
    "softmax of rows": (lambda: image(L.Flatten(), L.Dense(10), L.Reshape((2, 5)), L.Softmax(), L.Reshape((10,))), "only that of a vector"),
    "softmax of columns": (lambda: image(L.Flatten(), L.Dense(10), L.Reshape((2, 5)), L.Softmax(axis=1), L.Reshape((10,))),
                           "only that of a vector"),
    "GlobalMaxPooling2D": (lambda: keras.Sequential([keras.Input((28, 14, 1)), L.GlobalMaxPooling2D(), L.Dense(10, activation="softmax")]),
                           "only of square images"),
    "PReLU": (lambda: image(L.Conv2D(4, 3), L.PReLU(), *head()), "(PReLU): shared_axes is null"),
    "unknown class": (lambda: image(L.DepthwiseConv2D(3), *head()), "(DepthwiseConv2D): this program has no such layer"),
    "two heads": (lambda: functional(heads), "also reads layer flatten"),
    "skip": (lambda: functional(skip), "(Add)"),
    "used twice": (lambda: functional(twice), "it is used twice"),
    "dropout in inference": (lambda: functional(lambda x: L.Dense(10, activation="softmax")(L.Dropout(0.5)(L.Flatten()(x), training=True))),
                             "it is called with training=True"),
}


def run(path):
    command = [PROGRAM, "predict", path, os.path.join(FOLDER, "images.idx"), "--format", "csv"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def moved(w):
    """Other values by up to a few tenths of what a kernel of this size has: sums stay small, so that float32 holds the bound."""
    return w + np.abs(np.random.normal(0, 0.1 / np.sqrt(w[..., 0].size), w.shape)) if w.dtype.kind == "f" else w


def answers(done, name):
    """Probabilities [IMAGES, 10] that the program printed."""
    if done.returncode:
        raise SystemExit(f"{name}: exit {done.returncode}: {done.stderr}")
    return np.array([[float(row[f"p{c}"]) for c in range(10)] for row in csv.DictReader(done.stdout.splitlines())])


def make(build):
    """No weight stays as Keras begins: zeros in biases and means would hide where they go."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(8)
    model = build()
    for layer in model.layers:
        if not isinstance(layer, L.Normalization):
            layer.set_weights([moved(w) for w in layer.get_weights()])
    return model


def exported(name, path, want):
    """The program's own `.keras` file of the model: for pixels of 0..1, and loaded by Keras."""
    out = os.path.join(FOLDER, "again.keras")
    subprocess.run([PROGRAM, "export", path, "-o", out, "--force"], check=True, capture_output=True)
    model = keras.models.load_model(out)
    got = model.predict(images.reshape(-1, *model.input_shape[1:]).astype("f4") / np.float32(255), verbose=0)
    if not np.abs(got - want).max() <= BOUND:
        raise SystemExit(f"{name}: exported again it is {np.abs(got - want).max():.2e} from Keras, more than {BOUND}")


def check_read(name, build, white):
    model = make(build)
    inputs = images.reshape(-1, *model.input_shape[1:]).astype("f4") * np.float32(white / 255)
    want = model.predict(inputs, verbose=0).astype("f8")
    if name == "logits":
        want = np.exp(want) / np.exp(want).sum(1, keepdims=True)
    worst = 0
    for ending in ("keras", "h5") if name != "nested" else ("keras",):
        path = os.path.join(FOLDER, f"model.{ending}")
        model.save(path)
        done = run(path)
        worst = max(worst, np.abs(answers(done, f"{name}.{ending}") - want).max())
        if not worst <= BOUND:
            raise SystemExit(f"{name}.{ending}: {worst:.2e} from Keras, more than {BOUND}")
    exported(name, os.path.join(FOLDER, "model.keras"), want)
    print(f"{name:<24} within {worst:.1e}")


def refused(name, done, words):
    if done.returncode != 65 or words not in done.stderr:
        raise SystemExit(f"{name}: exit {done.returncode}, not 65 with '{words}': {done.stderr}")
    print(f"{name:<24} {done.stderr.strip().split('.keras: ', 1)[-1]}")


def check_state(build):
    """The optimiser's state of a file belongs to the parameters before they were changed."""
    path, run_folder = (os.path.join(FOLDER, name) for name in ("model.keras", "run"))
    for prefix in ("train", "t10k"):
        idx.write(FOLDER, f"{prefix}-images-idx3-ubyte", images)
        idx.write(FOLDER, f"{prefix}-labels-idx1-ubyte", np.arange(IMAGES) % 10)
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch((images / 255).astype("f4"), np.arange(IMAGES) % 10)
    model.save(path)
    command = [PROGRAM, "train", "--data", FOLDER, "--out", run_folder, "--quiet", "--weights", path, "--optimizer", "adam", "--epochs", "1"]
    done = subprocess.run([*command, "--optimizer-state"], capture_output=True, text=True, check=False)
    refused("the optimiser's state", done, "its parameters were changed while it was read")
    subprocess.run(command, check=True, capture_output=True)


def check_refused(name, build, words):
    path = os.path.join(FOLDER, "model.keras")
    make(build).save(path)
    refused(name, run(path), words)


# ---- hard_sigmoid of Keras 2 ----
def hard_sigmoid_2(x):
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


OLD = {  # of the function, by name or as it was
    "Dense": lambda f: image(L.Conv2D(4, 3, activation=f), L.Flatten(), L.Dense(9, activation=f), L.Dense(10, activation="softmax")),
    "Activation": lambda f: image(L.Conv2D(4, 3), L.Activation(f), *head()),
    "SimpleRNN": lambda f: rows(L.SimpleRNN(6, activation=f), L.Dense(10, activation="softmax")),
    "LSTM": lambda f: rows(L.LSTM(6, recurrent_activation=f), L.Dense(10, activation="softmax")),
    "GRU": lambda f: rows(L.GRU(6, recurrent_activation=f, return_sequences=True), L.GRU(5, activation=f, recurrent_activation=f, return_sequences=True),
                          L.GRU(4, recurrent_activation=f, reset_after=False), L.Dense(10, activation="softmax")),
}


def dated(path, version):
    """A copy of a `.keras` or `.h5` file that says it was written by this version of Keras; None: by none."""
    out = os.path.join(FOLDER, "old" + os.path.splitext(path)[1])
    shutil.copy(path, out)
    said = {"keras_version": version} if version else {}
    if path.endswith(".h5"):
        with h5py.File(out, "a") as file:
            del file.attrs["keras_version"]
            file.attrs.update(said)
        return out
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as copy:
        for name in archive.namelist():
            copy.writestr(name, json.dumps(said) if name == "metadata.json" else archive.read(name))
    return out


def check_old(name, build):
    model, twin = make(lambda: build("hard_sigmoid")), build(hard_sigmoid_2)
    twin.set_weights(model.get_weights())
    want = twin.predict(images.reshape(-1, *twin.input_shape[1:]).astype("f4") / np.float32(255), verbose=0)
    for ending in ("keras", "h5"):
        path = os.path.join(FOLDER, f"model.{ending}")
        model.save(path)
        done = run(dated(path, "2.15.0"))
        worst = np.abs(answers(done, name) - want).max()
        if not worst <= BOUND:
            raise SystemExit(f"{name} of Keras 2, .{ending}: {worst:.2e} from its function, more than {BOUND}")
        if not np.abs(answers(run(path), name) - want).max() > BOUND:
            raise SystemExit(f"{name}: the functions of Keras 2 and 3 cannot be told apart here")
        done = run(dated(path, None))
        if done.returncode != 65 or "does not say its version of Keras" not in done.stderr:
            raise SystemExit(f"{name}: exit {done.returncode}, not 65, without a version: {done.stderr}")
    exported(name, dated(os.path.join(FOLDER, "model.keras"), "2.15.0"), want)
    print(f"{name + ' of Keras 2':<24} within {worst:.1e}")


for name, build in OLD.items():
    check_old(name, build)
path = os.path.join(FOLDER, "model.keras")
make(lambda: rows(L.LSTM(6, activation="hard_sigmoid"), L.Dense(10, activation="softmax"))).save(path)
refused("LSTM cell of Keras 2", run(dated(path, "2.15.0")), "(LSTM): activation is")
for name, (build, white) in READ.items():
    check_read(name, build, white)
for name, (build, words) in REFUSED.items():
    check_refused(name, build, words)
check_state(READ["Normalization, steps"][0])
