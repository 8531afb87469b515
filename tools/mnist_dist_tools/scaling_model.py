"""How the time of a step grows with the number of ranks, as a formula: by Extra-P, which is started
as a program (pip install extrap; A. Calotoiu et al., "Using Automated Performance Modeling to Find
Scalability Bugs in Complex Codes", SC 2013)."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .errors import BrokenRun, MissingInput
from .scaling import STRONG, Study
from .scaling_files import LEAST_FOR_A_MODEL, extrap_files

OPTIONS = ["--measure", "median", "--disable-progress"]
# A negative power lets a time fall as ranks are added.
STRONG_OPTIONS = ["--options", "allow_negative_exponents=true"]
NEGLIGIBLE_S = 1e-12


def formula(text: str) -> str:
    """Extra-P's 0.005+0.002*log2(p)**(1), which is seconds, in words: 5 ms + 2 ms log2 p."""
    text = text.replace(" ", "").replace("log2(p)", "L")
    text = re.sub(r"\d+(?:\.\d+)?e[-+]?\d+", lambda found: f"{float(found[0]):.20f}", text)
    text = re.sub(r"\*\*\(([^)]*)\)", r"^{\1}", text)
    words = ""
    for term in re.findall(r"(?:^|[+-]+)(?:[^+\-{}]|\{[^}]*\})+", text):
        number, *factors = term.split("*")
        try:
            value = float(number.replace("+-", "-"))
        except ValueError as error:
            raise BrokenRun(f"extrap's formula cannot be read: {text}") from error
        if abs(value) < NEGLIGIBLE_S:
            continue
        sign = ("-" if value < 0 else "+") if words else ("-" if value < 0 else "")
        words += f" {sign} " if words else sign
        words += " ".join([f"{abs(value) * 1e3:.4g} ms", *map(_factor, factors)])
    return words or "0 ms"


def _factor(text: str) -> str:
    """p^{1/4} as p^(1/4), L^{1} as log2 p, L^{2} as (log2 p)^2."""
    name, _, power = text.rstrip("}").partition("^{")
    base = "log2 p" if name == "L" else name
    if power in ("", "1"):
        return base
    if name == "L":
        base = "(log2 p)"
    return f"{base}^{power}" if power.isdigit() else f"{base}^({power})"


def models_of(study: Study) -> dict[str, str]:
    """For each series that has enough points its formula, by the series in words."""
    program = shutil.which("extrap")
    if not program:
        raise MissingInput(
            "extrap was not found: pip install extrap, into an environment on the PATH"
        )
    files = extrap_files(study)
    if not files:
        raise MissingInput(
            f"no series has {LEAST_FOR_A_MODEL} numbers of ranks with the same threads, which"
            " Extra-P needs"
        )
    options = OPTIONS + (STRONG_OPTIONS if study.rule == STRONG else [])
    return {words: _model_of([program, *options], text) for words, text in files.values()}


def _model_of(program: list[str], text: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.jsonl"
        path.write_bytes(text)
        command = [*program, "--json", str(path), "--print", "{callpath}|{model:python}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("step|"):
            return formula(line.split("|", 1)[1])
    last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
    raise BrokenRun(f"extrap made no model (exit code {done.returncode}): {last}")
