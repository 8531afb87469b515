"""Checks the files of a finished run against each other, and the report against scikit-learn's.

run_directory.py RUN STEPS EPOCHS: STEPS an epoch. Exit status 1, and what is wrong, where they do not agree.
"""
import csv
import json
import pathlib
import sys

import h5py
import numpy as np
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix

KEYS = """model dataset parameters epochs train_samples validation_samples test_samples train_loss train_accuracy
validation_loss validation_accuracy test_loss test_accuracy best_epoch best_test_accuracy images_per_second seconds ranks
threads isa precision gemm reduce seed parameters_digest numerics weights step""".split()
STEP = ["epoch", "step", "loss", "accuracy", "learning_rate", "images_per_second"]
EPOCH = ["epoch", "step", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "images_per_second", "phase_s"]
PHASES = ["forward", "backward", "exchange", "update", "other"]


def must(true, what):
    if not true:
        sys.exit(what)


def read_jsonl(path):
    text = path.read_text()
    must(text.endswith("\n"), f"{path}: metrics.jsonl has a torn last line")
    return [json.loads(line) for line in text.splitlines()]


def check_result(run, epochs):
    result = json.loads((run / "result.json").read_text())
    must(list(result)[: len(KEYS)] == KEYS, f"result.json: keys {list(result)}")
    must(result["epochs"] == epochs and 1 <= result["best_epoch"] <= epochs, f"result.json: epochs {result}")
    must(result["train_samples"] + result["validation_samples"] == 3000, "result.json: samples")
    must(len(bytes.fromhex(result["parameters_digest"])) == 16, "result.json: digest")
    must(result["seconds"] > 0 and result["images_per_second"] > 0, "result.json: clock")
    return result


