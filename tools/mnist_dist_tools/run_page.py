"""report.html of one run, and its pictures."""

from __future__ import annotations

import shlex
from typing import Callable, Optional

from . import figures, figures_answers, figures_time, inside, page
from .errors import BrokenRun, MissingInput, ToolError
from .figures import Picture, percent
from .live import duration
from .page import Section, escape
from .predictions import Predictions
from .run import Run

Draw = Callable[[], Picture]
MAIN_SETTINGS = [
    "model",
    "data",
    "epochs",
    "batch-size",
    "optimizer",
    "learning-rate",
    "schedule",
    "augment",
    "seed",
]


class RunPage:
    """Collects the page of a run. `keep` is called with each picture when it is ready. `broken`: what is
    wrong with the run's files; the page is without the parts that need them."""

    def __init__(self, run: Run, keep: Callable[[Picture], None]):
        self.run, self._keep = run, keep
        self.broken: list[str] = []
        _ = run.settings  # without them there is no page
        self._no_result = ""
        try:
            _ = run.last_result
        except BrokenRun as error:
            self._no_result = self._reason(error)
            run.leave_result_out()
        self._answers: Optional[Predictions] = None
        self._no_answers = ""
        try:
            self._answers = run.predictions
        except (MissingInput, BrokenRun) as error:
            self._no_answers = self._reason(error)

    # ---- parts, or words in their place ----

    def _reason(self, error: ToolError) -> str:
        if isinstance(error, BrokenRun) and str(error) not in self.broken:
            self.broken.append(str(error))
        return str(error)

    def _part(self, what: str, draw: Draw) -> str:
        try:
            picture = draw()
        except (MissingInput, BrokenRun) as error:
            return page.missing(what, f"{self._reason(error)}.")
        part = page.figure(picture)
        self._keep(picture)
        return part

    def _of_answers(self, what: str, draw: Callable[[Predictions], Picture]) -> str:
        if self._answers is None:
            return page.missing(what, f"{self._no_answers}.")
        answers = self._answers
        return self._part(what, lambda: draw(answers))

    def _mistakes(self) -> str:
        """In the page as images of their own, which a phone arranges in fewer columns."""
        what = "the worst mistakes"
        try:
            if self._answers is None:
                raise MissingInput(self._no_answers)
            images, _ = self.run.data()
            self._keep(figures_answers.mistakes(self.run))
            return page.mistakes(self._answers, images, figures_answers.MISTAKES)
        except (MissingInput, BrokenRun) as error:
            return page.missing(what, f"{self._reason(error)}.")

    # ---- sections ----

    def _learning(self) -> Section:
        run = self.run
        parts = [
            self._part("accuracy over the epochs", lambda: figures.curve(run, "accuracy")),
            self._part("loss over the epochs", lambda: figures.curve(run, "loss")),
            self._part("loss of each step", lambda: figures.batch_loss(run)),
            self._part("the learning rate", lambda: figures_time.learning_rate(run)),
        ]
        return Section(
            "learning", "How it learned", "An epoch is one pass over all training images.", parts
        )

    def _errors(self) -> Section:
        parts = [
            self._part("the confusion matrix", lambda: figures_answers.confusion(self.run)),
            self._of_answers("precision and recall", figures_answers.by_class),
            self._mistakes(),
        ]
        if self._no_result:
            parts.insert(0, page.missing("loss and accuracy of the end", f"{self._no_result}."))
        if self._answers is not None:
            parts[2:2] = [page.class_table(self._answers), page.confused_pairs(self._answers)]
        intro = "All of this is of the test set: images that had no part in training."
        last = self.run.last_result
        if last is not None and not self.run.complete:
            intro += (
                f" It is of the run's earlier end, after {last['epochs']} epochs; since then it"
                " went on."
            )
        return Section("mistakes-section", "What it gets wrong", intro, parts)

    def _probabilities(self, with_roc: bool) -> Section:
        parts = [
            self._of_answers("the reliability curve", figures_answers.calibration),
            self._of_answers("how sure right and wrong answers are", figures_answers.confidence),
        ]
        if self._answers is not None and self._answers.probabilities is None:
            reason = (
                "The run has no predictions.h5, and predictions.csv holds the probability of each"
                " answer alone."
            )
            what = "ROC curves, precision-recall curves, and mistakes in the order of their loss"
            parts.append(page.missing(what, reason))
            with_roc = False
        if with_roc:
            parts.append(self._of_answers("ROC curves", inside.roc))
            parts.append(self._of_answers("precision-recall curves", inside.precision_recall))
        intro = "The network answers with a probability for each class. Can they be trusted?"
        return Section("probabilities", "How sure it is", intro, parts)

    def _inside(self, with_tsne: bool) -> Section:
        parts = [
            self._part("the first layer", lambda: inside.first_layer(self.run)),
            self._part(
                "what the first layer answers to a digit", lambda: inside.answers_to_digit(self.run)
            ),
        ]
        if with_tsne:
            parts.append(self._part("the last hidden layer", lambda: inside.tsne(self.run)))
        return Section(
            "inside", "What it looks for", "Inside of the network, after training.", parts
        )

    def _time(self) -> Section:
        run = self.run
        parts = [
            self._part("throughput", lambda: figures_time.throughput(run)),
            self._part("time by phase", lambda: figures_time.phases(run)),
        ]
        if (run.path / "trace.json").is_file():
            parts.append(self._part("time by rank", lambda: figures_time.ranks(run)))
        intro = (
            "These depend on the machine. The weights do not: they are the same bits for any number"
            " of ranks and threads."
        )
        return Section("time", "Where the time went", intro, parts)

    def _settings(self) -> Section:
        settings, run = self.run.settings, self.run
        shown = {name: value if value != "" else "(searched)" for name, value in settings.items()}
        first = {name: shown[name] for name in MAIN_SETTINGS if name in shown}
        rest = {name: value for name, value in shown.items() if name not in first}
        parts = [
            (
                f'<div class="panel"><h3>Settings</h3>{page.pairs(first)}'
                f"<details><summary>All other settings</summary>{page.pairs(rest)}</details></div>"
            ),
            self._repeat(),
        ]
        return Section("settings", "This run", f"Its folder: {run.path}", parts)

    def _repeat(self) -> str:
        folder = str(self.run.path)
        config = shlex.quote(f"{folder}/config.json")
        lines = [f"mnist_dist --config {config} --out {shlex.quote(folder + '-again')}"]
        words = "<p>On any number of ranks and threads, this ends with the same bits:</p>"
        digest = ""
        if self.run.complete:
            lines.append(
                f"mnist_dist verify {shlex.quote(folder)} {shlex.quote(folder + '-again')}"
            )
            digest = (
                "<p>Digest of the parameters; runs with the same digest have the same weights, to"
                f" the last bit:<br><code>{escape(self.run.result['parameters_digest'])}</code></p>"
            )
        else:
            lines.append(f"mnist_dist --config {config} --out {shlex.quote(folder)} --resume")
            words = "<p>The first line repeats the run, the second goes on where it stopped:</p>"
        code = escape("\n".join(lines))
        return (
            '<div class="panel"><h3>To repeat'
            f" it</h3>{words}<pre><code>{code}</code></pre>{digest}</div>"
        )

    # ---- the page ----

    def _tiles(self) -> list[tuple[str, str, str]]:
        run = self.run
        if not run.complete:
            cells = [
                ("epochs", f"{len(run.epochs)} of {run.settings['epochs']}", "complete so far")
            ]
            if len(run.steps):
                cells.append(("steps", f"{run.steps['step'].iloc[-1]:,}", "so far"))
            if len(run.epochs) and run.epochs["val_accuracy"].notna().any():
                best = run.epochs["val_accuracy"].max()
                cells.append(("validation accuracy", percent(best), "the best epoch's"))
            return cells
        r = run.result
        images = r.get("test_samples", 0)
        wrong = round(images * (1 - r["test_accuracy"]))
        cells = [
            (
                "test accuracy",
                percent(r["test_accuracy"]),
                f"{wrong:,} mistakes in {images:,} images",
            )
        ]
        if r.get("test_loss") is not None:
            cells.append(("test loss", f"{r['test_loss']:.4f}", "cross-entropy, 0 is perfect"))
        if r.get("parameters"):
            cells.append(
                (
                    "parameters",
                    f"{r['parameters']:,}",
                    f"numbers that were learned, in {r['epochs']} epochs",
                )
            )
        if r.get("seconds"):
            cells.append(
                ("time", duration(r["seconds"]), f"{r['images_per_second']:,.0f} images a second")
            )
        if "ranks" in r:
            cells.append(
                ("layout", f"{r['ranks']} x {r['threads']}", f"ranks x threads of each, {r['isa']}")
            )
        return cells

    def _head(self) -> str:
        run = self.run
        state = '<span class="state whole">complete</span>'
        if not run.complete:
            state = (
                f'<span class="state partial">{len(run.epochs)} of {run.settings["epochs"]}'
                " epochs</span>"
            )
        head = f"<h1>{escape(figures.heading(run))}</h1>"
        head += f'<p class="quiet">{state} &nbsp;Run <b>{escape(run.name)}</b>. '
        head += "Each picture's title says what it shows, the text below how to read it.</p>"
        return head + page.tiles(self._tiles())

    def html(self, with_tsne: bool = False, with_roc: bool = False) -> str:
        """The whole page."""
        sections = [
            self._learning(),
            self._errors(),
            self._probabilities(with_roc),
            self._inside(with_tsne),
            self._time(),
            self._settings(),
        ]
        for draw in (figures.curves, figures_answers.overview):
            try:
                self._keep(draw(self.run))
            except (MissingInput, BrokenRun):
                pass  # said in the page
        foot = "Drawn by tools/report.py of mnist_dist. Numbers of the test set by scikit-learn."
        return page.page(figures.heading(self.run), self._head(), sections, foot)
