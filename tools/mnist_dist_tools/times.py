"""When things happened. The record has durations alone, no dates: dates are counted from when the
run's settings were written.

Of a run that was stopped and continued, they are therefore those of an uninterrupted run that began
with its last part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .run import Run


def begin_s(run: Run) -> float:
    """Seconds since 1970 of the time when config.json was written."""
    return (run.path / "config.json").stat().st_mtime


def step_ends_s(run: Run) -> npt.NDArray[np.float64]:
    """For each row of run.steps, seconds from the begin to the end of the step. Steps of complete
    epochs share the epoch's time by what each took; later ones are added up by their own rates."""
    steps, epochs = run.steps, run.epochs
    own = run.settings["batch-size"] / steps["images_per_second"].clip(lower=1e-9).to_numpy()
    for row in epochs.itertuples():
        of_epoch = (steps["epoch"] == row.epoch).to_numpy() & (steps["step"] <= row.step).to_numpy()
        if of_epoch.any() and row.seconds > 0:
            own[of_epoch] *= row.seconds / own[of_epoch].sum()
    return np.cumsum(own)


def epoch_ends_s(run: Run) -> npt.NDArray[np.float64]:
    """For each row of run.epochs, seconds from the begin to its end."""
    return run.epochs["seconds"].cumsum().to_numpy()
