"""The numbers of a scaling study, against numbers that were worked out by hand."""

import copy
import math

import pandas as pd
from mnist_dist_tools import scaling, scaling_pop
from mnist_dist_tools.errors import BrokenRun, UsageError


def near(found, wanted):
    assert math.isclose(found, wanted, rel_tol=1e-9), (found, wanted)


def rank(number, host, work, wait, samples=1, **parts):
    part = dict.fromkeys(scaling_pop.COMPUTING + scaling_pop.TALKING, 0.0) | parts
    part["step"] = sum(part.values())
    return {
        "rank": number,
        "host": host,
        "work_ms": work,
        "wait_ms": wait,
        "phase_ms": {"forward": 1.0 + number, "backward": 3.0},
        "part_ms": part,
        "sample_ms": {name: [value] * samples for name, value in part.items()},
    }


def bench(*ranks, total=10.0):
    return {"per_rank": list(ranks), "sampled_every": 1, "step_ms": {"total": total}}


def efficiencies():
    one = rank(0, "a", [7, 5], [1, 3], compute=6.0, sum=1.0, update=1.0, send=0.5, exchange=0.5, vote=0.5, publish=0.5)
    two = rank(1, "b", [6, 4], [0, 2], compute=4.0, sum=2.0, exchange=3.0, vote=0.5, publish=0.5)
    found = scaling_pop.reasons_of(bench(one, two))
    wanted = {
        "parallel_efficiency": 0.55,  # mean of 7, 5, 6, 4, of 10
        "mpi_efficiency": 0.7,  # mean of 8 and 6, of 10
        "load_balance": 7 / 8,
        "load_balance_in_node": 1,
        "load_balance_over_nodes": 7 / 8,
        "communication_efficiency": 0.8,
        "transfer_efficiency": 0.9,  # 6 + 2 + 1, of 10
        "serialisation_efficiency": 8 / 9,
        "openmp_efficiency": 5.5 / 7,
        "openmp_load_balance": 5.5 / 6.5,  # longest threads: 7 and 6
        "openmp_serialisation": 6.5 / 7,
        "work_ms": 22,
        "explained": 1,
        "forward_ms": 1.5,
    }
    for name, value in wanted.items():
        near(found[name], value)
    assert (found["slowest_rank"], found["slowest_host"]) == (0, "a"), found
    for whole, parts in (
        ("parallel_efficiency", ("mpi_efficiency", "openmp_efficiency")),
        ("mpi_efficiency", ("load_balance", "communication_efficiency")),
        ("load_balance", ("load_balance_in_node", "load_balance_over_nodes")),
        ("communication_efficiency", ("serialisation_efficiency", "transfer_efficiency")),
        ("openmp_efficiency", ("openmp_load_balance", "openmp_serialisation")),
    ):
        near(found[whole], math.prod(found[part] for part in parts))
    near(scaling_pop.reasons_of(bench(one, two, total=12.5))["explained"], 0.8)
    broken = copy.deepcopy(bench(one, two))
    del broken["per_rank"][1]["part_ms"]["vote"]
    try:
        scaling_pop.reasons_of(broken)
    except BrokenRun as error:
        assert "vote" in str(error), error
    else:
        raise AssertionError("a record without a part was read")


def hosts_wait_for_their_own_ranks():
    ranks = [
        rank(0, "a", [1], [0], samples=3, compute=1.0, prepare=2.0),
        rank(1, "a", [1], [0], samples=3, compute=3.0, prepare=1.0),
        rank(2, "b", [1], [0], samples=3, compute=4.0, prepare=0.0),
    ]
    near(scaling_pop.without_network_ms(ranks), 5)  # 2 + 3 on host a, 0 + 4 on host b
    # the slowest rank changes from step to step: each step has its own maximum
    ranks[0]["sample_ms"]["compute"] = [1.0, 9.0, 1.0]
    near(scaling_pop.without_network_ms(ranks), (5 + 11 + 5) / 3)
    # packed forms are those of the step before
    ranks[0]["sample_ms"]["prepare"] = [2.0, 2.0, 7.0]
    near(scaling_pop.without_network_ms(ranks), (7 + 3 + 11 + 5) / 3)


def rows(model, size, batch, ranks, threads, steps, **more):
    return [
        {"model": model, "size": size, "batch": batch, "nodes": 1, "ranks": ranks, "threads": threads}
        | {"repetition": number, "step_ms": step, "cores": 2}
        | more
        for number, step in enumerate(steps)
    ]


def strong_scaling():
    table = rows("cnn", 128, 128, 1, 1, [12, 10, 11, 10, 30], work_ms=10.0, parallel_efficiency=0.9)
    table += rows("cnn", 128, 128, 2, 1, [6, 6, 6, 6, 6], work_ms=10.5, parallel_efficiency=0.8)
    table += rows("cnn", 128, 128, 4, 1, [5, 5, 5, 6], work_ms=12.5, parallel_efficiency=0.5)
    points = scaling.Study(scaling.STRONG, pd.DataFrame(table)).points
    one, two, four = (points.loc[i] for i in range(3))
    assert list(points["layout"]) == ["1x1", "2x1", "4x1"] and list(points["base"]) == [True, False, False]
    assert list(points["oversubscribed"]) == [False, False, True], points["oversubscribed"]
    near(one["step_ms"], 11)
    # of five values drawn from five, the median is the largest in 5.8 % of the cases, and the least likewise
    assert (one["step_ms_low"], one["step_ms_high"]) == (10, 30), one
    assert (one["speedup"], one["speedup_low"], one["speedup_high"]) == (1, 1, 1), one
    near(two["speedup"], 11 / 6)
    near(two["speedup_low"], 10 / 6)
    near(two["speedup_high"], 30 / 6)
    near(two["efficiency"], 11 / 12)
    near(two["images_per_second"], 128 / 6e-3)
    near(two["computation_scalability"], 10 / 10.5)
    near(two["global_efficiency"], 10 / 10.5 * 0.8)
    near(four["step_ms"], 5)
    assert four["repetitions"] == 4 and (four["step_ms_low"], four["step_ms_high"]) == (5, 6), four


def weak_scaling():
    table = rows("lstm", 100, 100, 1, 1, [10] * 5, work_ms=9.0, parallel_efficiency=0.9)
    table += rows("lstm", 100, 400, 4, 1, [12.5] * 5, work_ms=45.0, parallel_efficiency=0.9)
    table += rows("lstm", 200, 800, 4, 1, [20] * 5, work_ms=80.0, parallel_efficiency=0.9)
    study = scaling.Study(scaling.WEAK, pd.DataFrame(table))
    assert list(study.points["base"]) == [True, False, True], "each size is a series of its own"
    four = study.points.loc[1]
    near(four["speedup"], 3.2)
    near(four["efficiency"], 0.8)
    near(four["computation_scalability"], 0.8)
    named = scaling.Study(scaling.WEAK, pd.DataFrame(table[:10]), base="4x1").points
    assert list(named["base"]) == [False, True]
    near(named.loc[0, "speedup"], 1 / 3.2)
    near(named.loc[0, "efficiency"], 4 / 3.2)
    try:
        _ = scaling.Study(scaling.WEAK, pd.DataFrame(table[:10]), base="3x1").points
    except UsageError as error:
        assert "1x1 4x1" in str(error), error
    else:
        raise AssertionError("a base case that is not there was taken")


efficiencies()
hosts_wait_for_their_own_ranks()
strong_scaling()
weak_scaling()
