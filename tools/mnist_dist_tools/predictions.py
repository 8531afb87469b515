"""What a model answered to labelled or unlabelled images, and the figures that follow from it. The
figures are scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import metrics

from .errors import MissingInput

BINS = 15  # of the reliability curve


@dataclass(frozen=True)
class Calibration:
    """How often answers of a given probability are right.

    bins: one row for each of the equal-width bins of probability that holds answers: `low`, `high`,
        `count`, `probability` (mean of the answers' probabilities), `accuracy` (share of them that
        is right).
    error: the expected calibration error, the mean of |probability - accuracy| over bins, weighted
        by `count`.
    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017, section 2.
    """

    bins: pd.DataFrame
    error: float


@dataclass(frozen=True)
class Predictions:
    """Answers to N images.

    predicted: int [N], the class of the largest probability
    probability: float [N], that probability, 0 to 1
    class_names: a name for each class
    labels: int [N], the true classes; None where they are not known
    probabilities: float32 [N, classes]; None where only the answers' own probabilities are known
    """

    predicted: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    class_names: list[str]
    labels: Optional[npt.NDArray[np.int64]] = None
    probabilities: Optional[npt.NDArray[np.float32]] = None

    def __len__(self) -> int:
        return len(self.predicted)

    # ---- what is known ----

    def need_labels(self) -> npt.NDArray[np.int64]:
        if self.labels is None:
            raise MissingInput("these predictions are of images without labels")
        return self.labels

    def need_probabilities(self) -> npt.NDArray[np.float32]:
        if self.probabilities is None:
            raise MissingInput("only the probability of each answer is known, not of all classes")
        return self.probabilities

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each image: `true` (where known), `predicted`, `probability`, and a column
        `p_CLASS` for each class."""
        columns: dict[str, npt.NDArray] = {}
        if self.labels is not None:
            columns["true"] = self.labels
        columns |= {"predicted": self.predicted, "probability": self.probability}
        if self.probabilities is not None:
            columns |= {f"p_{n}": p for n, p in zip(self.class_names, self.probabilities.T)}
        return pd.DataFrame(columns).rename_axis("index")

    # ---- figures ----

    @property
    def accuracy(self) -> float:
        return float(metrics.accuracy_score(self.need_labels(), self.predicted))

    @property
    def loss(self) -> float:
        """Mean cross-entropy (natural logarithm) of the true classes."""
        return float(self.losses().mean())

    def losses(self) -> npt.NDArray[np.float64]:
        """Cross-entropy of each image [N]: -log of the probability that the true class got."""
        p = self.need_probabilities()[np.arange(len(self)), self.need_labels()].astype(float)
        return -np.log(np.maximum(p, np.finfo(np.float32).tiny))

    @property
    def confusion(self) -> pd.DataFrame:
        """Images by true class (rows) and answer (columns)."""
        classes = range(len(self.class_names))
        matrix = metrics.confusion_matrix(self.need_labels(), self.predicted, labels=classes)
        return confusion_frame(matrix, self.class_names)

    @property
    def by_class(self) -> pd.DataFrame:
        """A row for each class: `precision`, `recall`, `f1`, and `support`, the number of its
        images."""
        classes = range(len(self.class_names))
        figures = metrics.precision_recall_fscore_support(
            self.need_labels(), self.predicted, labels=classes, zero_division=0
        )
        table = dict(zip(["precision", "recall", "f1", "support"], figures))
        return pd.DataFrame(table, index=pd.Index(self.class_names, name="class"))

    def report(self) -> str:
        """scikit-learn's classification report with four digits, the text of report.txt
        without its last line, which names the weights."""
        labels = self.need_labels()
        present = np.union1d(labels, self.predicted)
        return metrics.classification_report(
            labels,
            self.predicted,
            labels=present,
            target_names=[self.class_names[c] for c in present],
            digits=4,
            zero_division=0,
        )

    def calibration(self, bins: int = BINS) -> Calibration:
        """The reliability curve over `bins` bins of equal width, (0, 1/bins], ..., and its expected
        error."""
        right = self.need_labels() == self.predicted
        at = np.clip(np.ceil(self.probability * bins).astype(int) - 1, 0, bins - 1)
        rows = []
        for b in np.unique(at):
            inside = at == b
            rows.append(
                {
                    "low": b / bins,
                    "high": (b + 1) / bins,
                    "count": int(inside.sum()),
                    "probability": float(self.probability[inside].mean()),
                    "accuracy": float(right[inside].mean()),
                }
            )
        table = pd.DataFrame(rows)
        gaps = (table["probability"] - table["accuracy"]).abs()
        return Calibration(table, float((gaps * table["count"]).sum() / max(len(self), 1)))

    def worst(self, count: int = 25) -> pd.DataFrame:
        """The `count` worst mistakes, the worst first: `true`, `predicted`, `probability`, and
        `true_probability` (NaN where only the answers' probabilities are known). The worst have the
        largest loss; where it is not known, the answer that was surest."""
        labels = self.need_labels()
        wrong = np.flatnonzero(labels != self.predicted)
        of_true = np.full(len(self), np.nan)
        if self.probabilities is not None:
            of_true = self.probabilities[np.arange(len(self)), labels].astype(float)
        order = self.probability if self.probabilities is None else -of_true
        chosen = wrong[np.argsort(-order[wrong], kind="stable")][:count]
        table = {
            "true": labels[chosen],
            "predicted": self.predicted[chosen],
            "probability": self.probability[chosen],
            "true_probability": of_true[chosen],
        }
        return pd.DataFrame(table, index=pd.Index(chosen, name="index"))


def of_probabilities(
    probabilities: npt.NDArray[np.float32],
    labels: Optional[npt.NDArray[np.int64]],
    class_names: list[str],
) -> Predictions:
    """Predictions from probabilities [N, classes] and, where they are known, labels [N]."""
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    own = probabilities[np.arange(len(predicted)), predicted].astype(float)
    return Predictions(predicted, own, class_names, labels, probabilities)


def confusion_frame(matrix: npt.NDArray[np.int64], class_names: list[str]) -> pd.DataFrame:
    """A matrix [classes, classes] with its names."""
    return pd.DataFrame(
        matrix, pd.Index(class_names, name="true"), pd.Index(class_names, name="predicted")
    )
