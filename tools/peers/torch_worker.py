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

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy

from peers.protocol import Task
from peers.worker import SEED, Framework, Program, samples, serve


class LastOf(nn.Module):
    """The last output of a recurrent layer."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layer(rows)[0][:, -1]


def build(name: str) -> nn.Module:
    if name == "lstm":
        return nn.Sequential(LastOf(nn.LSTM(28, 128, batch_first=True)), nn.Linear(128, 10))
    if name == "rnn":
        return nn.Sequential(LastOf(nn.RNN(28, 128, batch_first=True)), nn.Linear(128, 10))
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def tensors(task: Task, rank: int, ranks: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """This rank's part of every batch: views of one tensor."""
    images, labels = (torch.from_numpy(array) for array in samples(task))
    labels = labels.long()
    if task.model == "cnn":
        images = images[:, None]
    if task.variant == "channels_last":
        images = images.to(memory_format=torch.channels_last)
    own = task.batch // ranks
    starts = range(rank * own, task.steps * task.batch, task.batch)
    return [(images[at : at + own], labels[at : at + own]) for at in starts]


class TorchProgram(Program):
    def __init__(self, task: Task, rank: int, ranks: int):
        torch.manual_seed(SEED)
        self.model = build(task.model)
        if task.variant == "channels_last":
            self.model.to(memory_format=torch.channels_last)
        self.batches = tensors(task, rank, ranks)
        self.initial = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.call: Any = self.model
        if ranks > 1:
            self.call = nn.parallel.DistributedDataParallel(self.model)
        elif task.variant == "compile":
            if not (os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")):
                raise RuntimeError("torch.compile needs a C++ compiler: none on PATH")
            torch._dynamo.reset()  # of an earlier task: other shapes are no reason for dynamic ones here
            self.call = torch.compile(self.model)
        self.reset()

    def reset(self) -> None:
        self.model.load_state_dict(self.initial)
        # fused: one pass over all parameters; the other implementations are seldom faster on a CPU
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)


class Training(TorchProgram):
    def step(self, batch: int) -> None:
        images, labels = self.batches[batch]
        self.optimizer.zero_grad(set_to_none=True)
        self.loss = cross_entropy(self.call(images), labels)
        self.loss.backward()
        self.optimizer.step()

    def finish(self) -> float:
        return float(self.loss.detach())


class Inference(TorchProgram):
    def step(self, batch: int) -> None:
        with torch.inference_mode():
            self.logits = self.call(self.batches[batch][0])

    def finish(self) -> float:
        return float(self.logits.sum())


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
