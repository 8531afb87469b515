"""mnist_dist's runs in Python: open, look at, start.

    from mnist_dist_tools import Run, train, predict, evaluate, load_data, prepare

    prepare()                                      # builds the program, gets the data, where missing
    (images, labels), (test_images, test_labels) = load_data()

    run = train("runs/first", epochs=5, ranks=2)   # shows its progress
    run = Run("runs/first")                        # a run that is there, also an unfinished one
    run.epochs                                     # pandas: loss and accuracy by epoch
    run.predictions.by_class                       # precision, recall, F1
    run.weights()["conv2d"]["kernel"]              # NumPy

Pictures are functions of figures, figures_answers, figures_time and inside, in the look of
theme.apply(): for example figures.curve(run, "accuracy").figure is Matplotlib's. The whole page:
commands.report.report([run]).
"""

from .errors import (
    BrokenRun,
    CannotWrite,
    MissingInput,
    ProgramFailed,
    ToolError,
    UsageError,
)
from .idx import load_data
from .predictions import Calibration, Predictions
from .program import Evaluation, command, evaluate, find_program, predict, prepare, train
from .run import Run, history_of, open_runs

__all__ = [
    "BrokenRun",
    "Calibration",
    "CannotWrite",
    "Evaluation",
    "MissingInput",
    "Predictions",
    "ProgramFailed",
    "Run",
    "ToolError",
    "UsageError",
    "command",
    "evaluate",
    "find_program",
    "history_of",
    "load_data",
    "open_runs",
    "predict",
    "prepare",
    "train",
]
