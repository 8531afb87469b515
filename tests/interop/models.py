"""The program's models in Keras, layer by layer from their words, and the ways to compare them with a file.

A new kind of layer is a row of KINDS.
"""
import keras
import numpy as np

import rows

PRESETS = {
    "cnn": "conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; maxpool 2; flatten; dense 128 relu; dense 10",
    "mlp": "flatten; dense 128 relu; dense 10",
    "rnn": "simple_rnn 128; dense 10",
    "lstm": "lstm 128; dense 10",
    "lenet5": "conv2d 6 5 same tanh; avgpool 2; conv2d 16 5 tanh; avgpool 2; flatten; "
    "dense 120 tanh; dense 84 tanh; dense 10",
}
STEPS = ("simple_rnn", "lstm", "gru")  # read an image row by row
DRAWN = ("dropout", "spatial_dropout", "gaussian_noise")  # draw other numbers in Keras


def option(words, name, default):
    return int(words[words.index(name) + 1]) if name in words else default


def window(words, stride):
    return {"strides": option(words, "stride", stride), "padding": "same" if "same" in words else "valid"}


def slope(words):
    """leaky_relu [SLOPE]"""
    after = words[words.index("leaky_relu") + 1 :]
    return keras.layers.LeakyReLU(negative_slope=float(after[0])) if after else keras.layers.LeakyReLU()


class PReLU(keras.layers.PReLU):
    """A slope for each channel, whatever the rank of the input."""

    def build(self, input_shape):
        self.shared_axes = list(range(1, len(input_shape) - 1)) or None
        super().build(input_shape)


def activation(words):
    """The layers that the activation word of a conv2d or dense layer stands for: [] without."""
    return [KINDS[word](words)[0] for word in ACTIVATIONS if word in words]


def conv2d(words):
    return [keras.layers.Conv2D(int(words[1]), int(words[2]), **window(words, 1)), *activation(words)]


def pool(kind, words):
    return [kind(int(words[1]), **window(words, int(words[1])))]


def recurrent(kind, words):
    """[activation FUNCTION] [gates FUNCTION] [reset_before]; hand over what is not Keras' default alone."""
    more = {"reset_after": False} if "reset_before" in words else {}
    for word, argument in (("activation", "activation"), ("gates", "recurrent_activation")):
        if word in words:
            more[argument] = words[words.index(word) + 1]
    return [kind(int(words[1]), return_sequences="sequence" in words, go_backwards="backwards" in words, **more)]


ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "elu", "hard_sigmoid")
KINDS = {  # word: function of the layer's words that gives Keras' layers
    "conv2d": conv2d,
    "maxpool": lambda words: pool(keras.layers.MaxPooling2D, words),
    "flatten": lambda words: [keras.layers.Flatten()],
    "dense": lambda words: [keras.layers.Dense(int(words[1])), *activation(words)],
    "simple_rnn": lambda words: recurrent(keras.layers.SimpleRNN, words),
    "lstm": lambda words: recurrent(keras.layers.LSTM, words),
    "gru": lambda words: recurrent(keras.layers.GRU, words),
    "avgpool": lambda words: pool(keras.layers.AveragePooling2D, words),
    "global_avgpool": lambda words: [keras.layers.GlobalAveragePooling2D()],
    "relu": lambda words: [keras.layers.Activation("relu")],
    "leaky_relu": lambda words: [slope(words)],
    "tanh": lambda words: [keras.layers.Activation("tanh")],
    "sigmoid": lambda words: [keras.layers.Activation("sigmoid")],
    "elu": lambda words: [keras.layers.ELU()],
    "hard_sigmoid": lambda words: [keras.layers.Activation("hard_sigmoid")],
    "gelu": lambda words: [keras.layers.Activation("gelu")],
    "prelu": lambda words: [PReLU()],
    "dropout": lambda words: [keras.layers.Dropout(float(words[1]))],
    "spatial_dropout": lambda words: [keras.layers.SpatialDropout2D(float(words[1]))],
    "gaussian_noise": lambda words: [keras.layers.GaussianNoise(float(words[1]))],
    "rescaling": lambda words: [keras.layers.Rescaling(*map(float, words[1:]))],
    "layer_norm": lambda words: [keras.layers.LayerNormalization()],
}
rows.check(KINDS, "tests/interop/models.py")


def chain(spec):
    """Keras' layers of a spec or a preset; the last one gives logits."""
    layers = []
    for text in PRESETS.get(spec, spec).split(";"):
        words = text.split()
        layers += KINDS[words[0]](words)
    return layers


def reads_steps(spec):
    return PRESETS.get(spec, spec).split()[0] in STEPS


def build(spec, image=(28, 28, 1)):
    """Gives probabilities. A first layer that reads an image row by row gets [H,W], not [H,W,1]."""
    image = image[:2] if reads_steps(spec) else image
    return keras.Sequential([keras.Input(image), *chain(spec), keras.layers.Softmax()])


def load(model, optimizer, path):
    """Weights and, since the optimizer is built, its state too."""
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    model.load_weights(path)


def same_bits(what, keras_value, file_value):
    a, b = np.asarray(keras_value), np.asarray(file_value)
    if a.shape != b.shape or a.astype(b.dtype).tobytes() != b.tobytes():
        raise SystemExit(f"{what}: Keras holds other values than the file")


def compare_weights(model, h5):
    """Every variable of every layer equals the file's dataset to the bit; returns the number of parameters."""
    parameters = 0
    used = {}
    for layer in model.layers:
        key = keras.src.utils.naming.to_snake_case(type(layer).__name__)
        number = used[key] = used.get(key, -1) + 1
        key = f"{key}_{number}" if number else key
        cell = "/cell" if hasattr(layer, "cell") else ""
        for i, variable in enumerate(layer.weights):
            path = f"/layers/{key}{cell}/vars/{i}"
            same_bits(path, variable.value, h5[path][()])
            parameters += variable.value.size
    return parameters


def compare_optimizer(model, h5):
    variables = model.optimizer.variables
    if len(variables) != len(h5["/optimizer/vars"]):
        raise SystemExit("the optimizer has another number of variables than the file")
    for i, variable in enumerate(variables):
        path = f"/optimizer/vars/{i}"
        same_bits(f"{path} ({variable.path})", variable.value, h5[path][()])
