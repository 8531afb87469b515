"""package.py DATA: exercises mnist_dist_tools on runs that it trains here, on the data set in
DATA."""

import json
import os
import pathlib
import shutil
import signal
import struct
import sys
import threading
import time
from contextlib import contextmanager

import h5py
import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import classification_report, confusion_matrix, log_loss

import mnist_dist_tools as tools
from mnist_dist_tools.commands.report import report
from mnist_dist_tools import figures, figures_answers, live, network, predictions, program, times
from mnist_dist_tools.program import options_of

sys.path.append(str(pathlib.Path(__file__).parent.parent / "interop"))
import rows  # noqa: E402

DATA = sys.argv[1]
SMALL = {
    "data": DATA,
    "epochs": 2,
    "batch_size": 50,
    "model": "conv2d 4 3 relu; maxpool 2; flatten; dense 10",
}
STEPS = 22  # of an epoch: 1,080 images


def must(true, what):
    if not true:
        sys.exit(f"FAILED: {what}")


@contextmanager
def refused(kind, words):
    """The block must raise this exception, in one line that holds the words."""
    try:
        yield
    except kind as error:
        must(
            words in str(error) and "\n" not in str(error),
            f"{kind.__name__} says '{error}', not '{words}'",
        )
        return
    sys.exit(f"FAILED: no {kind.__name__}: {words}")


def spoil(run, name, **files):
    """A copy of the run in which some files have another content; None: they are gone."""
    copy = run.path.parent / name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run.path, copy)
    for file, content in files.items():
        path = copy / file.replace("__", ".")
        path.unlink() if content is None else path.write_text(content)
    return copy


def check_start():
    """train, on two layouts; the same bits; a run that goes on."""
    must(
        options_of({"batch_size": 5, "profile": True, "keep": None, "resume": False})
        == ["--batch-size=5", "--profile"],
        "options",
    )
    must(options_of({"shuffle": False}) == ["--shuffle=no"], "options: shuffle")
    one = tools.train("one", threads=1, profile=True, **SMALL)
    two = tools.train("two", ranks=2, threads=1, show="none", **SMALL)
    must(one.complete and two.complete, "both runs are complete")
    must(
        one.result["parameters_digest"] == two.result["parameters_digest"],
        "the same bits on 1 and 2 ranks",
    )
    must(
        two.result["ranks"] == 2 and "2 of 2 epochs, complete" in repr(two),
        "the layout, and the run in words",
    )
    with refused(tools.ProgramFailed, "holds a run already"):
        tools.train("one", threads=1, **SMALL)
    with refused(tools.ProgramFailed, "exit code 64"):
        tools.train("wrong", nonsense=3)
    with refused(tools.UsageError, "at least one"):
        tools.train("wrong", ranks=0)
    with refused(tools.MissingInput, "no such program"):
        tools.train("wrong", program="./absent")
    first = tools.train("parts", threads=1, **SMALL | {"epochs": 1})
    must(first.complete and len(first.epochs) == 1, "one epoch")
    whole = tools.train("parts", threads=1, resume=True, **SMALL)
    must(
        whole.result["parameters_digest"] == one.result["parameters_digest"],
        "resumed: the same bits",
    )
    return one, two


@contextmanager
def environment(**values):
    """The block sees these variables, and no build of this project; None: the variable is not set."""
    before, home = dict(os.environ), program.HOME
    for name, value in values.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = str(value)
    program.HOME = pathlib.Path("project").resolve()
    try:
        yield program.HOME
    finally:
        program.HOME = home
        os.environ.clear()
        os.environ.update(before)


STAND_IN = """#!/bin/sh
[ "$*" = --build-only ] && [ -n "$BUILT" ] || { echo 'quickstart.sh: packages are missing' >&2; exit 69; }
mkdir -p "${0%/*}/../build/release" && ln -s "$BUILT" "${0%/*}/../build/release/mnist_dist"
"""


