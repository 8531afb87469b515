"""strangers.py [TOOL]: in a folder with the runs of strangers.sh, calls every tool for each of them. It must
end with the given exit code and say one line, which begins with its name and holds the given words."""

import contextlib
import importlib
import io
import sys
from pathlib import Path

import mnist_dist_tools.commands

ARGUMENTS = {
    "report": ["--out", "out"],
    "watch": ["--once"],
    "export_tensorboard": ["-o", "out"],
    "export_mllog": [],
}
# They take studies of many runs: scaling.sh and simulate.sh test what these refuse.
STUDIES = {"scaling", "scaling_simulate", "scaling_validate"}
RUNS = (
    ("absent", 66, "no such folder: name a run directory"),
    ("run/result.json", 66, "no such folder: name a run directory"),
    ("empty", 66, "no run directory: it has no config.json"),
    ("other", 65, "config.json: no settings of a run"),
    ("torn", 65, "config.json: cannot be read"),
    ("spoiled", 65, "metrics.jsonl: line "),
    ("cut", 65, "result.json: cannot be read"),
)
# One does not read the file that is damaged; the other draws the rest, as report.sh tests.
UNREAD = {("export_tensorboard", "cut"), ("report", "cut")}


def call(name, run):
    """The exit code of the tool, and what it said."""
    module = importlib.import_module(f"mnist_dist_tools.commands.{name}")
    sys.argv = [f"{name}.py", run, *ARGUMENTS[name]]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        return module.main(), said.getvalue()


def wrong(name):
    for run, wanted, words in RUNS:
        if (name, run) in UNREAD:
            continue
        code, said = call(name, run)
        one_line = said.count("\n") == 1 and said.startswith(f"{name}.py: {run}")
        if code != wanted or words not in said or not one_line:
            yield f"{name}.py {run}: {code}, not {wanted}: {said}"
    code, said = call(name, "run")
    if code != 0:
        yield f"{name}.py run: {code}: {said}"


def main():
    folder = Path(mnist_dist_tools.commands.__file__).parent
    tools = sorted({path.stem for path in folder.glob("[a-z]*.py")} - STUDIES)
    if tools != sorted(ARGUMENTS):
        sys.exit(f"the tools are {tools}: write a row of ARGUMENTS for each")
    chosen = sys.argv[1:] or tools
    found = [what for name in chosen for what in wrong(name)]
    sys.exit("\n".join(found) or 0)


main()
