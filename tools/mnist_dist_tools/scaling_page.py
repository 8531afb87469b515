"""scaling.html: the page of a scaling study."""

from __future__ import annotations

import functools
import shlex
from typing import Any, Callable, Optional

import pandas as pd

from . import page, theme
from . import scaling_figures as figures
from .errors import MissingInput
from .figures import Picture, percent
from .page import Section, escape
from .scaling import STRONG, Study

LEAST_REPETITIONS = 5
MOST_UNEXPLAINED = 0.03

# Efficiencies by name, with the depth of each in the tree of products.
TREE = [
    ("global_efficiency", 0, "Global efficiency"),
    ("parallel_efficiency", 1, "Parallel efficiency"),
    ("mpi_efficiency", 2, "Ranks (MPI)"),
    ("load_balance", 3, "Load balance"),
    ("load_balance_in_node", 4, "in a node"),
    ("load_balance_over_nodes", 4, "over nodes"),
    ("communication_efficiency", 3, "Communication"),
    ("serialisation_efficiency", 4, "Serialisation"),
    ("transfer_efficiency", 4, "Transfer"),
    ("openmp_efficiency", 2, "Threads (OpenMP)"),
    ("openmp_load_balance", 3, "Load balance"),
    ("openmp_serialisation", 3, "Serial parts"),
    ("computation_scalability", 1, "Computation scalability"),
]
# What a low one of them says; those that are no product of others.
LOSSES = {
    "load_balance": "one rank has more to compute than others, so they wait for it",
    "serialisation_efficiency": "ranks wait for different ranks from step to step",
    "transfer_efficiency": "ranks wait while data moves, or for a core",
    "openmp_load_balance": "one thread of a rank has more to compute than others",
    "openmp_serialisation": "parts of a step run on one thread, or threads wait at barriers",
    "computation_scalability": "the same work takes more processor time than in the base case",
}
NAMES = {name: words for name, _, words in TREE} | {
    "load_balance": "load balance of the ranks",
    "serialisation_efficiency": "serialisation",
    "transfer_efficiency": "transfer",
    "openmp_load_balance": "load balance of the threads",
    "openmp_serialisation": "serial parts of the ranks",
    "computation_scalability": "computation scalability",
}
POP_INTRO = (
    "Each efficiency is the product of those that are indented below it, so a loss can be followed"
    " to its cause. The definitions are those of the POP centre of excellence."
)


def main_loss(point: pd.Series) -> Optional[tuple[str, float]]:
    """The least efficiency that is no product of others."""
    known = {name: point[name] for name in LOSSES if pd.notna(point.get(name))}
    if not known:
        return None
    name = min(known, key=lambda one: known[one])
    return name, float(known[name])


def diagnosis(points: pd.DataFrame) -> str:
    """One sentence for a series: what holds its largest layout back. Where each worker has a core, if
    there is such a layout."""
    others = points[~points["base"]]
    fair = others[~others["oversubscribed"]]
    chosen = fair if len(fair) else others
    if not len(chosen):
        return "Only the base case is measured."
    point = chosen.sort_values("workers", kind="stable").iloc[-1]
    loss = main_loss(point)
    if loss is None:
        return ""
    name, value = loss
    words = f"On {point['layout']} {NAMES[name]} is lowest ({percent(value, 0)}): {LOSSES[name]}."
    if point["ranks"] > 1:
        words += f" Rank {point['slowest_rank']:.0f} on {point['slowest_host']} computes longest."
    return words


def _shade(value: float) -> str:
    """The better, the fuller: from 0.5 to 1."""
    shade = round(min(max((value - 0.5) * 2, 0), 1) * (theme.SHADES - 1) * 0.8)
    ink = "on-full" if shade >= theme.SHADED else "ink"
    return f"background: var(--ramp-{shade}); color: var(--{ink})"