def check_program():
    """The program is missing, or is built first; the data set is missing."""
    real, nowhere = os.environ["MNIST_DIST"], {"MNIST_DIST": None, "PATH": "/nonexistent"}
    with environment(**nowhere), refused(tools.MissingInput, "mnist_dist was not found: build it"):
        tools.train("absent", **SMALL)
    with environment(MNIST_DIST="gone/mnist_dist"), refused(tools.MissingInput, "gone/mnist_dist"):
        tools.train("absent", **SMALL)
    with environment(MNIST_DIST=os.getcwd()), refused(tools.MissingInput, "no such program"):
        tools.evaluate("one")
    with environment(PATH="/nonexistent"), refused(tools.MissingInput, "mpirun was not found"):
        tools.train("absent", ranks=2, **SMALL)
    must(not pathlib.Path("absent").exists(), "no folder is left")
    must("Total params" in tools.command("summary", "--model", "cnn"), "command")
    with refused(tools.ProgramFailed, "exit code 1"):
        tools.command("verify", "one", "parts/../late")
    with environment(MNIST_DIST=None, MNIST_DIR=DATA, BUILT=None) as home:
        with refused(tools.MissingInput, "was not found"):
            tools.prepare()  # it is not in a folder of the project, so nothing can be built
        (home / "tools").mkdir(parents=True)
        (home / "tools/quickstart.sh").write_text(STAND_IN)
        (home / "tools/quickstart.sh").chmod(0o755)
        with refused(tools.ProgramFailed, "quickstart.sh ended with exit code 69"):
            tools.prepare()
        os.environ["BUILT"] = real
        must(tools.prepare() == str(home / "build/release/mnist_dist"), "it was built")
        os.environ["BUILT"] = "a second build would fail"
        must(tools.prepare() == tools.find_program(), "nothing is built twice")
        (train, labels), (images, _) = tools.load_data()
        must(train.shape == (1200, 28, 28) and len(labels) == 1200 and len(images) == 300, "load_data")
        os.environ["MNIST_DIR"] = "gone"
        with refused(tools.MissingInput, "no data set"):
            tools.load_data("gone")


def check_stopped():
    """A run that is interrupted from the keyboard leaves a checkpoint, and goes on; so does one whose
    time is over."""

    def interrupt():
        while not (pathlib.Path("long/metrics.jsonl").exists() and tools.Run("long").steps.size):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    long = SMALL | {"epochs": 10000, "threads": 1}
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        tools.train("long", **long)
        sys.exit("FAILED: an interrupted training came back")
    except KeyboardInterrupt:
        pass
    step = tools.Run("long").state["step"]
    must(step > 0 and not tools.Run("long").complete, "a checkpoint, and no result")
    run = tools.train("long", resume=True, ranks=2, max_steps=step + 3, **long)
    must(run.complete and run.steps["step"].iloc[-1] == step + 3, "it goes on")
    late = tools.train("late", time_limit="1s", time_margin="0s", **long)
    must(not late.complete and late.state["step"] >= 0, "a run whose time is over, maybe at once")


def check_history(run):
    must(list(run.steps["step"]) == list(range(1, 2 * STEPS + 1)), "steps")
    must(list(run.epochs["step"]) == [STEPS, 2 * STEPS], "epochs")
    must(
        abs(run.steps["loss"][:STEPS].mean() - run.epochs["loss"][0]) < 0.02,
        "loss of the first epoch",
    )
    must(
        set(run.phases["phase"]) == {"forward", "backward", "exchange", "update", "other"}, "phases"
    )
    must(len(tools.history_of(tools.open_runs(["one", "two"]))) == 4, "the history of two runs")
    spans = run.profile
    must(
        len(spans[spans["phase"] == "step"]) == 2 * STEPS and (spans["seconds"] >= 0).all(),
        "profile",
    )
    ends = times.step_ends_s(run)
    must(
        (np.diff(ends) > 0).all() and abs(ends[-1] - run.epochs["seconds"].sum()) < 1e-6,
        "times of steps",
    )


