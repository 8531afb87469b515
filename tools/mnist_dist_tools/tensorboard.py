"""TensorBoard's event files, written without TensorFlow.

A file is a row of records: the length (64 bits, little-endian), its checksum, the bytes, their
checksum. The bytes are a protocol buffer of type Event. Sources:
tensorflow/core/lib/io/record_writer.h (the record), tensorflow/core/util/event.proto and
tensorflow/core/framework/summary.proto (field numbers), RFC 3720 appendix B.4 (CRC-32C)."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Iterable, Optional

import pandas as pd

from . import times
from .cli import make_folder, write_whole
from .run import Run

# Field numbers of Event, Summary and Summary.Value; the low three bits of a tag are the wire type.
WALL_TIME, STEP, FILE_VERSION, SUMMARY = 1 << 3 | 1, 2 << 3 | 0, 3 << 3 | 2, 5 << 3 | 2
VALUE = 1 << 3 | 2
TAG, SIMPLE_VALUE = 1 << 3 | 2, 2 << 3 | 5


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _bytes_field(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + _varint(len(data)) + data


def _event(seconds: float, step: int, values: Optional[dict[str, float]]) -> bytes:
    """An event of scalars; None: the event that begins a file."""
    event = bytes([WALL_TIME]) + struct.pack("<d", seconds)
    if values is None:
        return event + _bytes_field(FILE_VERSION, b"brain.Event:2")
    summary = b""
    for name, value in values.items():
        scalar = bytes([SIMPLE_VALUE]) + struct.pack("<f", value)
        summary += _bytes_field(VALUE, _bytes_field(TAG, name.encode()) + scalar)
    return event + bytes([STEP]) + _varint(step) + _bytes_field(SUMMARY, summary)


def _file(begin: float, rows: Iterable[tuple[float, int, dict[str, float]]]) -> bytes:
    parts = [_record(_event(begin, 0, None))]
    for seconds, step, values in rows:
        known = {name: value for name, value in values.items() if math.isfinite(value)}
        if known:
            parts.append(_record(_event(seconds, step, known)))
    return b"".join(parts)


def _rows(
    table: pd.DataFrame, seconds: Iterable[float], tags: dict[str, str]
) -> Iterable[tuple[float, int, dict[str, float]]]:
    for row, at in zip(table.itertuples(), seconds):
        yield at, int(row.step), {tag: float(getattr(row, column)) for column, tag in tags.items()}


def events(run: Run) -> dict[str, bytes]:
    """Event files by the name of their folder, with Keras' tags: "train" has `epoch_loss`,
    `epoch_accuracy`, and by step `batch_loss`, `batch_accuracy`, `learning_rate`,
    `images_per_second`; "validation", where there is one, `epoch_loss` and `epoch_accuracy`. The
    step of all of them is the optimiser step."""
    begin = times.begin_s(run)
    step_times, epoch_times = begin + times.step_ends_s(run), begin + times.epoch_ends_s(run)
    of_steps = {
        "loss": "batch_loss",
        "accuracy": "batch_accuracy",
        "learning_rate": "learning_rate",
        "images_per_second": "images_per_second",
    }
    of_epochs = {"loss": "epoch_loss", "accuracy": "epoch_accuracy"}
    train = [*_rows(run.steps, step_times, of_steps), *_rows(run.epochs, epoch_times, of_epochs)]
    files = {"train": _file(begin, sorted(train, key=lambda row: row[:2]))}
    if run.epochs["val_loss"].notna().any():
        of_validation = {"val_loss": "epoch_loss", "val_accuracy": "epoch_accuracy"}
        files["validation"] = _file(begin, _rows(run.epochs, epoch_times, of_validation))
    return files


def file_name(run: Run) -> str:
    """A name that TensorBoard takes for an event file; the same for the same run, so that it is
    replaced, not doubled."""
    return f"events.out.tfevents.{int(times.begin_s(run))}.mnist_dist"


def write(run: Run, folder: Path) -> list[Path]:
    """Event files below folder/train and folder/validation; their paths."""
    paths = []
    for name, data in events(run).items():
        path = make_folder(folder / name) / file_name(run)
        write_whole(path, data)
        paths.append(path)
    return paths
