"""From a race's rows to figures: medians, ratios, the table, and what machine it was."""
from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from peers.race import Row

# What a section measures, its unit, and whether more is better.
METRICS = {
    "training": ("images_per_second", "images/s of whole training steps", True),
    "scaling": ("images_per_second", "images/s of whole training steps, ranks x threads", True),
    "inference": ("images_per_second", "images/s, forward alone", True),
    "startup": ("seconds", "seconds from the start of the process to the end of its first step", False),
}
KEPT = ("steps", "last_value", "peak_rss_mib", "pss_mib", "import_s", "first_step_s", "bench")


@dataclass(frozen=True)
class Group:
    """Rows that raced each other."""

    section: str
    model: str
    batch: int
    rows: list[Row]


def values(row: Row, section: str) -> list[float]:
    return [result[METRICS[section][0]] for result in row.results]


def better_by(section: str, ours: float, theirs: float) -> float:
    """How many times better ours is, whichever direction is better."""
    return ours / theirs if METRICS[section][2] else theirs / ours


def compare(ours: Row, theirs: Row, section: str) -> dict[str, Any] | None:
    """The ratio of medians, and the median of each round's ratio: the second forgives a machine that drifts."""
    if ours.failure or theirs.failure or not ours.results or not theirs.results:
        return None
    own, other = values(ours, section), values(theirs, section)
    rounds = [better_by(section, a, b) for a, b in zip(own, other)]
    return {
        "ours": ours.contender.name,
        "theirs": theirs.contender.name,
        "ratio": better_by(section, median(own), median(other)),
        "ratio_per_round": median(rounds),
        "ratio_low": min(rounds),
        "ratio_high": max(rounds),
    }


def best(rows: list[Row], section: str) -> Row | None:
    able = [row for row in rows if row.failure is None and row.results]
    choose = max if METRICS[section][2] else min
    return choose(able, key=lambda row: median(values(row, section)), default=None)


def pairs_of(group: Group) -> list[tuple[Row, Row]]:
    """Who is compared with whom: ours with the fastest of any precision, then with the fastest of its own.

    Scaling: ours on other layouts with ours, and with the peer of as many ranks.
    """
    ours = [row for row in group.rows if row.contender.ours]
    peers = [row for row in group.rows if not row.contender.ours]
    if group.section == "scaling":
        layouts = list(zip(ours[1:], ours))
        same = [(a, b) for a in ours for b in peers if a.contender.name.split()[-1] == b.contender.name.split()[-1]]
        return layouts + same
    pairs = []
    for row in ours:
        alike = [peer for peer in peers if peer.contender.task.precision == row.contender.task.precision]
        fastest, fastest_alike = best(peers, group.section), best(alike, group.section)
        pairs += [(row, fastest)] if fastest else []
        pairs += [(row, fastest_alike)] if fastest_alike and fastest_alike is not fastest else []
    return pairs


def nominal_flop(rows: list[Row]) -> tuple[float, float] | None:
    """GFLOP of an image, and the GFLOP/s of sgemm on the same cores in the same race: medians of what bench said."""
    found = [result["bench"] for row in rows if row.contender.ours for result in row.results]
    found = [bench for bench in found if bench.get("sgemm_gflops") and bench.get("gflops_nominal")]
    if not found:
        return None
    flop = median(bench["gflops_nominal"] / bench["images_per_second"] for bench in found)
    return flop, median(bench["sgemm_gflops"] for bench in found)


def summary_of(row: Row, section: str, flop: tuple[float, float] | None) -> dict[str, Any]:
    task = row.contender.task
    summary: dict[str, Any] = {"name": row.contender.name, "ours": row.contender.ours, "variant": task.variant}
    summary |= {"precision": task.precision, "failure": row.failure, "turns": row.turns, "rounds": values(row, section)}
    if row.failure is None and row.results:
        found = summary["rounds"]
        summary |= {"median": median(found), "low": min(found), "high": max(found)}
        if flop and METRICS[section][2]:
            summary["of_sgemm"] = median(found) * flop[0] / flop[1]
    kept = [name for name in KEPT if any(name in result for result in row.results)]
    return summary | {name: [result.get(name) for result in row.results] for name in kept}


