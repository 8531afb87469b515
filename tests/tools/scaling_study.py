"""Writes a scaling study whose numbers are known, as tools/scaling.py run leaves it.

scaling_study.py FOLDER RULE [--simple]: of two models on 1 to 16 ranks x 1 thread and 1 x 2, on hosts of 8 cores,
5 repetitions. A step of p ranks takes COMPUTE / p (strong scaling) or COMPUTE (weak) and 2 ms + 1 ms log2 p of exchange. Of
these ranks the last computes 10 % longer than the others; a thread waits 20 % of the computing time of its rank.
--simple: all ranks compute alike, and the repetitions are all alike."""

import json
import math
import sys
from pathlib import Path

COMPUTE = {"cnn": 8.0, "conv2d 8 3 same relu; maxpool 2; flatten; dense 128 relu; dense 10": 16.0}
LAYOUTS = [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (1, 2)]
SIZE, REPETITIONS, STEPS, CORES = 128, 5, 20, 8
TALKING = 2.0
FACTORS = [1.00, 1.02, 0.98, 1.04, 0.96]  # of the repetitions


def compute_ms(rule, model, ranks, threads):
    return COMPUTE[model] / threads / (ranks if rule == "strong" else 1)


def talking_ms(ranks):
    return TALKING + math.log2(ranks)


def rank(number, ranks, threads, computing, step):
    waiting = step - computing
    part = {
        "compute": 0.9 * computing,
        "sum": 0.05 * computing,
        "update": 0.05 * computing,
        "prepare": 0.0,
        "send": 0.0,
        "exchange": 0.5 * waiting,
        "vote": 0.25 * waiting,
        "publish": 0.25 * waiting,
        "group": 0.0,
    } | {"step": step}
    work = computing if threads == 1 else 0.8 * computing
    return {
        "rank": number,
        "host": f"n{1 + number // CORES}",
        "cores": CORES,
        "threads": threads,
        "cpu_ms": computing,
        "work_ms": [work] * threads,
        "wait_ms": [computing - work] * threads,
        "phase_ms": {
            "forward": 0.3 * computing,
            "backward": 0.6 * computing,
            "exchange": waiting + 0.05 * computing,
            "update": 0.05 * computing,
            "other": 0.0,
        },
        "part_ms": part,
        "sample_ms": {name: [value] * STEPS for name, value in part.items()},
    }


def bench(rule, model, ranks, threads, batch, factor, simple):
    computing = factor * compute_ms(rule, model, ranks, threads)
    longest = computing * (1.0 if simple else 1.1)
    step = longest + factor * talking_ms(ranks)
    each = [longest if r == ranks - 1 else computing for r in range(ranks)]
    return {
        "mode": "training",
        "model": model,
        "dataset": "MNIST",
        "batch_size": batch,
        "hosts": -(-ranks // CORES),
        "ranks": ranks,
        "threads": threads,
        "isa": "avx2",
        "steps": STEPS,
        "warm_up_steps": 2,
        "images_per_second": batch / step * 1e3,
        "step_ms": {"total": step},
        "sampled_every": 1,
        "per_rank": [rank(r, ranks, threads, each[r], step) for r in range(ranks)],
    }


def main():
    folder, rule, simple = Path(sys.argv[1]), sys.argv[2], "--simple" in sys.argv
    points = [
        {
            "model": model,
            "size": SIZE,
            "batch": SIZE * (ranks if rule == "weak" else 1),
            "nodes": -(-ranks // CORES),
            "ranks": ranks,
            "threads": threads,
        }
        for model in COMPUTE
        for ranks, threads in LAYOUTS
    ]
    about = {
        "rule": rule,
        "points": points,
        "repetitions": REPETITIONS,
        "steps": STEPS,
        "options": ["--optimizer=sgd"],
        "launcher": "mpirun",
        "version": "mnist_dist 0.1.0",
        "machine": {"host": "n1", "processor": "Some CPU <8 cores> @ 3 GHz", "cores": CORES, "system": "Linux"},
        "base": None,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.json").write_text(json.dumps(about))
    with open(folder / "measurements.jsonl", "w", encoding="utf-8") as file:
        for repetition in range(REPETITIONS):
            for point in points:
                model, ranks, threads = point["model"], point["ranks"], point["threads"]
                factor = 1.0 if simple else FACTORS[repetition]
                value = bench(rule, model, ranks, threads, point["batch"], factor, simple)
                line = {"point": point, "repetition": repetition, "started": "2026-01-02T03:04:05+0000", "bench": value}
                file.write(json.dumps(line) + "\n")


main()
