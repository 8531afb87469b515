"""PyTorch's worker: eager, channels_last and torch.compile; with --ranks, DistributedDataParallel over gloo.

Rank 0 speaks with the race and starts the others, as torchrun would, but inside its own session, so that all ranks end
when the session is ended.
"""
from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import shutil
import subprocess
import sys
from typing import Any

import h5py
import numpy as np
import torch
import torch._inductor.config
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy

from peers.models import activation_of, has_channels, layers_of
from peers.protocol import Task
from peers.reference import weights_of
from peers.worker import SEED, Framework, Program, full_batches, samples, serve


class LastOf(nn.Module):
    """The last output of a recurrent layer."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layer(rows)[0][:, -1]


class Rounded(nn.Module):
    """A model that is bf16 altogether, for float32 images."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model.bfloat16()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images.bfloat16())


def recurrent(kind: type[nn.RNNBase], words: list[str]) -> nn.Module:
    return LastOf(kind(28, int(words[1]), batch_first=True))


LAYERS = {
    "conv2d": lambda w: nn.LazyConv2d(int(w[1]), int(w[2]), padding="same" if "same" in w else 0),
    "maxpool": lambda w: nn.MaxPool2d(int(w[1])),
    "avgpool": lambda w: nn.AvgPool2d(int(w[1])),
    "flatten": lambda w: nn.Flatten(),
    "dense": lambda w: nn.LazyLinear(int(w[1])),
    "dropout": lambda w: nn.Dropout(float(w[1])),
    "simple_rnn": lambda w: recurrent(nn.RNN, w),
    "lstm": lambda w: recurrent(nn.LSTM, w),
    "gru": lambda w: recurrent(nn.GRU, w),
}
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


def build(name: str) -> nn.Module:
    modules = []
    for words in layers_of(name):
        modules.append(LAYERS[words[0]](words))
        if kind := activation_of(words):
            modules.append(ACTIVATIONS[kind]())
    model = nn.Sequential(*modules)
    model(torch.zeros((1, 1, 28, 28) if has_channels(name) else (1, 28, 28)))  # the lazy layers learn their inputs
    return model


def as_linear(arrays: list[np.ndarray], channels: int) -> list[np.ndarray]:
    """Keras' dense layer; channels > 0: of images that were flattened with their channels last, here first."""
    kernel, bias = arrays
    if channels:
        side = round((len(kernel) // channels) ** 0.5)
        kernel = kernel.reshape(side, side, channels, -1).transpose(2, 0, 1, 3).reshape(len(kernel), -1)
    return [kernel.T, bias]


def as_recurrent(arrays: list[np.ndarray], order: list[int]) -> list[np.ndarray]:
    """Keras' gates in PyTorch's order, and a second bias."""
    kernel, state_kernel, bias = arrays
    biases = bias if bias.ndim == 2 else [bias, np.zeros_like(bias)]
    rows = [kernel.T, state_kernel.T, *biases]
    return [np.concatenate([np.split(row, len(order))[i] for i in order]) for row in rows]


READERS = {  # PyTorch's layer: its group in Keras' file, and how PyTorch holds the arrays
    nn.Conv2d: ("conv2d", lambda arrays, _: [arrays[0].transpose(3, 2, 0, 1), arrays[1]]),
    nn.Linear: ("dense", as_linear),
    nn.RNN: ("simple_rnn", lambda arrays, _: as_recurrent(arrays, [0])),
    nn.LSTM: ("lstm", lambda arrays, _: as_recurrent(arrays, [0, 1, 2, 3])),
    nn.GRU: ("gru", lambda arrays, _: as_recurrent(arrays, [1, 0, 2])),
}


def load(model: nn.Module, path: str) -> None:
    """The weights of a Keras file."""
    used: dict[str, int] = {}
    channels = 0
    with h5py.File(path) as file, torch.no_grad():
        for module in model.modules():
            if type(module) not in READERS:
                continue
            stem, read = READERS[type(module)]
            number = used[stem] = used.get(stem, -1) + 1
            group = file[f"layers/{stem}_{number}" if number else f"layers/{stem}"]
            group = group["cell/vars" if isinstance(module, nn.RNNBase) else "vars"]
            arrays = read([group[str(i)][()] for i in range(len(group))], channels)
            for parameter, array in zip(module.parameters(), arrays, strict=True):
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)))
            channels = module.out_channels if isinstance(module, nn.Conv2d) else 0


def shaped(images: np.ndarray, task: Task) -> torch.Tensor:
    tensor = torch.from_numpy(images)
    if has_channels(task.model):
        tensor = tensor[:, None]
    return tensor.to(memory_format=torch.channels_last) if task.variant == "channels_last" else tensor