def check_growth(run):
    """A record that is being written, and is cut back."""
    copy = spoil(run, "growing", result__json=None)
    text = (run.path / "metrics.jsonl").read_text()
    record = copy / "metrics.jsonl"
    record.unlink()
    grown = tools.Run(copy)
    must(
        len(grown.steps) == 0 and not grown.complete and not grown.refresh(),
        "a run without a record",
    )
    lines = text.splitlines(keepends=True)
    record.write_text("".join(lines[:5]) + lines[5][:20])
    must(grown.refresh() and len(grown.steps) == 5, "five lines and a torn one")
    must(not grown.refresh(), "nothing new")
    record.write_text("".join(lines[: STEPS + 3]))
    must(
        grown.refresh() and len(grown.steps) == STEPS + 2 and len(grown.epochs) == 1,
        "an epoch more",
    )
    must(grown.steps.equals(run.steps[: STEPS + 2]), "the same values")
    must(live.steps_in_all(grown) == 2 * STEPS and live.seconds_left(grown) > 0, "steps to go")
    record.write_text("".join(lines[:7]))
    must(grown.refresh() and len(grown.steps) == 7 and len(grown.epochs) == 0, "cut back")
    must(live.steps_of_epoch(grown) == STEPS, "steps of an epoch from the data set")
    changed = lines[6].replace("1", "2")
    record.write_text("".join([*lines[:6], changed, *lines[7:12]]))
    must(grown.refresh() and len(grown.steps) == 12, "cut back and grown beyond where it was read")
    record.write_text("".join(lines[:3]) + "nonsense\n")
    with refused(tools.BrokenRun, "line 4 is no record"):
        grown.refresh()
    earlier = spoil(
        run,
        "earlier",
        metrics__jsonl=text + lines[-2].replace(f'"step":{2 * STEPS}', f'"step":{2 * STEPS + 1}'),
    )
    must(not tools.Run(earlier).complete, "a run that goes on is not complete")
    with refused(tools.MissingInput, "not come to its end"):
        tools.Run(earlier).result


def check_test_set(run):
    """scikit-learn's figures are the program's, from predictions.csv and from predictions.h5."""
    answers = run.predictions
    report = (run.path / "report.txt").read_text().rpartition("\nweights: ")[0]
    must(answers.report() == report, "classification report")
    must(answers.confusion.equals(run.confusion), "confusion matrix")
    must(abs(answers.accuracy - run.result["test_accuracy"]) < 1e-8, "accuracy")
    images, labels = run.data()
    must(images.shape == (300, 28, 28) and np.array_equal(labels, answers.labels), "the data set")
    must(0 < (answers.labels != answers.predicted).sum() < 200, "some mistakes, not only mistakes")
    bare = tools.Run(spoil(run, "bare", predictions__h5=None)).predictions
    must(
        bare.report() == answers.report() and bare.confusion.equals(answers.confusion),
        "the same from predictions.csv",
    )
    with refused(tools.MissingInput, "only the probability of each answer"):
        bare.losses()
    full = run.predictions
    with h5py.File(run.path / "predictions.h5") as file:
        predicted, true = file["probabilities"][()].argmax(axis=1), file["labels"][()]
    text = classification_report(true, predicted, digits=4, zero_division=0)
    must(
        (run.path / "report.txt").read_text().startswith(text),
        "report.txt is scikit-learn's report on predictions.h5",
    )
    must(
        np.array_equal(confusion_matrix(true, predicted), run.confusion),
        "confusion.csv is scikit-learn's matrix on predictions.h5",
    )
    must(
        abs(full.loss - run.result["test_loss"]) < 1e-6,
        f"loss {full.loss}, not {run.result['test_loss']}",
    )
    must(
        abs(full.loss - log_loss(labels, full.probabilities.astype(float))) < 1e-6,
        "loss by scikit-learn",
    )
    must(
        list(full.frame.columns[:4]) == ["true", "predicted", "probability", "p_0"]
        and len(full.frame) == 300,
        "frame",
    )
    worst = full.worst(5)
    must(
        (worst["true"] != worst["predicted"]).all()
        and worst["true_probability"].is_monotonic_increasing,
        "worst mistakes",
    )
    must(
        full.losses()[worst.index[0]] == full.losses()[full.labels != full.predicted].max(),
        "the very worst",
    )


def expected_error(probability, right, bins):
    """The definition, answer by answer."""
    total = 0.0
    for b in range(bins):
        inside = [i for i, p in enumerate(probability) if b / bins < p <= (b + 1) / bins]
        if inside:
            gap = abs(sum(probability[i] for i in inside) - sum(right[i] for i in inside)) / len(
                inside
            )
            total += len(inside) / len(probability) * gap
    return total


