"""Keras' worker, on TensorFlow or JAX as $KERAS_BACKEND says: steps as one compiled function.

On TensorFlow a tf.function, variant `jit` with XLA; on JAX a jitted function of the whole state, as Keras' guides write it.
"""
from __future__ import annotations

import argparse
import os
from typing import Any

import keras
import numpy as np

from peers.models import activation_of, has_channels, layers_of
from peers.protocol import Task
from peers.worker import SEED, Framework, Program, channels_last, samples, serve

BACKEND = os.environ["KERAS_BACKEND"]
if BACKEND == "tensorflow":
    import tensorflow as tf
else:
    import jax


LAYERS = {
    "conv2d": lambda w: keras.layers.Conv2D(int(w[1]), int(w[2]), padding="same" if "same" in w else "valid"),
    "maxpool": lambda w: keras.layers.MaxPooling2D(int(w[1])),
    "avgpool": lambda w: keras.layers.AveragePooling2D(int(w[1])),
    "flatten": lambda w: keras.layers.Flatten(),
    "dense": lambda w: keras.layers.Dense(int(w[1])),
    "dropout": lambda w: keras.layers.Dropout(float(w[1])),
    "simple_rnn": lambda w: keras.layers.SimpleRNN(int(w[1])),
    "lstm": lambda w: keras.layers.LSTM(int(w[1])),
    "gru": lambda w: keras.layers.GRU(int(w[1])),
}
POLICIES = {"f32": "float32", "bf16": "mixed_bfloat16"}


def build(task: Task) -> keras.Model:
    """The loss takes logits of either precision as float32."""
    keras.config.set_dtype_policy(POLICIES[task.precision])
    layers = []
    for words in layers_of(task.model):
        layers.append(LAYERS[words[0]](words))
        if kind := activation_of(words):
            layers[-1].activation = keras.activations.get(kind)
    return keras.Sequential([keras.Input((28, 28, 1) if has_channels(task.model) else (28, 28)), *layers])


def batches(task: Task) -> list[tuple[Any, Any]]:
    images, labels = samples(task)
    images = channels_last(images, task)
    place = tf.constant if BACKEND == "tensorflow" else jax.numpy.asarray
    starts = range(0, task.steps * task.batch, task.batch)
    return [(place(images[at : at + task.batch]), place(labels[at : at + task.batch])) for at in starts]


class KerasProgram(Program):
    """The model, its optimizer with its state, and what both start from."""

    def __init__(self, task: Task):
        keras.utils.set_random_seed(SEED)
        self.task = task
        self.model = build(task)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.optimizer = keras.optimizers.Adam(1e-3)
        self.optimizer.build(self.model.trainable_variables)
        self.batches = batches(task)
        self.variables = [*self.model.variables, *self.optimizer.variables]
        self.initial = [np.array(variable) for variable in self.variables]
        self.training = task.mode == "training"
        self.compile(task)
        self.reset()

    def logits(self, weights: str, images: np.ndarray) -> np.ndarray:
        self.model.load_weights(weights)
        return keras.ops.convert_to_numpy(self.model(channels_last(images, self.task), training=False)).astype(np.float32)


class TensorFlowProgram(KerasProgram):
    def compile(self, task: Task) -> None:
        def train(images: Any, labels: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = self.loss(labels, self.model(images, training=True))
            weights = self.model.trainable_variables
            self.optimizer.apply(tape.gradient(loss, weights), weights)
            return loss

        def predict(images: Any, _: Any) -> Any:
            return self.model(images, training=False)

        step = train if self.training else predict
        self.function = tf.function(step, jit_compile=task.variant == "jit")

    def reset(self) -> None:
        for variable, value in zip(self.variables, self.initial):
            variable.assign(value)

    def step(self, batch: int) -> None:
        self.value = self.function(*self.batches[batch])

    def finish(self) -> float:
        return float(np.sum(self.value.numpy()))


class JaxProgram(KerasProgram):
    def compile(self, _: Task) -> None:
        def loss_of(weights: Any, others: Any, images: Any, labels: Any) -> Any:
            logits, others = self.model.stateless_call(weights, others, images, training=True)
            return self.loss(labels, logits), others

        def train(state: Any, images: Any, labels: Any) -> Any:
            weights, others, optimizer = state
            gradient = jax.value_and_grad(loss_of, has_aux=True)
            (loss, others), gradients = gradient(weights, others, images, labels)
            weights, optimizer = self.optimizer.stateless_apply(optimizer, gradients, weights)
            return (weights, others, optimizer), loss

        def predict(state: Any, images: Any, _: Any) -> Any:
            return state, self.model.stateless_call(state[0], state[1], images, training=False)[0]

        # The state's memory is given away to the step that makes the next one.
        self.function = jax.jit(train, donate_argnums=0) if self.training else jax.jit(predict)

    def reset(self) -> None:
        parts = self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.variables
        initial = {id(variable): value for variable, value in zip(self.variables, self.initial)}
        self.state = tuple([jax.numpy.array(initial[id(variable)]) for variable in part] for part in parts)
        self.values: list[Any] = []

    def step(self, batch: int) -> None:
        self.state, value = self.function(self.state, *self.batches[batch])
        self.values.append(value)  # predictions do not depend on each other: each must be waited for

    def finish(self) -> float:
        jax.block_until_ready((self.state, self.values))
        last, self.values = self.values[-1], []
        return float(np.sum(last))


class Keras(Framework):
    def __init__(self, threads: int):
        self.versions = {"keras": keras.__version__}
        if BACKEND == "tensorflow":
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
            self.versions["tensorflow"] = tf.__version__
        else:  # XLA takes the cores of the affinity mask
            self.versions["jax"] = jax.__version__

    def program(self, task: Task) -> Program:
        return TensorFlowProgram(task) if BACKEND == "tensorflow" else JaxProgram(task)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    serve(Keras(parser.parse_args().threads))


main()
