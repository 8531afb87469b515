"""Starts mnist_dist: train, predict, evaluate, and its other commands; builds it where it is missing."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Optional, Union

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import idx, predictions
from .errors import STOPPED, MissingInput, ProgramFailed, UsageError
from .live import Screen, screen_of
from .predictions import Predictions
from .run import PathLike, Run

HOME = Path(__file__).resolve().parents[2]  # this project's folder, except where it is installed
LOOK_EVERY_S = 0.5
LEAST_SHM = (
    128 << 20
)  # bytes: containers often have 64 MB in /dev/shm, and Open MPI dies on a full one
LONGEST_TMPDIR = 40  # characters: Open MPI's sockets lie below it, and a socket's path may have 107


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found on the test set: `loss` (mean cross-entropy), `accuracy` (0 to 1),
    `confusion` (images by true class and answer), and the digest of the parameters."""

    model: str
    dataset: str
    samples: int
    loss: float
    accuracy: float
    parameters_digest: str
    confusion: pd.DataFrame


# ---- the command line ----


def _is_program(name: Optional[PathLike]) -> bool:
    return bool(name) and os.path.isfile(name) and os.access(name, os.X_OK)


def find_program(given: Optional[PathLike] = None) -> str:
    """The path of mnist_dist: `given`, or else $MNIST_DIST, or else this project's release build, or
    else the first on the PATH. A program that was named and is not there is an error."""
    named = os.environ.get("MNIST_DIST")
    if given is not None and not _is_program(given):
        raise MissingInput(f"{given}: no such program")
    if given is None and named and not _is_program(named):
        raise MissingInput(f"{named}: no such program; the variable MNIST_DIST names it")
    for name in (given, named, HOME / "build/release/mnist_dist", shutil.which("mnist_dist")):
        if _is_program(name):
            return os.fspath(name)
    raise MissingInput(
        "mnist_dist was not found: build it with prepare() or tools/quickstart.sh --build-only, or"
        " give its path as program=..., or in the variable MNIST_DIST"
    )


def prepare() -> str:
    """Makes the program and the data set ready where they are missing, and returns the path of the
    program.

    Runs tools/quickstart.sh --build-only: it installs packages (Debian and Ubuntu, as root or with
    sudo), builds the program, and gets the data. It prints what it does, and takes a minute or two.
    Raises MissingInput where the program or a data set is missing after that."""
    script = HOME / "tools/quickstart.sh"
    try:
        program = find_program()
    except MissingInput:
        if os.environ.get("MNIST_DIST") or not script.is_file():
            raise
        program = ""
    if not (program and idx.is_there()) and script.is_file():
        code = subprocess.run([script, "--build-only"], check=False).returncode
        if code:
            raise ProgramFailed(f"{script} ended with exit code {code}: see what it printed", code)
    if not idx.is_there():
        raise MissingInput(
            "no data set was found: put the four files of MNIST into data/mnist, or name their"
            " folder in the variable MNIST_DIR"
        )
    return find_program()


def options_of(settings: dict[str, Any]) -> list[str]:
    """Keywords as options: batch_size=64 is --batch-size=64, profile=True is --profile,
    shuffle=False is --shuffle=no."""
    words = []
    for key, value in settings.items():
        name = "--" + key.replace("_", "-")
        if name == "--shuffle":
            words.append(f"{name}={'yes' if value in (True, 'yes') else 'no'}")
        elif value is True:
            words.append(name)
        elif value is not False and value is not None:
            words.append(f"{name}={value}")
    return words


def environment() -> dict[str, str]:
    """What Open MPI wants on this machine; for the program alone."""
    environment = dict(os.environ)
    if os.geteuid() == 0:
        environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free < LEAST_SHM:
        environment["OMPI_MCA_btl_vader_backing_directory"] = "/tmp"
    if len(environment.get("TMPDIR", "")) > LONGEST_TMPDIR:
        environment["TMPDIR"] = "/tmp"
    return environment


def find_launcher() -> str:
    """mpirun of Open MPI, where another MPI is installed too."""
    launcher = shutil.which("mpirun.openmpi") or shutil.which("mpirun")
    if not launcher:
        raise MissingInput("mpirun was not found: it starts more than one rank")
    return launcher