def check_calibration(run):
    answers = run.predictions
    right = answers.labels == answers.predicted
    found = answers.calibration()
    must(
        abs(found.error - expected_error(answers.probability, right, predictions.BINS)) < 1e-6,
        "calibration error",
    )
    share, mean = calibration_curve(right, answers.probability, n_bins=predictions.BINS)
    must(
        np.allclose(found.bins["accuracy"], share) and np.allclose(found.bins["probability"], mean),
        "reliability curve",
    )
    must(found.bins["count"].sum() == len(answers), "every answer is in one bin")
    # by hand: two answers of 0.9, one right: |0.9 - 0.5|; two of 0.6, both right: |0.6 - 1|; the mean is 0.4
    hand = predictions.Predictions(
        np.array([0, 0, 0, 0]), np.array([0.9, 0.9, 0.6, 0.6]), ["0", "1"], np.array([0, 1, 0, 0])
    )
    must(abs(hand.calibration(10).error - 0.4) < 1e-12, "calibration error by hand")


CHAIN = "lstm 8 sequence; gru 6 sequence; simple_rnn 7; dense 12 sigmoid; leaky_relu; dense 10"


def same_answers(name, spec):
    """A few steps of training; then the model in NumPy answers what the program answers."""
    few = {"limit": 300, "max_steps": 4, "learning_rate": 0.01}
    run = tools.train(name, threads=1, model=spec, data=DATA, **few)
    images, _ = run.data()
    theirs = tools.predict(run.path, images[:64], which="last", threads=1).probabilities
    ours = run.network().answers(images[:64])[-1]
    must(np.abs(theirs - ours).max() < 2e-5, f"'{spec}' is off by {np.abs(theirs - ours).max()}")
    layers = run.weights("last").values()
    count = sum(tensor.size for layer in layers for tensor in layer.values())
    must(count == run.result["parameters"], f"'{spec}' has {count} parameters")
    return run


def check_network():
    """Every kind of layer."""
    rows.check(network.FORWARD, "mnist_dist_tools/network.py")
    for word, spec in rows.read():
        same_answers(f"layer-{word}", spec)
    run = same_answers("chain", CHAIN)
    images, _ = run.data()
    must(run.network().hidden(images[:3]).shape == (3, 12), "the last hidden layer")
    with refused(tools.UsageError, "images of bytes"):
        tools.predict(run.path, np.zeros((2, 28)))
    with refused(tools.MissingInput, "'unheard 5' is no layer"):
        network.layers_of("flatten; unheard 5")


def check_colour():
    """Images with three channels."""
    rng = np.random.default_rng(2)
    folder = pathlib.Path("colour")
    folder.mkdir()
    for name, count in (("train", 200), ("t10k", 60)):
        labels = np.arange(count) % 4
        images = rng.integers(0, 90, (count, 8, 9, 3))
        images[np.arange(count), 2:6, 2 + labels[:, None]] = 220
        head = struct.pack(">5I", 0x804, *images.shape)
        (folder / f"{name}-images-idx4-ubyte").write_bytes(head + images.astype(np.uint8).tobytes())
        head = struct.pack(">2I", 0x801, count)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(head + labels.astype(np.uint8).tobytes())
    spec = "conv2d 4 3 relu; flatten; dense 4"
    run = tools.train("coloured", threads=1, model=spec, data=folder, epochs=1, batch_size=20)
    images, labels = run.data()
    must(images.shape == (60, 8, 9, 3) and run.classes == 4, "colour images")
    theirs = tools.predict(run.path, images, which="last").probabilities
    must(np.abs(theirs - run.network().answers(images)[-1]).max() < 2e-5, "a network of colours")
    page = report([run], pathlib.Path("colour_page"))
    must("data:image/png" in page.read_text(), "a page of colours")


def check_commands(run):
    found = tools.evaluate(run.path, which="last", data=DATA, ranks=2, threads=1)
    must(abs(found.accuracy - run.result["test_accuracy"]) < 1e-8, "evaluate: accuracy")
    must(
        found.confusion.equals(run.confusion)
        and found.parameters_digest == run.result["parameters_digest"],
        "evaluate",
    )
    with refused(tools.ProgramFailed, "exit code 66"):
        tools.evaluate("absent", data=DATA)


