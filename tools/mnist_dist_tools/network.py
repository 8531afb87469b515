"""A trained model in NumPy: what each layer answers to an image. For looking inside, not for speed.

A model is a chain of layers in the program's words, such as "conv2d 32 3 relu; maxpool 2; flatten;
dense 10"; its parameters lie in a checkpoint under the names that Keras gives to the layers. The
last layer's answer is a softmax: probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import ndtr

from .errors import MissingInput

Array = npt.NDArray[np.float32]

# word of the program: (Keras' name of the layer, names of its tensors in the file's order)
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "conv2d": ("conv2d", ("kernel", "bias")),
    "dense": ("dense", ("kernel", "bias")),
    "simple_rnn": ("simple_rnn", ("kernel", "recurrent_kernel", "bias")),
    "lstm": ("lstm", ("kernel", "recurrent_kernel", "bias")),
    "gru": ("gru", ("kernel", "recurrent_kernel", "bias")),
    "layer_norm": ("layer_normalization", ("gamma", "beta")),
    "maxpool": ("max_pooling2d", ()),
    "avgpool": ("average_pooling2d", ()),
    "global_avgpool": ("global_average_pooling2d", ()),
    "flatten": ("flatten", ()),
    "dropout": ("dropout", ()),
    "relu": ("re_lu", ()),
    "leaky_relu": ("leaky_re_lu", ()),
    "tanh": ("activation", ()),
    "sigmoid": ("activation", ()),
    "elu": ("elu", ()),
    "hard_sigmoid": ("activation", ()),
    "gelu": ("activation", ()),
    "prelu": ("p_re_lu", ("alpha",)),
    "spatial_dropout": ("spatial_dropout2d", ()),
    "gaussian_noise": ("gaussian_noise", ()),
    "rescaling": ("rescaling", ()),
}
LEAKY_SLOPE = 0.3  # unless the model says otherwise
NORM_EPSILON = 1e-3


@dataclass
class Layer:
    """One layer: `word` and `operands` as in the model's text, `name` as in the file, `tensors` by
    name."""

    word: str
    operands: list[str]
    name: str
    tensors: dict[str, Array] = field(default_factory=dict)


def layers_of(spec: str) -> list[Layer]:
    """The layers of a model's text, without their tensors."""
    layers: list[Layer] = []
    used: dict[str, int] = {}
    for phrase in spec.split(";"):
        words = phrase.split()
        if not words or words[0] not in KINDS:
            raise MissingInput(f"'{phrase.strip()}' is no layer that is known here")
        stem = KINDS[words[0]][0]
        number = used[stem] = used.get(stem, -1) + 1
        layers.append(Layer(words[0], words[1:], f"{stem}_{number}" if number else stem))
    return layers


# ---- activations ----


def _sigmoid(x: Array) -> Array:
    return (0.5 * (1 + np.tanh(0.5 * x))).astype(np.float32)


def _leaky_relu(x: Array, slope: float = LEAKY_SLOPE) -> Array:
    return np.where(x > 0, x, np.float32(slope) * x)


# Word of an activation: its function of x and of the numbers behind the word.
ACTIVATIONS: dict[str, Callable[..., Array]] = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": _leaky_relu,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / np.float32(6),
}
NO_ACTIVATIONS = ("same", "valid", "stride", "sequence")  # the other words among operands


def _activation(layer: Layer, x: Array) -> Array:
    """The activation among the layer's words, if there is one. An unknown word is an error, not the identity."""
    operands = list(layer.operands)
    words = ([layer.word] if layer.word in ACTIVATIONS else []) + operands
    for at, word in enumerate(words):
        if word in ACTIVATIONS:
            return ACTIVATIONS[word](x, *map(float, words[at + 1 :]))
        if word[:1].isalpha() and word not in NO_ACTIVATIONS:
            raise KeyError(f"the activation {word} is not known here")
    return x


def softmax(x: Array) -> Array:
    """Probabilities [N, classes] of the last layer's sums [N, classes]."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# ---- layers: [N, ...] in, [N, ...] out ----


def _window(layer: Layer, x: Array, size: int, stride: int, fill: float) -> Array:
    """Windows [N, P, Q, C, size, size] of images [N, H, W, C]; `same` pads as TensorFlow does, with
    `fill`."""
    if "stride" in layer.operands:
        stride = int(layer.operands[layer.operands.index("stride") + 1])
    if "same" in layer.operands:
        pads = []
        for side in x.shape[1:3]:
            more = max((-(-side // stride) - 1) * stride + size - side, 0)
            pads.append((more // 2, more - more // 2))
        x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    return sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]


def _conv2d(layer: Layer, x: Array) -> Array:
    windows = _window(layer, x, int(layer.operands[1]), 1, 0)
    sums = np.einsum("npqcij,ijcf->npqf", windows, layer.tensors["kernel"], optimize=True)
    return _activation(layer, sums + layer.tensors["bias"])


def _maxpool(layer: Layer, x: Array) -> Array:
    size = int(layer.operands[0])
    return _window(layer, x, size, size, -np.inf).max(axis=(-2, -1))


def _avgpool(layer: Layer, x: Array) -> Array:
    size = int(layer.operands[0])
    return np.nanmean(_window(layer, x, size, size, np.nan), axis=(-2, -1), dtype=np.float32)


def _dense(layer: Layer, x: Array) -> Array:
    return _activation(layer, x @ layer.tensors["kernel"] + layer.tensors["bias"])


def _sequence(x: Array) -> Array:
    """Rows of images [N, H, W, C] as steps [N, H, W C]."""
    return x.reshape(*x.shape[:2], -1) if x.ndim == 4 else x


def _function(layer: Layer, word: str, otherwise: str) -> Callable[..., Array]:
    """The function behind this word among the layer's operands."""
    operands = layer.operands
    name = operands[operands.index(word) + 1] if word in operands else otherwise
    return (lambda x: x) if name == "linear" else ACTIVATIONS[name]