def tensors(task: Task, rank: int, ranks: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """This rank's part of every batch: views of one tensor."""
    arrays = samples(task)
    images, labels = shaped(arrays[0], task), torch.from_numpy(arrays[1]).long()
    own = task.batch // ranks
    starts = range(rank * own, task.steps * task.batch, task.batch)
    return [(images[at : at + own], labels[at : at + own]) for at in starts]


def compiled(model: nn.Module) -> Any:
    if not (os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")):
        raise RuntimeError("torch.compile needs a C++ compiler: none on PATH")
    torch._dynamo.reset()  # of an earlier task: other shapes are no reason for dynamic ones here
    return torch.compile(model)


class TorchProgram(Program):
    def __init__(self, task: Task, rank: int, ranks: int):
        torch.manual_seed(SEED)
        self.task = task
        self.model = build(task.model)
        if task.variant == "channels_last":
            self.model.to(memory_format=torch.channels_last)
        self.batches = tensors(task, rank, ranks)

    def autocast(self) -> Any:
        return torch.autocast("cpu", torch.bfloat16, enabled=self.task.precision == "bf16")

    def logits(self, weights: str, images: np.ndarray) -> np.ndarray:
        load(self.model, weights)
        self.model.eval()
        with torch.no_grad(), self.autocast():
            return self.model(shaped(images, self.task)).float().numpy()


class Training(TorchProgram):
    def __init__(self, task: Task, rank: int, ranks: int):
        super().__init__(task, rank, ranks)
        self.initial = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.call: Any = self.model
        if ranks > 1:
            self.call = nn.parallel.DistributedDataParallel(self.model)
        elif task.variant == "compile":
            self.call = compiled(self.model)
        self.reset()

    def reset(self) -> None:
        self.model.load_state_dict(self.initial)
        self.model.train()
        # fused: one pass over all parameters; the other implementations are seldom faster on a CPU
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)

    def step(self, batch: int) -> None:
        images, labels = self.batches[batch]
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast():
            self.loss = cross_entropy(self.call(images), labels)
        self.loss.backward()
        self.optimizer.step()

    def finish(self) -> float:
        return float(self.loss.detach())


class Inference(TorchProgram):
    """Weights stay as they are: those of the reference. Compiled, they are constants."""

    def __init__(self, task: Task, rank: int, ranks: int):
        super().__init__(task, rank, ranks)
        load(self.model, weights_of(task.reference))
        self.model.eval()
        network = Rounded(self.model) if task.precision == "bf16" else self.model
        torch._inductor.config.freezing = True
        self.call = compiled(network) if task.variant == "compile" else network

    def logits(self, weights: str, images: np.ndarray) -> np.ndarray:
        """Of the program that is timed, batch by batch: compiled with its constants, it takes no other weights."""
        assert weights == weights_of(self.task.reference)
        with torch.no_grad():
            parts = [self.call(shaped(part, self.task)) for part in full_batches(images, self.task.batch)]
        return torch.cat(parts).float().numpy()[: len(images)]

    def reset(self) -> None:
        pass

    def step(self, batch: int) -> None:
        with torch.no_grad():
            self.outputs = self.call(self.batches[batch][0])

    def finish(self) -> float:
        return float(self.outputs.sum())


class Torch(Framework):
    def __init__(self, rank: int, ranks: int, threads: int):
        self.rank, self.ranks = rank, ranks
        torch.set_num_threads(threads)
        self.versions = {"torch": torch.__version__}

    def program(self, task: Task) -> Program:
        kind = Training if task.mode == "training" else Inference
        return kind(task, self.rank, self.ranks)

    def share(self, value: Any) -> Any:
        if self.ranks == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def largest(self, value: float) -> float:
        if self.ranks == 1:
            return value
        tensor = torch.tensor(value)
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return float(tensor)

    def leads(self) -> bool:
        return self.rank == 0


def start_ranks(options: argparse.Namespace) -> list[subprocess.Popen[bytes]]:
    """Ranks 1 and up, with this one's options."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(options.store)  # of ranks that were ended: these would look for them
    return [
        subprocess.Popen(
            [sys.executable, "-m", "peers.torch_worker", *sys.argv[1:], "--rank", str(rank)],
            stdin=subprocess.DEVNULL, stdout=sys.stderr,
        )
        for rank in range(1, options.ranks)
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--store", help="the file by which the ranks find each other")
    options = parser.parse_args()
    framework = Torch(options.rank, options.ranks, options.threads)
    if options.ranks == 1:
        serve(framework)
        return
    others = start_ranks(options) if framework.leads() else []
    # Ranks wait for the next command while others race: as long as it takes.
    patience = datetime.timedelta(days=1)
    store = f"file://{os.path.abspath(options.store)}"
    dist.init_process_group("gloo", store, rank=options.rank, world_size=options.ranks, timeout=patience)
    serve(framework)
    dist.destroy_process_group()
    for process in others:
        process.wait()


main()
