"""Checks notebooks.

notebooks.py stored DIR         as they are in the repository: no outputs, the steps in their order,
                                each with its sentences, what they import in requirements.txt
notebooks.py executed DIR RUNS  after tools/notebooks/render.sh: all cells ran, and the figures that they
                                printed are those of the runs in the folder RUNS
Prints each case; exit 1 when there is one."""

import ast
import json
import re
import sys
from pathlib import Path

NAMES = ("cnn", "rnn", "lstm", "same_bits", "keras")
STORY = ("import", "load", "look", "define", "train", "evaluate", "predict", "report", "confusion", "curve")
COLUMNS = 100  # of code: wider lines must be scrolled
OWN = {"mnist_dist_tools"}  # what the notebooks import without requirements.txt
PACKAGES = {"sklearn": "scikit-learn", "PIL": "pillow"}  # where the module has another name


def read(folder, name):
    return json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def code(book):
    return [cell for cell in book["cells"] if cell["cell_type"] == "code"]


# ---- as they are stored ----


def imports_of(cell):
    for node in ast.walk(ast.parse(source(cell))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


def wrong_as_stored(book, name, packages):
    for cell in code(book):
        if cell["outputs"] or cell["execution_count"] is not None:
            yield f"cell {cell['id']} has outputs"
        for module in set(imports_of(cell)) - set(sys.stdlib_module_names) - OWN:
            if PACKAGES.get(module, module) not in packages:
                yield f"cell {cell['id']} imports {module}, which is not in requirements.txt"
        if max(map(len, source(cell).splitlines())) > COLUMNS:
            yield f"cell {cell['id']} has a line of more than {COLUMNS} columns"
    title = book["cells"][0]
    if title["cell_type"] != "markdown" or not source(title).startswith("# "):
        yield "does not begin with a title"
    for cell in book["cells"]:
        heading, _, words = source(cell).partition("\n")
        if cell["cell_type"] == "markdown" and heading.startswith("## ") and heading != "## Go on":
            if len(re.findall(r"[.:](?=\s|$)", words)) < 2:
                yield f"cell {cell['id']} teaches with fewer than two sentences"
    steps = [cell["id"] for cell in code(book)]
    if name in ("cnn", "rnn", "lstm") and [step for step in steps if step in STORY] != list(STORY):
        yield f"the steps are not {', '.join(STORY)}"
    if "prepare" not in steps:
        yield "no cell builds the program where it is missing"


# ---- executed ----


def printed(book):
    """All text of the outputs of a notebook."""
    parts = []
    for cell in code(book):
        for output in cell["outputs"]:
            parts.append("".join(output.get("text", "")))
            parts.append("".join(output.get("data", {}).get("text/plain", "")))
            parts.append("".join(output.get("data", {}).get("text/html", "")))
    return "\n".join(parts)


def figures_of(run, name):
    """What the notebook must have printed of a run of its own."""
    result = json.loads((run / "result.json").read_text())
    yield result["parameters_digest"]
    if name in ("cnn", "rnn", "lstm"):
        yield f"test loss {result['test_loss']:.4f}, test accuracy {result['test_accuracy']:.4f}"
        yield f"on {result['test_samples']:,} images"
        yield (run / "report.txt").read_text().rpartition("\nweights: ")[0] or (run / "report.txt").read_text()
        last = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][-1]
        yield f"{last['val_loss']:.4f}"
    if name == "keras":
        yield f"test accuracy {result['test_accuracy']:.4f}"


def wrong_as_executed(book, name, runs):
    for cell in code(book):
        if cell["execution_count"] is None:
            yield f"cell {cell['id']} did not run"
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"cell {cell['id']}: {output['ename']}"
    text = printed(book)
    mine = [run for run in sorted(runs.iterdir()) if re.search(rf"\b{run.name}\b", text)]
    if not mine:
        yield "names no run"
    for run in mine:
        for figure in figures_of(run, name):
            if figure not in text:
                yield f"does not print '{figure[:60]}' of {run.name}"


def main(kind, folder, runs=None):
    text = Path(__file__).parents[2] / "tools/notebooks/requirements.txt"
    packages = set(re.findall(r"^[A-Za-z0-9_-]+", text.read_text(), flags=re.M))
    count = 0
    for name in NAMES:
        book = read(Path(folder), name)
        if kind == "stored":
            wrong = wrong_as_stored(book, name, packages)
        else:
            wrong = wrong_as_executed(book, name, Path(runs))
        for what in wrong:
            print(f"{name}.ipynb: {what}")
            count += 1
    return 1 if count else 0


sys.exit(main(*sys.argv[1:]))