def _command(program: Optional[PathLike], ranks: int, words: list[str]) -> list[str]:
    if ranks < 1:
        raise UsageError(f"ranks={ranks}: at least one is needed")
    command = [find_program(program), *words]
    if ranks == 1:
        return command
    return [find_launcher(), "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *command]


def failure(code: int, errors: str) -> ProgramFailed:
    """The program's own line, without what mpirun says of it."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("mnist_dist: ")]
    text = own[-1] if own else lines[-1] if lines else "mnist_dist said nothing"
    return ProgramFailed(f"{text} (exit code {code})", code)


def output_of(command: list[str]) -> str:
    """What a program printed. Raises ProgramFailed where it ends with an error."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        raise failure(done.returncode, done.stderr)
    return done.stdout


def command(*words: PathLike, program: Optional[PathLike] = None) -> str:
    """Runs one of the other commands, and returns what it printed: for example command("summary",
    "--model=cnn"), command("verify", "runs/one", "runs/two"). Raises ProgramFailed where the program
    ends with an error, also where `verify` finds a difference."""
    return output_of(_command(program, 1, [os.fspath(word) for word in words])).rstrip()


# ---- train ----


def _next_folder(model: str) -> Path:
    """The first free runs/MODEL-N."""
    stem = "custom" if set(model) & set(" ;") else model
    number = 1
    while (Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return Path("runs") / f"{stem}-{number}"


def _follow(process: subprocess.Popen[bytes], folder: Path, screen: Screen) -> None:
    """Shows the run until the program ends."""
    run: Optional[Run] = None
    while process.poll() is None:
        time.sleep(LOOK_EVERY_S)
        try:
            run = run or Run(folder)
        except MissingInput:
            continue  # the program has not made it yet
        if run.refresh():
            screen.show(run)
    if run is not None:
        run.refresh()
        screen.show(run)


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, or a notebook's stop button: the run leaves with a checkpoint."""
    process.send_signal(signal.SIGUSR1)
    process.wait()


def train(
    out: Optional[PathLike] = None,
    *,
    ranks: int = 1,
    threads: int = 0,
    program: Optional[PathLike] = None,
    show: str = "auto",
    **settings: Any,
) -> Run:
    """Trains, and gives the run back; its progress is shown meanwhile.

    out: the run directory, made here; None: the first free runs/MODEL-N
    ranks: processes, started by mpirun where there are several; threads: of each rank, 0: all cores
        that it may use
    settings: the program's options by name, such as model="lstm", epochs=5, batch_size=64,
        learning_rate=0.002, data="synthetic", profile=True, resume=True (goes on with the run in
        `out`)
    show: "auto" (a live picture in a notebook or a terminal, else nothing), "notebook", "terminal",
        "none"

    A run that stopped early (time_limit=..., a signal) is given back with `complete` False.
    Interrupted from the keyboard or by the notebook, it leaves with a checkpoint, and
    KeyboardInterrupt is raised. Raises ProgramFailed where the program does."""
    folder = Path(out) if out is not None else _next_folder(str(settings.get("model", "cnn")))
    words = ["train", f"--out={folder}", f"--threads={threads}", "--progress=none", "--quiet"]
    command = _command(program, ranks, words + options_of(settings))
    with tempfile.TemporaryFile() as errors, screen_of(show) as screen:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment(),
            start_new_session=True,  # Ctrl-C reaches this process alone, which passes it on
        )
        try:
            _follow(process, folder, screen)
        except BaseException:
            _interrupt(process)
            raise
        errors.seek(0)
        if process.returncode not in (0, STOPPED):
            raise failure(process.returncode, errors.read().decode(errors="replace"))
    return Run(folder)


# ---- evaluate, predict ----


def _weights_words(
    path: PathLike,
    which: Optional[str],
    threads: int,
    model: Optional[str],
    data: Optional[PathLike],
) -> list[str]:
    given = {"which": which, "threads": threads, "model": model, "data": data}
    return [os.fspath(path), *options_of(given)]


def evaluate(
    path: PathLike,
    *,
    which: Optional[str] = None,
    ranks: int = 1,
    threads: int = 0,
    model: Optional[str] = None,
    data: Optional[PathLike] = None,
    program: Optional[PathLike] = None,
) -> Evaluation:
    """Weights on the test set.

    path: a run directory, a checkpoint, or a file of Keras (which needs `model`)
    which: of a run directory, "last" (unless said) or "best"; data: another data set than the
        default"""
    words = ["evaluate", *_weights_words(path, which, threads, model, data), "--json"]
    answer = json.loads(output_of(_command(program, ranks, words)))
    matrix = np.array(answer["confusion"])
    names = [str(name) for name in answer.get("class_names") or range(len(matrix))]
    return Evaluation(
        answer["model"],
        answer["dataset"],
        answer["test_samples"],
        answer["test_loss"],
        answer["test_accuracy"],
        answer["parameters_digest"],
        predictions.confusion_frame(matrix, names),
    )


def predict(
    path: PathLike,
    images: Union[npt.NDArray[np.uint8], Iterable[PathLike], None] = None,
    *,
    which: Optional[str] = None,
    threads: int = 0,
    model: Optional[str] = None,
    data: Optional[PathLike] = None,
    program: Optional[PathLike] = None,
) -> Predictions:
    """Classes and probabilities of images.

    path, which, data: as for `evaluate`
    images: bytes [N, H, W] (0: paper, 255: ink), in colour [N, H, W, C], paths of PNG or IDX files, or None: the test set
    The labels are not known here, also of the test set: a run's own answers, with labels, are in
    Run.predictions."""
    words = ["predict", *_weights_words(path, which, threads, model, data), "--format=csv"]
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(images, np.ndarray):
            if images.ndim not in (3, 4) or images.dtype != np.uint8:
                raise UsageError(
                    f"images of bytes [N, H, W] are wanted, not {images.dtype} {images.shape}"
                )
            file = Path(folder) / "images-idx3-ubyte"
            idx.write_images(file, images)
            images = [file]
        words += [os.fspath(image) for image in images or []]
        text = output_of(_command(program, 1, words))
    rows = list(csv.reader(io.StringIO(text)))
    first, end = rows[0].index("p0"), rows[0].index("name")
    classes = end - first
    probabilities = np.array([row[first:end] for row in rows[1:]], np.float32)
    known = (Path(path) / "config.json").is_file()
    names = Run(path).class_names if known else []
    if len(names) != classes:
        names = [str(c) for c in range(classes)]
    return predictions.of_probabilities(probabilities.reshape(-1, classes), None, names)
