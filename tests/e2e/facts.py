"""Prints what a run directory holds and what docs/reproducibility.md says is the same for every layout, one fact a line.

facts.py RUN: files by their SHA-256 where their bytes must agree, JSON and HDF5 tables without the fields of clock and place.
"""
import hashlib
import json
import pathlib
import sys

import h5py

WHOLE = ["last.weights.h5", "prev.weights.h5", "best.weights.h5", "report.txt", "confusion.csv", "predictions.csv",
         "predictions.h5"]
CLOCK = ["images_per_second", "seconds", "phase_s"]
OF_RESULT = [*CLOCK, "ranks", "threads", "isa"]
OF_CONFIG = ["threads", "out", "share", "exchange", "eval-on", "progress", "profile", "isa", "data", "resume", "resume-from",
             "accept-numerics", "audit", "checkpoint-every", "keep", "time-limit", "time-margin"]


def without(fields, text):
    return json.dumps({key: value for key, value in json.loads(text).items() if key not in fields})


def table(file, name):
    rows = file[name]
    clock = [c for c in rows.dtype.names if c in CLOCK or c.endswith(("_min_s", "_mean_s", "_max_s", "_rank"))]
    columns = [c for c in rows.dtype.names if c not in clock]
    return {column: rows[column].tolist() for column in columns}


def main(run):
    known = {*WHOLE, "config.json", "result.json", "metrics.jsonl", "metrics.h5", "trace.json", "profile.txt"}
    print("others", sorted(path.name for path in run.iterdir() if path.name not in known))
    for name in WHOLE:
        path = run / name
        print(name, hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "none")
    print("result", without(OF_RESULT, (run / "result.json").read_text()))
    print("config", without(OF_CONFIG, (run / "config.json").read_text()))
    for line in (run / "metrics.jsonl").read_text().splitlines():
        print("metrics", without(CLOCK, line))
    with h5py.File(run / "metrics.h5") as file:
        for name in ("steps", "epochs"):
            print(name, table(file, name))


main(pathlib.Path(sys.argv[1]))