def check_broken(run):
    with refused(tools.MissingInput, "no such folder"):
        tools.Run("absent")
    with refused(tools.MissingInput, "no run directory"):
        tools.Run(DATA)
    for name, content, words, get in (
        ("config__json", "{", "cannot be read", lambda r: r.settings),
        ("config__json", "{}", "no settings", lambda r: r.settings),
        ("result__json", '{"model": 1}', "no result", lambda r: r.complete),
        ("metrics__jsonl", '{"kind":"step"}\n', "line 1 is no record", lambda r: r.steps),
        ("confusion__csv", "true,0,1\n", "no confusion matrix", lambda r: r.confusion),
        ("predictions__h5", "x", "no predictions", lambda r: r.predictions),
        ("last__weights__h5", "x", "no checkpoint", lambda r: r.state),
        ("trace__json", '{"traceEvents":[{}]}', "no trace", lambda r: r.profile),
    ):
        with refused(tools.BrokenRun, words):
            get(tools.Run(spoil(run, "broken", **{name: content})))
    bare = spoil(
        run,
        "bare",
        predictions__h5=None,
        predictions__csv="index,true,predicted,probability\n0,3,12,0.5\n",
    )
    with refused(tools.BrokenRun, "outside of 0 to 9"):
        tools.Run(bare).predictions
    for name, get in (
        ("predictions__csv", lambda r: r.predictions),
        ("trace__json", lambda r: r.profile),
    ):
        with refused(tools.MissingInput, "not there"):
            get(tools.Run(spoil(run, "bare", predictions__h5=None, **{name: None})))
    other = json.loads((run.path / "config.json").read_text()) | {"data": "nowhere"}
    with refused(tools.MissingInput, "t10k-images"):
        tools.Run(spoil(run, "moved", config__json=json.dumps(other))).data()
    foreign = spoil(run, "foreign", predictions__h5=None)
    lines = (foreign / "predictions.csv").read_text().splitlines()
    (foreign / "predictions.csv").write_text(
        "\n".join([lines[0], lines[2], lines[1], *lines[3:]]) + "\n"
    )
    with refused(tools.MissingInput, "another data set"):
        tools.Run(foreign).data()


def check_names(run):
    """Class names come from the result, where it has them."""
    result = json.loads((run.path / "result.json").read_text())
    names = [f"class {c}" for c in "abcdefghij"]
    named = tools.Run(spoil(run, "named", result__json=json.dumps(result | {"class_names": names})))
    must(
        named.class_names == names and list(named.predictions.by_class.index) == names,
        "class names",
    )
    must(list(named.confusion.index) == list(named.confusion.columns) == names, "the matrix")
    must(run.class_names == [str(c) for c in range(10)], "digits")
    must(tools.predict(run.path, np.zeros((1, 28, 28), np.uint8)).class_names == run.class_names, "predict")
    must(list(tools.evaluate(run.path).confusion.index) == run.class_names, "evaluate")


def check_long_names(run):
    """Words under the mistakes do not overlap, however long the names of the classes are."""
    result = json.loads((run.path / "result.json").read_text())
    names = [f"a name of {'very ' * 8}many words {c}" for c in "abcdefghij"]
    long = spoil(run, "long-names", result__json=json.dumps(result | {"class_names": names}))
    figure = figures_answers.mistakes(tools.Run(long)).figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    must(len(boxes) > 5, "mistakes")
    pairs = ((a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    must(not any(a.overlaps(b) for a, b in pairs), "words of neighbouring mistakes overlap")


def check_headings(run):
    must(figures.model_words("dense 12; dense 10") == "dense 12; dense 10", "a short chain")
    must(figures.model_words("relu; " * 20 + "dense 10") == "model of 21 layers", "a long chain")
    must(figures.heading(run).startswith("model of 4 layers on data: "), "the heading of a run")


def check_sparklines():
    must(live.sparkline([0, 1], 8) == "▁█" and live.sparkline([3, 3], 8) == "▅▅", "sparkline")
    must(
        live.sparkline(range(100), 4, "abcd") == "abcd" and live.sparkline([float("nan")], 4) == "",
        "sparkline, means",
    )
    must(
        live.duration(59.6) == "1:00 min"
        and live.duration(7262) == "2:01 h"
        and live.duration(None) == "unknown",
        "durations",
    )


def main():
    begin = time.monotonic()
    one, _ = check_start()
    check_stopped()
    check_program()
    check_history(one)
    check_growth(one)
    check_test_set(one)
    check_calibration(one)
    check_network()
    check_colour()
    check_commands(one)
    check_broken(one)
    check_names(one)
    check_long_names(one)
    check_headings(one)
    check_sparklines()
    print(f"all is as documented ({time.monotonic() - begin:.0f} s), {pathlib.Path.cwd().name}")


main()
