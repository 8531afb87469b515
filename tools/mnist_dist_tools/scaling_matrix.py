"""Which points a study has: models x batches x layouts."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from typing import Iterable, Mapping, Optional

from .errors import UsageError
from .scaling import WEAK, Point

LAYOUT = re.compile(r"([1-9]\d*)x([1-9]\d*)(?:@([1-9]\d*))?")


@dataclass(frozen=True)
class Allocation:
    """What a study may use: of SLURM's job, or of this machine, where ranks may outnumber cores."""

    tasks: int
    nodes: int
    threads: int  # of each task
    slurm: bool
    names_hosts: bool = False  # options of the launcher do

    def nodes_of(self, ranks: int) -> int:
        """Ranks fill one node after the other."""
        return max(1, -(-ranks * self.nodes // self.tasks)) if self.slurm else 1


HOST_OPTIONS = {"--host", "-host", "-H", "--hostfile", "-hostfile", "--machinefile", "-machinefile"}


def allocation(
    environment: Mapping[str, str] = os.environ, launcher_options: Iterable[str] = ()
) -> Allocation:
    if "SLURM_JOB_ID" not in environment:
        named = any(word.split("=")[0] in HOST_OPTIONS for word in launcher_options)
        return Allocation(len(os.sched_getaffinity(0)), 1, 1, False, named)
    number = {
        name: int(environment.get(name) or 1)
        for name in ("SLURM_NTASKS", "SLURM_JOB_NUM_NODES", "SLURM_CPUS_PER_TASK")
    }
    return Allocation(
        number["SLURM_NTASKS"],
        number["SLURM_JOB_NUM_NODES"],
        number["SLURM_CPUS_PER_TASK"],
        True,
    )


def doubling(most: int) -> list[int]:
    """1, 2, 4, ... and `most`."""
    powers = itertools.takewhile(lambda n: n < most, (2**i for i in itertools.count()))
    return [*powers, most]


Layout = tuple[int, int, int]  # ranks, threads, nodes


def usual_layouts(here: Allocation) -> list[Layout]:
    """All numbers of ranks that double; on one machine also one rank with all of its cores."""
    found = [(ranks, here.threads, here.nodes_of(ranks)) for ranks in doubling(here.tasks)]
    if not here.slurm and here.tasks > 1:
        found.append((1, here.tasks, 1))
    return found


def parse_layout(text: str, here: Allocation) -> Layout:
    """8x1, or 8x1@2 on two nodes."""
    match = LAYOUT.fullmatch(text)
    if not match:
        raise UsageError(f"--layouts: '{text}' is not RANKSxTHREADS or RANKSxTHREADS@NODES")
    ranks, threads = int(match[1]), int(match[2])
    return ranks, threads, int(match[3]) if match[3] else here.nodes_of(ranks)


def layouts_of(
    here: Allocation,
    layouts: Optional[list[str]] = None,
    ranks: Optional[list[int]] = None,
    threads: Optional[list[int]] = None,
    nodes: Optional[list[int]] = None,
) -> list[Layout]:
    """The layouts that were named, or all combinations of ranks, threads and nodes that have a rank on
    every node."""
    if layouts and (ranks or threads or nodes):
        raise UsageError("--layouts names whole layouts: leave out --ranks, --threads and --nodes")
    if layouts:
        found = [parse_layout(text, here) for text in layouts]
    elif ranks or threads or nodes:
        combinations = itertools.product(
            ranks or doubling(here.tasks), threads or [here.threads], nodes or [0]
        )
        found = [(r, t, n or here.nodes_of(r)) for r, t, n in combinations if n <= r]
    else:
        found = usual_layouts(here)
    found = list(dict.fromkeys(found))
    for r, t, n in found:
        if min(r, t, n) < 1 or n > r:
            raise UsageError(f"{r} ranks x {t} threads on {n} nodes: each node needs a rank")
        if here.slurm and (r > here.tasks or n > here.nodes):
            raise UsageError(
                f"{r} ranks on {n} nodes: the allocation has {here.tasks} tasks on {here.nodes} nodes"
            )
        if not here.slurm and not here.names_hosts and n > 1:
            raise UsageError(
                f"{n} nodes: several nodes need an allocation of SLURM, see jobs/, or hosts that"
                ' --launcher-options="--hostfile FILE" names'
            )
    if not found:
        raise UsageError("no layout is left: every node needs a rank")
    return found


def points_of(
    rule: str, models: Iterable[str], sizes: Iterable[int], layouts: list[Layout]
) -> list[Point]:
    """strong: each size is the batch of a step; weak: the batch of a rank."""
    found = []
    for model, size, (ranks, threads, nodes) in itertools.product(models, sizes, layouts):
        batch = size * ranks if rule == WEAK else size
        found.append(Point(model, size, batch, nodes, ranks, threads))
    return list(dict.fromkeys(found))
