"""The models of the race as chains of layers, in the words of mnist_dist's --model: every worker builds its own from them."""
from __future__ import annotations

CHAINS = {
    "cnn": "conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; maxpool 2; flatten; dense 128 relu; dense 10",
    "lstm": "lstm 128; dense 10",
    "rnn": "simple_rnn 128; dense 10",
    "gru": "gru 128; dense 10",
    "mlp": "flatten; dense 128 relu; dense 10",
    "lenet5": "conv2d 6 5 same tanh; avgpool 2; conv2d 16 5 tanh; avgpool 2; flatten; dense 120 tanh; dense 84 tanh; dense 10",
    "strong": "conv2d 32 3 relu; conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; conv2d 64 3 relu; maxpool 2; flatten; "
    "dense 256 relu; dropout 0.5; dense 10",
}


def layers_of(name: str) -> list[list[str]]:
    """The words of each layer."""
    return [layer.split() for layer in CHAINS[name].split(";")]


def has_channels(name: str) -> bool:
    """Its input is images with an axis of channels; that of recurrent layers is rows of pixels."""
    return layers_of(name)[0][0] not in ("lstm", "simple_rnn", "gru")


def is_convolutional(name: str) -> bool:
    return layers_of(name)[0][0] == "conv2d"


def activation_of(words: list[str]) -> str | None:
    return next((word for word in words if word in ("relu", "tanh")), None)
