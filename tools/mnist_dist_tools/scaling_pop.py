"""Why a point scales as it does: the efficiencies of the POP centre of excellence, from the spans
that `bench --per-rank` records.

They are products of each other (pop-coe.eu, "POP Standard Metrics for Parallel Performance
Analysis", and the same for "Hybrid Parallel Applications"; M. Wagner, S. Mohr, J. Gimenez, J. Labarta, "A Structured Approach to
Performance Analysis", in Tools for High Performance Computing 2017, Springer 2019; serialisation and
transfer: C. Rosas, J. Gimenez, J. Labarta, "Scalability prediction for fundamental performance
factors", Supercomputing Frontiers and Innovations 1(2), 2014):

    parallel      = mpi x openmp
    mpi           = load balance x communication        load balance = in node x over nodes
    communication = serialisation x transfer
    openmp        = openmp load balance x openmp serialisation

With W the step, U[r][t] what thread t of rank r computes in it, C[r] = W - MPI[r] what rank r does
outside of MPI; means over all threads of all ranks, for which C is their rank's:

    parallel               mean U / W
    load balance           mean C / max C
    transfer               W of a network that takes no time / W
    serialisation          max C / W of that network
    openmp                 mean U / mean C
    openmp load balance    mean U / mean of the longest U of each rank

A step on a network that takes no time is known without simulation, because its ranks wait for all
others at the same three moments (exchange, vote, publish): it is the sum of the longest parts between
them. The barrier of the ranks of a host counts for those of this host alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import BrokenRun

COMPUTING = ["compute", "sum", "update", "prepare"]
TALKING = ["send", "exchange", "vote", "publish", "group"]


def _longest(values: npt.NDArray[np.float64], hosts: list[str]) -> npt.NDArray[np.float64]:
    """For each rank the longest of its host: [ranks, steps] as the values."""
    longest = np.empty_like(values)
    names = np.array(hosts)
    for host in dict.fromkeys(hosts):
        longest[names == host] = values[names == host].max(axis=0)
    return longest


def without_network_ms(ranks: list[dict[str, Any]], sampled_every: int = 1) -> float:
    """The mean step of the samples, if moving data took no time."""
    part = {name: np.array([r["sample_ms"][name] for r in ranks], float) for name in COMPUTING}
    before = _longest(part["prepare"], [r["host"] for r in ranks])
    if sampled_every == 1:  # packed forms are made at the end of the step before
        before = np.roll(before, 1, axis=1)
    first = (before + part["compute"]).max(axis=0)
    return float((first + part["sum"].max(axis=0) + part["update"].max(axis=0)).mean())


def _busiest(outside: npt.NDArray[np.float64], threads: list[int], hosts: list[str]) -> float:
    """The mean C of the host whose mean is longest."""
    names, weights = np.array(hosts), np.array(threads)
    return max(
        float(np.average(outside[names == host], weights=weights[names == host]))
        for host in dict.fromkeys(hosts)
    )


def reasons_of(bench: dict[str, Any]) -> dict[str, Any]:
    """The columns scaling.REASONS of one measurement."""
    try:
        return _reasons_of(bench)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BrokenRun(f"bench's times of the ranks cannot be read: {error}") from error


def _reasons_of(bench: dict[str, Any]) -> dict[str, Any]:
    ranks, part = bench["per_rank"], "part_ms"
    hosts = [r["host"] for r in ranks]
    step = float(np.mean([r[part]["step"] for r in ranks]))
    outside = np.array([sum(r[part][name] for name in COMPUTING) for r in ranks])
    work = [np.array(r["work_ms"], float) for r in ranks]
    threads = [len(w) for w in work]
    mean_work = float(np.sum([w.sum() for w in work])) / sum(threads)
    mean_longest = float(np.average([w.max() for w in work], weights=threads))
    mean_outside = float(np.average(outside, weights=threads))
    most_outside, slowest = float(outside.max()), int(np.argmax(outside))
    busiest = _busiest(outside, threads, hosts)
    sampled = float(np.mean([r["sample_ms"]["step"] for r in ranks]))
    transfer = without_network_ms(ranks, bench["sampled_every"]) / sampled
    seen = [
        r["work_ms"][0] + r["wait_ms"][0] + sum(r[part][name] for name in TALKING) for r in ranks
    ]
    found: dict[str, Any] = {
        "parallel_efficiency": mean_work / step,
        "mpi_efficiency": mean_outside / step,
        "load_balance": mean_outside / most_outside,
        "load_balance_in_node": busiest / most_outside,
        "load_balance_over_nodes": mean_outside / busiest,
        "communication_efficiency": most_outside / step,
        "serialisation_efficiency": most_outside / step / transfer,
        "transfer_efficiency": transfer,
        "openmp_efficiency": mean_work / mean_outside,
        "openmp_load_balance": mean_work / mean_longest,
        "openmp_serialisation": mean_longest / mean_outside,
        "work_ms": mean_work * sum(threads),
        "explained": float(np.mean(seen)) / bench["step_ms"]["total"],
        "slowest_rank": slowest,
        "slowest_host": hosts[slowest],
    }
    for phase in ranks[0]["phase_ms"]:
        found[f"{phase}_ms"] = float(np.mean([r["phase_ms"][phase] for r in ranks]))
    return found