def pop_table(points: pd.DataFrame) -> str:
    """The tree of efficiencies, a column for each layout."""
    head = "".join(f"<th>{escape(_layout(p))}</th>" for _, p in points.iterrows())
    rows = ""
    for name, depth, words in TREE:
        if name not in points:
            continue
        cells = ""
        for value in points[name]:
            known = pd.notna(value)
            style = f' style="{_shade(value)}"' if known else ""
            cells += f"<td{style}>{percent(value, 1) if known else ''}</td>"
        rows += f'<tr><td style="padding-left: {0.6 + 1.1 * depth:.1f}em">{escape(words)}</td>{cells}</tr>'
    rows += '<tr class="sum"><td>Slowest rank</td>'
    rows += "".join(
        f"<td>{r:.0f}</td>" if pd.notna(r) else "<td></td>" for r in points["slowest_rank"]
    )
    rows += '</tr><tr class="sum"><td>Of the step explained</td>'
    rows += "".join(
        f"<td>{percent(e, 1)}</td>" if pd.notna(e) else "<td></td>" for e in points["explained"]
    )
    return (
        f'<div class="scroll"><table><thead><tr><th>efficiency</th>{head}</tr></thead>'
        f"<tbody>{rows}</tr></tbody></table></div>"
    )


def _layout(point: pd.Series) -> str:
    return str(point["layout"]) + ("*" if point["oversubscribed"] else "")


def _between(point: Any, column: str, form: str) -> str:
    low, high = getattr(point, f"{column}_low"), getattr(point, f"{column}_high")
    return f"{low:{form}} to {high:{form}}"


def points_table(points: pd.DataFrame) -> str:
    rows = []
    for point in points.itertuples():
        row = {
            "layout": f"{point.layout}{'*' if point.oversubscribed else ''}",
            "batch": f"{point.batch:,}",
            "step": f"{point.step_ms:.3f} ms",
            "step, 95 %": _between(point, "step_ms", ".3f"),
            "images/s": f"{point.images_per_second:,.0f}",
            "speed-up": f"{point.speedup:.2f}",
            "speed-up, 95 %": _between(point, "speedup", ".2f"),
            "efficiency": percent(point.efficiency, 1),
            "repetitions": point.repetitions,
        }
        error = getattr(point, "error_percent", None)
        if error is not None and pd.notna(error):
            row["error"] = f"{error:+.1f} %"
        rows.append(row)
    return page.data_table(pd.DataFrame(rows).fillna(""))