def figures(group: Group) -> dict[str, Any]:
    """All that is known of a group, as it goes into the JSON file, the table and the picture."""
    flop = nominal_flop(group.rows)
    pairs = [compare(a, b, group.section) for a, b in pairs_of(group)]
    return {
        "section": group.section,
        "model": group.model,
        "batch_size": group.batch,
        "metric": METRICS[group.section][0],
        "sgemm_gflops": flop[1] if flop else None,
        "rows": [summary_of(row, group.section, flop) for row in group.rows],
        "comparisons": [pair for pair in pairs if pair],
    }


def number(value: float | None, more_is_better: bool) -> str:
    return "-" if value is None else f"{value:,.0f}" if more_is_better else f"{value:.2f}"


def memory_of(summary: dict[str, Any]) -> list[str]:
    """Largest figure over the rounds, MiB."""
    found = ([value for value in summary.get(name, []) if value is not None] for name in ("pss_mib", "peak_rss_mib"))
    return [f"{max(some):,.0f}" if some else "-" for some in found]


def table(group: dict[str, Any]) -> str:
    section, more = group["section"], METRICS[group["section"]][2]
    title = f"{section}: {group['model']}, batch {group['batch_size']}; {METRICS[section][1]}"
    own = next((row["median"] for row in group["rows"] if row["ours"] and "median" in row), None)
    heads = ["", "median", "lowest", "highest", "ours is", "of sgemm" if more else "import", "PSS MiB", "peak RSS"]
    lines = [heads]
    for row in group["rows"]:
        if "median" not in row:
            lines.append([row["name"], f"FAILED: {row['failure'] or 'no round'}"])
            continue
        times = f"x {better_by(section, own, row['median']):.2f}" if own and not row["ours"] else ""
        last = f"{row['of_sgemm']:.2f}" if "of_sgemm" in row else "-"
        if not more:
            last = number(median(row["import_s"]), False)
        cells = [number(row[name], more) for name in ("median", "low", "high")]
        lines.append([row["name"], *cells, times if section != "scaling" else "", last, *memory_of(row)])
    wide = max(len(line[0]) for line in lines)
    text = [title, *(aligned(line, wide) for line in lines)]
    for pair in group["comparisons"]:
        text.append(
            f"  {pair['ours']} is {pair['ratio']:.2f} times {pair['theirs']}; by rounds {pair['ratio_per_round']:.2f} "
            f"({pair['ratio_low']:.2f} to {pair['ratio_high']:.2f})"
        )
    return "\n".join(text) + "\n"


def aligned(line: list[str], wide: int) -> str:
    if len(line) == 2:
        return f"  {line[0]:<{wide}}  {line[1]}"
    return f"  {line[0]:<{wide}}" + "".join(f"{cell:>11}" for cell in line[1:]).rstrip()


def first_line(words: list[str], folder: Path) -> str | None:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=20, check=True)
        return (done.stdout.strip().splitlines() or [""])[0]
    except (OSError, subprocess.SubprocessError):
        return None


def machine(program: str, cores: int, root: Path) -> dict[str, Any]:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith(("model name", "Model"))]
    commit = first_line(["git", "rev-parse", "--short=12", "HEAD"], root)
    changed = first_line(["git", "status", "--porcelain", "--untracked-files=no"], root)
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": cores,
        "load": os.getloadavg()[0],  # of others: the race has not begun
        "system": f"{platform.system()} {platform.release()}",
        "mnist_dist": first_line([program, "--version"], root),
        "commit": f"{commit}, with changes" if commit and changed else commit,
    }


def heading(results: dict[str, Any]) -> str:
    box, setting = results["machine"], results["settings"]
    seconds = f", slower ones for about {setting['seconds']:g} s" if setting["seconds"] else ""
    return (
        f"{results['date']}  {box['cpu']}, {box['cores']} cores, {box['system']}, load before {box['load']:.1f}\n"
        f"{box['mnist_dist']}, commit {box['commit']}\n"
        f"{setting['rounds']} rounds, {setting['images']:,} images each{seconds}\n"
    )