def check_metrics(run, result, steps, epochs):
    records = read_jsonl(run / "metrics.jsonl")
    step = [r for r in records if r["kind"] == "step"]
    epoch = [r for r in records if r["kind"] == "epoch"]
    must([r["step"] for r in step] == list(range(1, steps * epochs + 1)), "metrics.jsonl: steps")
    must([r["epoch"] for r in step] == [1 + i // steps for i in range(steps * epochs)], "metrics.jsonl: epochs of steps")
    must([(r["epoch"], r["step"]) for r in epoch] == [(e, e * steps) for e in range(1, epochs + 1)], "metrics.jsonl: epochs")
    must(all(list(r)[1:] == STEP for r in step) and all(list(r)[1:] == EPOCH for r in epoch), "metrics.jsonl: fields")
    must(all(list(r["phase_s"]) == PHASES for r in epoch), "metrics.jsonl: phases")
    for r in epoch:
        for name, p in r["phase_s"].items():
            must(0 <= p["min"] <= p["mean"] <= p["max"] and 0 <= p["rank"] < result["ranks"], f"metrics.jsonl: {name} {p}")
        mean = np.mean([s["loss"] for s in step if s["epoch"] == r["epoch"]])  # batches are equal here
        must(abs(mean - r["loss"]) < 1e-6, f"metrics.jsonl: loss of epoch {r['epoch']}")
    last = {"train_loss": "loss", "train_accuracy": "accuracy", "validation_loss": "val_loss",
            "validation_accuracy": "val_accuracy"}
    must(all(result[key] == epoch[-1][column] for key, column in last.items()), "result.json: the last epoch's figures")
    best = min(epoch, key=lambda r: r["val_loss"])["epoch"]
    must(result["best_epoch"] == best, f"result.json: best epoch {result['best_epoch']}, not {best}")
    return step, epoch


def check_tables(run, step, epoch):
    with h5py.File(run / "metrics.h5") as file:
        for name, columns, records in (("steps", STEP, step), ("epochs", EPOCH[:-1], epoch)):
            rows = file[name][()]
            must(len(rows) == len(records), f"metrics.h5: {len(rows)} {name}")
            for column in columns:
                values = np.array([r[column] for r in records], float)
                must(np.allclose(rows[column], values, rtol=1e-6), f"metrics.h5: {name}.{column}")


def check_checkpoints(run, result, steps, epochs):
    for name, epoch in (("last", epochs), ("prev", epochs - 1), ("best", result["best_epoch"])):
        with h5py.File(run / f"{name}.weights.h5") as file:
            count = sum(v.size for layer in file["layers"].values() for v in layer["vars"].values())
            must(count == result["parameters"], f"{name}.weights.h5: {count} parameters")
            must(file["optimizer/vars/0"][()] == epoch * steps, f"{name}.weights.h5: iteration")
            state = json.loads(file["mnist_dist"].attrs["state"])
            must((state["epoch"], state["step"]) == (epoch, epoch * steps), f"{name}.weights.h5: position")
            must(len(state["history"]) == epoch, f"{name}.weights.h5: history")
            text = json.dumps(state) + str(file["mnist_dist"].attrs["configuration"])
            must(not any(word in text for word in ("second", "threads", "ranks", str(run))), f"{name}.weights.h5: clock, place")


def check_report(run, result):
    with open(run / "predictions.csv", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    must([int(r["index"]) for r in rows] == list(range(result["test_samples"])), "predictions.csv: index")
    truth, predicted = ([int(r[key]) for r in rows] for key in ("true", "predicted"))
    must(all(0.1 <= float(r["probability"]) <= 1 for r in rows), "predictions.csv: probability")
    with open(run / "confusion.csv", encoding="ascii") as file:
        counts = [[int(v) for v in row[1:]] for row in list(csv.reader(file))[1:]]
    must((confusion_matrix(truth, predicted) == counts).all(), "confusion.csv: not that of predictions.csv")
    must(abs(accuracy_score(truth, predicted) - result["test_accuracy"]) < 1e-12, "result.json: test accuracy")
    theirs = classification_report(truth, predicted, digits=4, zero_division=0)
    ours, _, place = (run / "report.txt").read_text().rpartition("\nweights: ")
    must(ours.rstrip() == theirs.rstrip(), f"report.txt: scikit-learn has\n{theirs}")
    must(place == f"last ({result['epochs']} epochs, step {result['step']})\n", f"report.txt: weights: {place}")


def check_probabilities(run, result):
    with open(run / "predictions.csv", encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    with h5py.File(run / "predictions.h5") as file:
        p, labels, predicted = (file[name][()] for name in ("probabilities", "labels", "predicted"))
    must(p.dtype == np.float32 and labels.dtype == predicted.dtype == np.uint8, "predictions.h5: types")
    must(p.shape == (len(rows), 10) and np.allclose(p.sum(axis=1), 1, atol=1e-5), "predictions.h5: probabilities")
    must([int(r["true"]) for r in rows] == labels.tolist(), "predictions.h5: labels")
    must([int(r["predicted"]) for r in rows] == predicted.tolist(), "predictions.h5: predicted")
    own = p[np.arange(len(p)), predicted]
    must((own == p.max(axis=1)).all(), "predictions.h5: an answer is not the largest")
    must([r["probability"] for r in rows] == [f"{x:.6f}" for x in own], "predictions.h5: probability")
    loss = -np.log(p[np.arange(len(p)), labels].astype(float)).mean()
    must(abs(loss - result["test_loss"]) < 1e-5, f"predictions.h5: loss {loss}, not {result['test_loss']}")
    report, _, _ = (run / "report.txt").read_text().rpartition("\nweights: ")
    must(classification_report(labels, predicted, digits=4, zero_division=0).rstrip() == report.rstrip(),
         "predictions.h5: report.txt is of other answers")


def main(run, steps, epochs):
    result = check_result(run, epochs)
    step, epoch = check_metrics(run, result, steps, epochs)
    check_tables(run, step, epoch)
    check_checkpoints(run, result, steps, epochs)
    check_report(run, result)
    check_probabilities(run, result)
    json.loads((run / "config.json").read_text())


main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