class ScalingPage:
    """Collects the page of a study. `keep` is called with each picture when it is ready."""

    def __init__(self, study: Study, keep: Callable[[Picture], None]):
        self.study, self._keep = study, keep
        self.title = f"{study.rule.capitalize()} scaling"
        if figures.is_simulated(study):
            self.title += ", simulated"

    def _part(self, what: str, draw: Callable[[], Optional[Picture]]) -> str:
        try:
            picture = draw()
        except MissingInput as error:
            return page.missing(what, f"{error}.")
        if picture is None:
            return ""
        part = page.figure(picture)
        self._keep(picture)
        return part

    # ---- sections ----

    def _how_well(self) -> Section:
        study = self.study
        parts = [
            self._part("speed-up", lambda: figures.speedup(study)),
            self._part("efficiency", lambda: figures.efficiency(study)),
            self._part("time of a step", lambda: figures.step_time(study)),
            self._part("error", lambda: figures.error(study)),
        ]
        intro = "Layouts are ranks x threads of each rank; a worker is a thread of a rank."
        return Section("how-well", "How well it scales", intro, [part for part in parts if part])

    def _why(self) -> Section:
        series = list(figures.series_of(self.study))
        parts = [
            f'<div class="panel wide"><h3>{escape(label)}</h3>{pop_table(points)}'
            f"<p>{escape(diagnosis(points))}</p></div>"
            for label, points in series
            if "parallel_efficiency" in points
        ]
        for number, (label, points) in enumerate(series):
            draw = functools.partial(figures.phases, number, label, points)
            parts.append(self._part(f"time by phase of {label}", draw))
        return Section("why", "What stands in the way", POP_INTRO, parts)

    def _numbers(self) -> Section:
        parts = [
            f'<div class="panel wide"><h3>{escape(label)}</h3>{points_table(points)}</div>'
            for label, points in figures.series_of(self.study)
        ]
        intro = "Medians over repetitions, and the 95 % intervals of these medians."
        if self.study.points["oversubscribed"].any():
            intro += " *: more workers than cores."
        return Section("numbers", "All points", intro, parts)

    def _how(self) -> Section:
        about, study = self.study.about, self.study
        machine = about.get("machine") or {}
        shown = {
            "program": about.get("version"),
            "host": machine.get("host"),
            "processor": machine.get("processor"),
            "cores": machine.get("cores"),
            "system": machine.get("system"),
            "instruction set": about.get("isa"),
            "data": about.get("dataset"),
            "begun": about.get("started"),
            "launcher": about.get("launcher"),
            "steps of a measurement": about.get("steps"),
            "warm-up steps before them": about.get("warm_up_steps"),
            "options of bench": shlex.join(about.get("options") or []) or "none",
        }
        shown |= about.get("more") or {}
        known = {name: value for name, value in shown.items() if value not in (None, "")}
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes())
        parts = [f'<div class="panel"><h3>Conditions</h3>{page.pairs(known)}</div>']
        if notes:
            parts.append(f'<div class="panel"><h3>To bear in mind</h3><ul>{notes}</ul></div>')
        rule = (
            "Strong scaling: the batch of a step is the same on all layouts."
            if study.rule == STRONG
            else "Weak scaling: the batch of a rank is the same on all layouts, so the batch of a step grows, and with"
            " it what is trained."
        )
        return Section("how", "How it was measured", rule, parts)

    def notes(self) -> list[str]:
        """What a reader must know before believing the study."""
        points, found = self.study.points, []
        if figures.is_simulated(self.study):
            found.append(
                "All times are simulated. The error beside a point is that of a layout that was measured, too."
            )
        missing = self.study.about.get("missing") or 0
        if missing:
            found.append(f"The study is not finished: {missing} measurements are missing.")
        if not figures.is_simulated(self.study) and points["repetitions"].min() < LEAST_REPETITIONS:
            found.append(
                f"Some points have fewer than {LEAST_REPETITIONS} repetitions: their intervals are too narrow."
            )
        if points["oversubscribed"].any():
            found.append(
                "Where workers outnumber the cores, a rank that has no core counts as one that computes or waits:"
                " efficiencies of these points say how well cores are shared, not how well the program scales."
            )
        if "explained" in points:
            off = points[(points["explained"] - 1).abs() > MOST_UNEXPLAINED]
            for point in off.itertuples():
                found.append(
                    f"{point.model} on {point.layout}: the spans explain {percent(point.explained, 1)} of the step,"
                    " more than 3 % less or more than all of it."
                )
        return found

    # ---- the page ----

    def _tiles(self) -> list[tuple[str, str, str]]:
        points = self.study.points
        best = figures.best_point(self.study)
        base = points[points["base"]].iloc[0]
        fair = points[~points["oversubscribed"] & ~points["base"]]
        cells = [
            (
                "largest speed-up",
                f"{best['speedup']:.2f}",
                f"{best['speedup_low']:.2f} to {best['speedup_high']:.2f} (95 %), on {best['layout']}",
            ),
            ("base case", str(base["layout"]), f"{base['step_ms']:.3g} ms a step, {base['model']}"),
        ]
        if len(fair):
            last = fair.sort_values("workers", kind="stable").iloc[-1]
            cells.append(
                (
                    "efficiency",
                    percent(last["efficiency"], 0),
                    figures.named(last),
                )
            )
        cells += [
            ("points", str(len(points)), f"{int(points['repetitions'].sum())} measurements"),
        ]
        cores = int(points["cores"].max())
        if cores:
            cells.append(("cores", f"{cores:,}", "of the largest layout's hosts"))
        return cells

    def html(self) -> str:
        """The whole page."""
        study = self.study
        kind = "simulated" if figures.is_simulated(study) else "measured"
        state = f'<span class="state {"partial" if kind == "simulated" else "whole"}">{kind}</span>'
        models = ", ".join(dict.fromkeys(study.points["model"]))
        head = f"<h1>{escape(self.title)}</h1>"
        head += f'<p class="quiet">{state} &nbsp;Of <b>{escape(models)}</b>. '
        head += "Each picture's title says what it shows, the text below how to read it.</p>"
        head += page.tiles(self._tiles())
        sections = [self._how_well(), self._why(), self._numbers(), self._how()]
        foot = "Drawn by tools/scaling.py of mnist_dist. Efficiencies as POP defines them."
        return page.page(self.title, head, sections, foot)