def _recurrent(
    layer: Layer, x: Array, step: Callable[[Array, tuple[Array, ...]], tuple[Array, ...]]
) -> Array:
    """Runs `step` over the rows; the first of its states is the answer."""
    x, units = _sequence(x), int(layer.operands[0])
    blank = np.zeros((len(x), units), np.float32)
    states: tuple[Array, ...] = (blank, blank)
    answers = []
    rows = range(x.shape[1])
    for t in reversed(rows) if "backwards" in layer.operands else rows:
        states = step(x[:, t], states)
        answers.append(states[0])
    return np.stack(answers, axis=1) if "sequence" in layer.operands else answers[-1]


def _simple_rnn(layer: Layer, x: Array) -> Array:
    kernel, recurrent, bias = layer.tensors.values()
    act = _function(layer, "activation", "tanh")
    return _recurrent(layer, x, lambda row, s: (act(row @ kernel + s[0] @ recurrent + bias), s[1]))


def _lstm(layer: Layer, x: Array) -> Array:
    kernel, recurrent, bias = layer.tensors.values()
    act, gate = _function(layer, "activation", "tanh"), _function(layer, "gates", "sigmoid")

    def step(row: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        i, f, g, o = np.split(row @ kernel + states[0] @ recurrent + bias, 4, axis=-1)
        cell = gate(f) * states[1] + gate(i) * act(g)
        return gate(o) * act(cell), cell

    return _recurrent(layer, x, step)


def _gru(layer: Layer, x: Array) -> Array:
    kernel, recurrent, bias = layer.tensors.values()
    act, gate = _function(layer, "activation", "tanh"), _function(layer, "gates", "sigmoid")
    resets_first = "reset_before" in layer.operands
    of_input, of_state = (bias, np.zeros_like(bias)) if resets_first else (bias[0], bias[1])

    def step(row: Array, states: tuple[Array, ...]) -> tuple[Array, ...]:
        h = states[0]
        z, r, n = np.split(row @ kernel + of_input, 3, axis=-1)
        of_z, of_r, of_n = np.split(h @ recurrent + of_state, 3, axis=-1)
        z, r = gate(z + of_z), gate(r + of_r)
        more = (r * h) @ np.split(recurrent, 3, axis=-1)[2] if resets_first else r * of_n
        candidate = act(n + more)
        return z * h + (1 - z) * candidate, states[1]

    return _recurrent(layer, x, step)


def _rescaling(layer: Layer, x: Array) -> Array:
    scale, offset = (np.float32(word) for word in [*layer.operands, "0"][:2])
    return x * scale + offset


def _layer_norm(layer: Layer, x: Array) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(NORM_EPSILON))
    return layer.tensors["gamma"] * centred / deviation + layer.tensors["beta"]


FORWARD: dict[str, Callable[[Layer, Array], Array]] = {
    "conv2d": _conv2d,
    "maxpool": _maxpool,
    "avgpool": _avgpool,
    "global_avgpool": lambda layer, x: x.mean(axis=(1, 2)),
    "flatten": lambda layer, x: x.reshape(len(x), -1),
    "dense": _dense,
    "simple_rnn": _simple_rnn,
    "lstm": _lstm,
    "gru": _gru,
    "layer_norm": _layer_norm,
    "rescaling": _rescaling,
    "dropout": lambda layer, x: x,  # these three do nothing but in training
    "spatial_dropout": lambda layer, x: x,
    "gaussian_noise": lambda layer, x: x,
    "relu": _activation,
    "leaky_relu": _activation,
    "tanh": _activation,
    "sigmoid": _activation,
    "elu": _activation,
    "hard_sigmoid": _activation,
    "gelu": lambda layer, x: (x * ndtr(x)).astype(np.float32),
    "prelu": lambda layer, x: np.where(x > 0, x, layer.tensors["alpha"] * x),
}


def pixels_of(images: npt.NDArray[np.uint8]) -> Array:
    """The network's input [N, H, W, C], 0 to 1, of images [N, H, W] or [N, H, W, C] of bytes."""
    channels = images[..., None] if images.ndim == 3 else images
    return (channels / np.float32(255)).astype(np.float32)


class Network:
    """A chain of layers with their tensors."""

    def __init__(self, layers: list[Layer]):
        self.layers = layers

    def answers(self, images: npt.NDArray[np.uint8]) -> list[Array]:
        """What each layer gives for images [N, H, W] of bytes: one array [N, ...] a layer, the last
        one probabilities."""
        x = pixels_of(images)
        answers = []
        for layer in self.layers:
            x = FORWARD[layer.word](layer, x)
            answers.append(x)
        answers[-1] = softmax(x)
        return answers

    def hidden(self, images: npt.NDArray[np.uint8]) -> Array:
        """The input of the last layer: what the network has made of the images [N, features]."""
        return self.answers(images)[-2].reshape(len(images), -1)
