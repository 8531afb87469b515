"""exports.py RUN FOLDER LOG: TensorBoard's files in FOLDER and MLPerf's lines in LOG hold the run.

The readers share no code with the writers: the checksum is worked out bit by bit, messages are
taken apart by their wire types.
"""

import json
import pathlib
import struct
import sys

import numpy as np
import pandas as pd


def must(true, what):
    if not true:
        sys.exit(f"FAILED: {what}")


# ---- TensorBoard ----


def crc32c(data):
    """By its polynomial, bit by bit."""
    crc = 0xFFFFFFFF
    for bit in (byte >> i & 1 for byte in data for i in range(8)):
        crc = (crc >> 1) ^ (0x82F63B78 if (crc ^ bit) & 1 else 0)
    return crc ^ 0xFFFFFFFF


def checksum(data):
    """As TensorFlow masks it."""
    crc = crc32c(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)


def records(data):
    while data:
        head, (length,) = data[:8], struct.unpack("<Q", data[:8])
        body = data[12 : 12 + length]
        good = data[8:12] == checksum(head) and data[12 + length : 16 + length] == checksum(body)
        must(good, "TensorBoard: a checksum is wrong")
        yield body
        data = data[16 + length :]


def varint(data):
    value = shift = 0
    for i, byte in enumerate(data):
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, data[i + 1 :]
    sys.exit("FAILED: a number without an end")


def message(data):
    """Field numbers and values of a protocol buffer."""
    while data:
        tag, data = varint(data)
        kind = tag & 7
        if kind == 0:
            value, data = varint(data)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, data = varint(data)
            value, data = data[:size], data[size:]
            value = struct.unpack({1: "<d", 5: "<f"}[kind], value)[0] if kind in (1, 5) else value
        yield tag >> 3, value


def scalars(folder):
    """{tag: [(step, value, seconds), ...]} of the only file in the folder."""
    files = list(folder.iterdir())
    must(len(files) == 1, f"{folder}: {len(files)} files")
    found, first = {}, True
    for record in records(files[0].read_bytes()):
        event = dict(message(record))
        if first:
            must(event[3] == b"brain.Event:2", "TensorBoard: the first event is no version")
            first = False
            continue
        for field, value in message(event[5]):
            scalar = dict(message(value))
            found.setdefault(scalar[1].decode(), []).append((event[2], scalar[2], event[1]))
    return found


def same(found, tag, steps, values):
    got = np.array([row[:2] for row in found[tag]])
    expected = np.column_stack([steps, np.asarray(values, np.float32)])
    must(np.array_equal(got, expected), f"TensorBoard: {tag} differs")


def check_tensorboard(folder, steps, epochs):
    must(crc32c(b"123456789") == 0xE3069283, "the checksum's known value")
    train, validation = scalars(folder / "train"), scalars(folder / "validation")
    for tag, column in (("batch_loss", "loss"), ("batch_accuracy", "accuracy")):
        same(train, tag, steps["step"], steps[column])
    for tag in ("learning_rate", "images_per_second"):
        same(train, tag, steps["step"], steps[tag])
    for tag, column in (("epoch_loss", "loss"), ("epoch_accuracy", "accuracy")):
        same(train, tag, epochs["step"], epochs[column])
        same(validation, tag, epochs["step"], epochs[f"val_{column}"])
    times = np.diff([row[2] for row in train["batch_loss"]])
    must((times > 0).all() and abs(times.sum() - epochs["seconds"].sum()) < 1, "TensorBoard: times")


# ---- MLPerf ----


def check_mllog(path, epochs, result):
    entries = []
    for line in path.read_text().splitlines():
        must(line.startswith(":::MLLOG {"), f"no line of a log: {line[:40]}")
        entries.append(json.loads(line[9:]))
    fields = {"namespace", "time_ms", "event_type", "key", "value", "metadata"}
    must(all(set(e) == fields for e in entries), "MLLOG: fields")
    must((np.diff([e["time_ms"] for e in entries]) >= 0).all(), "MLLOG: the order of times")
    by_key = {}
    for entry in entries:
        by_key.setdefault(entry["key"], []).append(entry)
    for begin, end in (("init_start", "init_stop"), ("run_start", "run_stop")):
        must(len(by_key[begin]) == len(by_key[end]) == 1, f"MLLOG: {begin}")
    for begin, end in (("epoch_start", "epoch_stop"), ("eval_start", "eval_stop")):
        for key, kind in ((begin, "INTERVAL_START"), (end, "INTERVAL_END")):
            numbers = [e["metadata"]["epoch_num"] for e in by_key.get(key, [])]
            must(numbers == list(epochs["epoch"]), f"MLLOG: {begin} and {end} of epochs {numbers}")
            must(all(e["event_type"] == kind for e in by_key[key]), f"MLLOG: {key} is no {kind}")
    got = [e["value"] for e in by_key["eval_accuracy"]]
    must(got == list(epochs["val_accuracy"]), "MLLOG: accuracy")
    must(by_key["run_stop"][0]["metadata"]["status"] == "success", "MLLOG: status")
    must(by_key["global_batch_size"][0]["value"] == 50, "MLLOG: batch size")
    must(by_key["train_samples"][0]["value"] == result["train_samples"], "MLLOG: samples")


def main(run, folder, log):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps, epochs = (pd.DataFrame([r for r in lines if r["kind"] == k]) for k in ("step", "epoch"))
    check_tensorboard(folder, steps, epochs)
    check_mllog(log, epochs, json.loads((run / "result.json").read_text()))


main(*map(pathlib.Path, sys.argv[1:]))
