"""A run directory as pandas and NumPy objects; also one that is still being written."""

from __future__ import annotations

import csv
import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any, Iterable, Iterator, Optional, Union

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from . import idx, network, predictions
from .errors import BrokenRun, MissingInput, ToolError
from .history import History
from .predictions import Predictions

PathLike = Union[str, "os.PathLike[str]"]
LARGEST_TRACE = 200 << 20  # bytes; reading a larger one takes gigabytes of memory


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingInput(f"{path}: not there: has the run come so far?") from error
    except (OSError, ValueError) as error:
        raise BrokenRun(f"{path}: cannot be read ({error})") from error
    if not isinstance(value, dict):
        raise BrokenRun(f"{path}: no JSON object")
    return value


class Run:
    """A run directory. Files are read when they are first asked for; `refresh()` takes in what was
    written since.

    Everything that the run has not written yet raises MissingInput, everything damaged BrokenRun;
    both say what and why in one line."""

    def __init__(self, path: PathLike):
        self.path = Path(path)
        if not self.path.is_dir():
            raise MissingInput(f"{path}: no such folder: name a run directory")
        if not (self.path / "config.json").is_file():
            raise MissingInput(f"{path}: no run directory: it has no config.json")
        self._history = History(self.path / "metrics.jsonl")
        self._history.refresh()

    def __repr__(self) -> str:
        state = "complete" if self.complete else "not complete"
        return f"<Run {self.path}: {len(self.epochs)} of {self.settings['epochs']} epochs, {state}>"

    @property
    def name(self) -> str:
        return self.path.resolve().name

    def refresh(self) -> bool:
        """Reads what was added to the record; True where anything was. Other files are read anew
        when next asked for."""
        changed = self._history.refresh()
        cached = [k for k, v in vars(type(self)).items() if isinstance(v, cached_property)]
        for key in cached:
            self.__dict__.pop(key, None)
        return changed

    # ---- settings and figures ----

    @cached_property
    def settings(self) -> dict[str, Any]:
        """config.json: every setting, by its option's name without the dashes in front. Paths are
        written as `idx.path_of` reads them."""
        path = self.path / "config.json"
        value = _read_json(path)
        if not {"model", "data", "epochs", "batch-size"} <= set(value):
            raise BrokenRun(f"{path}: no settings of a run")
        return {name: v for name, v in value.items() if name != "dataset"}

    @cached_property
    def dataset(self) -> dict[str, Any]:
        """What config.json says of the data: `name`, `digest`, `shape`, `files` and more. Empty for
        a run of an older version."""
        value = _read_json(self.path / "config.json").get("dataset", {})
        return value if isinstance(value, dict) else {}

    @cached_property
    def last_result(self) -> Optional[dict[str, Any]]:
        """result.json; None before there is one. A run that goes on keeps that of its earlier end:
        see `result`."""
        path = self.path / "result.json"
        if not path.is_file():
            return None
        value = _read_json(path)
        wanted = {"model", "dataset", "epochs", "test_accuracy", "parameters_digest"}
        if not wanted <= set(value):
            raise BrokenRun(f"{path}: no result of a run: {', '.join(sorted(wanted - set(value)))}")
        return value

    def leave_result_out(self) -> None:
        """Until refresh(), the run is taken as one without result.json, because that is damaged."""
        self.__dict__["last_result"] = None

    @property
    def complete(self) -> bool:
        """The run came to its end, and does not go on."""
        result = self.last_result
        if result is None or result["epochs"] != len(self.epochs):
            return False
        last_step = int(self.steps["step"].iloc[-1]) if len(self.steps) else 0
        last_epoch = int(self.epochs["step"].iloc[-1]) if len(self.epochs) else 0
        return last_step == last_epoch or last_step == self.settings.get("max-steps")

    @property
    def result(self) -> dict[str, Any]:
        """The figures of the run's end; MissingInput before."""
        if not self.complete or self.last_result is None:
            raise MissingInput(f"{self.path}: the run has not come to its end yet: no result")
        return self.last_result

    @property
    def class_names(self) -> list[str]:
        """A name for each class, the digits where the data set names none."""
        for known in (self.last_result or {}, self.dataset):
            if known.get("class_names"):
                return [str(name) for name in known["class_names"]]
        if (self.path / "confusion.csv").is_file():
            return self._confusion_names
        return [str(c) for c in range(self.classes)]

    @property
    def classes(self) -> int:
        """How many; from the checkpoint."""
        return int(self.state["data_shape"][-1])

    # ---- history ----

    @property
    def steps(self) -> pd.DataFrame:
        """A row for each optimiser step so far: `epoch`, `step` (both from 1), `loss` and
        `accuracy` of its batch alone, `learning_rate`, `images_per_second`; `parameters_digest`
        where digests were taken."""
        return self._history.steps

    @property
    def epochs(self) -> pd.DataFrame:
        """A row for each complete epoch: `epoch`, `step`, `loss` and `accuracy` (means over its
        batches), `val_loss`, `val_accuracy` (NaN without a validation set), `seconds`,
        `images_per_second`."""
        return self._history.epochs

    @property
    def phases(self) -> pd.DataFrame:
        """Seconds by `epoch` and `phase`: `min_s`, `mean_s`, `max_s` over ranks, and `rank`, the
        slowest."""
        return self._history.phases

    # ---- the test set ----

    @cached_property
    def predictions(self) -> Predictions:
        """Answers to the test set, by the last weights. From predictions.h5, with the probabilities
        of all classes, or else from predictions.csv, with each answer's own alone."""
        if (self.path / "predictions.h5").is_file():
            return self._predictions_h5(self.path / "predictions.h5")
        path = self.path / "predictions.csv"
        if not path.is_file():
            raise MissingInput(f"{path}: not there: the test set comes at the end of a run")
        try:
            table = pd.read_csv(path)
            columns = [table[name].to_numpy() for name in ("predicted", "probability", "true")]
            predicted, probability, true = columns
            answers = Predictions(
                predicted.astype(np.int64),
                probability.astype(float),
                self.class_names,
                true.astype(np.int64),
            )
        except (OSError, KeyError, ValueError) as error:
            raise BrokenRun(f"{path}: no predictions ({error})") from error
        self._check_classes(path, answers)
        return answers

    def _predictions_h5(self, path: Path) -> Predictions:
        try:
            with h5py.File(path) as file:
                probabilities = file["probabilities"][()].astype(np.float32)
                labels = file["labels"][()].astype(np.int64)
        except (OSError, KeyError, ValueError) as error:
            raise BrokenRun(f"{path}: no predictions ({error})") from error
        if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
            shapes = f"{probabilities.shape} and {labels.shape}"
            raise BrokenRun(f"{path}: probabilities and labels have shapes {shapes}")
        answers = predictions.of_probabilities(probabilities, labels, self.class_names)
        self._check_classes(path, answers)
        return answers

    def _check_classes(self, path: Path, answers: Predictions) -> None:
        classes = len(answers.class_names)
        for values in (answers.predicted, answers.need_labels()):
            if len(values) and not 0 <= values.min() <= values.max() < classes:
                raise BrokenRun(f"{path}: a class is outside of 0 to {classes - 1}")

    @cached_property
    def _confusion_rows(self) -> list[list[str]]:
        path = self.path / "confusion.csv"
        if not path.is_file():
            raise MissingInput(f"{path}: not there: the test set comes at the end of a run")
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return list(csv.reader(file))
        except (OSError, ValueError) as error:
            raise BrokenRun(f"{path}: cannot be read ({error})") from error

    @property
    def _confusion_names(self) -> list[str]:
        rows = self._confusion_rows
        return rows[0][1:] if rows else []

    @property
    def confusion(self) -> pd.DataFrame:
        """confusion.csv: images of the test set by true class (rows) and answer (columns)."""
        names = self.class_names
        try:
            matrix = np.array([[int(cell) for cell in row[1:]] for row in self._confusion_rows[1:]])
            if not names or matrix.shape != (len(names), len(names)) or (matrix < 0).any():
                raise ValueError(f"shape {matrix.shape} for {len(names)} classes")
        except ValueError as error:
            raise BrokenRun(
                f"{self.path / 'confusion.csv'}: no confusion matrix ({error})"
            ) from error
        return predictions.confusion_frame(matrix, names)

    # ---- the data ----

    def data(self, split: str = "test") -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Images [N, H, W], or [N, H, W, C] in colour, bytes 0 to 255, and labels [N] of the run's data set: `split` is "test"
        or "train" (which includes the validation part, at its end). Relative paths count from where
        you are, or else from the run's parents."""
        named = self.settings["data"]
        if named == "synthetic" and not Path(named).is_dir():
            raise MissingInput(
                "the built-in digits are drawn by the program, there is no file to read them from"
            )
        reason = "no folder of the data set was found"
        known = self._known_labels() if split == "test" else None
        for folder in self._places(named):
            try:
                images, labels = idx.read_split(folder, split, self.dataset.get("files") or ())
                if known is None or np.array_equal(known, labels):
                    return images, labels
                reason = f"{folder}: is another data set than the run's: its test labels differ"
            except ToolError as error:
                reason = str(error)
        raise MissingInput(reason)

    def _places(self, named: str) -> Iterator[Path]:
        for folder in idx.folders(named):
            yield folder
            if not folder.is_absolute():
                yield from (parent / folder for parent in self.path.resolve().parents)

    def _known_labels(self) -> Optional[npt.NDArray[np.int64]]:
        """Those of the test set; None before it was tested."""
        try:
            return self.predictions.labels
        except MissingInput:
            return None

    # ---- weights ----

    def checkpoint(self, which: str = "last") -> Path:
        """The path of "last", "best", "prev", or of a step that --keep kept ("step-00001000")."""
        path = self.path / f"{which}.weights.h5"
        if not path.is_file():
            raise MissingInput(f"{path}: not there: has the run written a checkpoint?")
        return path

    @cached_property
    def state(self) -> dict[str, Any]:
        """Where the last checkpoint stands: `epoch`, `step`, `model_spec`, `data_shape` ([H, W, classes], in colour [H, W, C,
        classes]) and more."""
        path = self.checkpoint()
        try:
            with h5py.File(path) as file:
                state = json.loads(file["mnist_dist"].attrs["state"])
            if not isinstance(state["model_spec"], str) or len(state["data_shape"]) not in (3, 4):
                raise ValueError("no model")
            return state
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise BrokenRun(f"{path}: no checkpoint ({error})") from error

    def weights(self, which: str = "last") -> dict[str, dict[str, npt.NDArray[np.float32]]]:
        """Parameters by layer and tensor, in the model's order and with Keras' names and shapes:
        for example weights()["conv2d"]["kernel"] is [3, 3, 1, 32]. Layers without parameters are
        left out."""
        return {layer.name: layer.tensors for layer in self.network(which).layers if layer.tensors}

    def network(self, which: str = "last") -> network.Network:
        """The model with these weights, to ask what its layers answer."""
        path = self.checkpoint(which)
        layers = network.layers_of(self.state["model_spec"])
        try:
            with h5py.File(path) as file:
                for layer in layers:
                    names = network.KINDS[layer.word][1]
                    if not names:
                        continue
                    group = file[f"layers/{layer.name}"]
                    variables = group["cell/vars" if "cell" in group else "vars"]
                    layer.tensors = {n: variables[str(i)][()] for i, n in enumerate(names)}
        except (OSError, KeyError) as error:
            raise BrokenRun(f"{path}: lacks weights of the model ({error})") from error
        return network.Network(layers)

    # ---- profile ----

    @cached_property
    def profile(self) -> pd.DataFrame:
        """trace.json (of --profile): a row for each span of time: `rank`, `thread`, `phase`,
        `start_s`, `seconds`, `step` (0 outside of steps). Spans nest: "step" holds the phases of
        the step."""
        path = self.path / "trace.json"
        if not path.is_file():
            raise MissingInput(f"{path}: not there: only --profile records one")
        if path.stat().st_size > LARGEST_TRACE:
            raise MissingInput(f"{path}: larger than {LARGEST_TRACE >> 20} MB: open it in Perfetto")
        try:
            spans = [
                (
                    e["pid"],
                    e["tid"],
                    e["name"],
                    e["ts"] / 1e6,
                    e["dur"] / 1e6,
                    e.get("args", {}).get("step", 0),
                )
                for e in _read_json(path)["traceEvents"]
                if e["ph"] == "X"
            ]
        except (KeyError, TypeError) as error:
            raise BrokenRun(f"{path}: no trace ({error!r})") from error
        columns = ["rank", "thread", "phase", "start_s", "seconds", "step"]
        return pd.DataFrame(spans, columns=columns)


def open_runs(paths: Iterable[PathLike]) -> list[Run]:
    """Several run directories, for example `open_runs(Path("runs").glob("cnn-*"))`."""
    return [Run(path) for path in paths]


def history_of(runs: Iterable[Run]) -> pd.DataFrame:
    """The epochs of several runs in one table, with the column `run`, the folder's name."""
    return pd.concat([run.epochs.assign(run=run.name) for run in runs], ignore_index=True)
