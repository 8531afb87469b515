#!/usr/bin/env python3
"""A race between mnist_dist and PyTorch, TensorFlow, JAX, ONNX Runtime and OpenVINO: the same models, data and cores, in turn.

Every contender runs once a round, in an order that rotates. The peers are worker processes that sleep while others run;
mnist_dist is a new process each time. Whole training steps are timed (forward, backward, Adam), from initial weights, on
MNIST that lies ready in memory as tensors and in shuffled batches; compilation and warm-up are not timed. mnist_dist gets
no warm-up. Threads: the cores that this process may use (taskset limits all alike). Denormals: as each has them by default.
Before a peer runs, it takes the weights of a network that mnist_dist trained, and must give the same probabilities.

Precisions: f32, and bf16: mnist_dist's --precision bf16, and as each peer offers it (autocast; Keras' mixed_bfloat16; forward
alone a model that is bf16). ONNX Runtime and OpenVINO run forward passes; the former has no bf16 for x86 processors.

sections
  training   whole steps: models x batches
  scaling    global batch 128 on 2 and 8 processes: DistributedDataParallel over gloo, mpirun; and mnist_dist's layouts
  inference  forward passes: models x batches, one batch after the other
  startup    start of the process to the end of its first step, and the memory of a process

The first run makes a virtual environment a peer below build/peers, from tools/peers/requirements: several GB for PyTorch.
"""
from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator, NoReturn

from peers import environments, reference, report
from peers.models import CHAINS, is_convolutional
from peers.processes import Failure
from peers.protocol import Task
from peers.race import Bench, Contender, FreshBench, FreshPeer, Peer, Runner, Setting, race

USAGE, NO_INPUT, SOFTWARE, INTERRUPTED = 64, 66, 70, 130
TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent
SECTIONS, MODELS, PEERS = ("training", "scaling", "inference", "startup"), tuple(CHAINS), tuple(environments.GIB)
USUAL_MODELS = {"training": ["cnn", "lstm", "rnn"], "scaling": ["cnn", "lstm", "rnn"], "inference": ["cnn"]}
TITLES = {
    "torch": "PyTorch",
    "tensorflow": "Keras on TensorFlow",
    "jax": "Keras on JAX",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
}
MODULES = {"torch": "torch_worker", "tensorflow": "keras_worker", "jax": "keras_worker"}
RUNTIMES = ("onnxruntime", "openvino")  # of trained networks
PRECISIONS = ("f32", "bf16")
VARIANTS = {
    "torch": {precision: ("eager", "channels_last", "compile") for precision in PRECISIONS},
    "tensorflow": {precision: ("graph", "jit") for precision in PRECISIONS},
    "jax": {precision: ("jit",) for precision in PRECISIONS},
    "onnxruntime": {"f32": ("",), "bf16": ()},
    "openvino": {precision: ("",) for precision in PRECISIONS},
}
USUAL_BATCHES = {"training": (32, 128, 512), "inference": (1, 32, 128, 512)}
EPOCH = 54000  # mnist_dist's: the rest of the training file validates
SCALING_RANKS, SCALING_BATCH, STARTUP_BATCH = (2, 8), 128, 128
MOST_INFERENCES = 5000  # of one batch: small ones need no whole epoch
BUSY = 0.5  # load average
PLOTTERS = (sys.executable, "/usr/bin/python3")


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def stop(code: int, text: str) -> NoReturn:
    print(f"bench_peers.py: {text}", file=sys.stderr)
    sys.exit(code)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        stop(USAGE, f"{message}; see --help")


def some_of(known: tuple[str, ...]) -> Any:
    def parse(text: str) -> list[str]:
        words = text.split(",")
        if unknown := [word for word in words if word not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return words

    return parse


def numbers(text: str) -> list[int]:
    found = [int(word) for word in text.split(",")]
    if min(found) < 1:
        raise ValueError
    return found


def environment_of(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if name not in PEERS or not (Path(path) / "bin/python").exists():
        raise argparse.ArgumentTypeError(f"{text!r} is not PEER=FOLDER of a virtual environment")
    return name, Path(path) / "bin/python"


def parse(words: list[str]) -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--section", type=some_of(SECTIONS), default=list(SECTIONS), metavar="LIST", help="of the above (all)")
    add("--peers", type=some_of(PEERS), default=list(PEERS), metavar="LIST", help=f"of {','.join(PEERS)} (all)")
    add("--precisions", type=some_of(PRECISIONS), default=list(PRECISIONS), metavar="LIST", help="of f32,bf16 (all)")
    add("--models", type=some_of(MODELS), metavar="LIST", help=f"of {','.join(MODELS)} (cnn,lstm,rnn; inference: cnn)")
    add("--batches", type=numbers, metavar="LIST", help="of training (32,128,512) and inference (1,32,128,512)")
    add("--rounds", type=int, metavar="N", help="how often each contender runs (3)")
    add("--images", type=int, metavar="N", help=f"what a run's steps cover, in whole batches ({EPOCH}: an epoch)")
    add("--seconds", type=float, metavar="S", help="who needs longer than that does fewer steps; 0: never (3)")
    add("--timeout", type=float, default=240, metavar="S", help="who needs longer for one answer has failed (240)")
    add("--quick", action="store_true", help="all sections with few steps: does it work here?")
    add("--mnist-dist", default=str(ROOT / "build/release/mnist_dist"), metavar="FILE", help="(build/release/mnist_dist)")
    add("--data", metavar="DIR", help="the folder of MNIST's files ($MNIST_DIR, data/mnist)")
    add("--venv", type=environment_of, action="append", default=[], metavar="PEER=DIR", help="an environment you have")
    add("--out", metavar="DIR", help="results.json, results.png and logs (build/peers/results/DATE)")
    options = parser.parse_args(words)
    usual = (2, 2560, 0.3, ["cnn"], [128]) if options.quick else (3, EPOCH, 3.0, None, None)
    for name, value in zip(("rounds", "images", "seconds", "models", "batches"), usual):
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.rounds < 1 or options.images < 1 or options.seconds < 0 or options.timeout <= 0:
        parser.error("rounds, images and seconds are positive")
    return options


def find_data(given: str | None) -> str:
    for folder in (given, os.environ.get("MNIST_DIR"), str(ROOT / "data/mnist")):
        if folder:
            if not list(Path(folder).glob("train-images?idx3-ubyte*")):
                break
            return os.path.abspath(folder)
    stop(NO_INPUT, f"{folder}: no train-images-idx3-ubyte; tools/get_data.sh gets it, --data names its folder")


def shell(text: str, *words: str) -> list[str]:
    """What tools/environment.sh knows of this machine."""
    return ["bash", "-c", f'source "$0" && {text}', str(TOOLS / "environment.sh"), *words]


class Field:
    """Who races: the runners of all contenders, made once and kept."""

    def __init__(self, options: argparse.Namespace, setting: Setting, data: str):
        self.options, self.setting, self.data = options, setting, data
        self.cores = int(subprocess.run(shell("usable_cores"), capture_output=True, text=True, check=True).stdout)
        self.pythons: dict[str, Path] = dict(options.venv)
        self.runners: dict[tuple[Any, ...], Runner] = {}
        self.unmade: dict[str, str] = {}
        self.versions: dict[str, str] = {}

    def make_environments(self) -> None:
        below = ROOT / "build/peers"
        wanted = [name for name in self.options.peers if name not in self.pythons]
        environments.announce(environments.missing(wanted, below), below, say)
        for name in wanted:
            try:
                self.pythons[name] = environments.make(name, below)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                self.unmade[name] = str(error)
                say(str(error))

    def peer(self, name: str, kind: type[Peer] = Peer, ranks: int = 1) -> Runner:
        key = (name, kind, ranks)
        if key not in self.runners:
            threads = max(1, self.cores // ranks)
            module = MODULES.get(name, "runtime_worker")
            words = [str(self.pythons[name]), "-m", f"peers.{module}", "--threads", str(threads)]
            words += ["--runtime", name] if name in RUNTIMES else []
            store = str(self.setting.logs / f"{name}-{ranks}.store")
            words += ["--ranks", str(ranks), "--store", store] if ranks > 1 else []
            own = {"KERAS_BACKEND": name, "OMP_NUM_THREADS": str(threads)}
            self.runners[key] = kind(f"{name}-{ranks}", words, own, self.setting)
        return self.runners[key]

    def ours(self, ranks: int = 1, kind: type[Bench] = Bench) -> Runner:
        key = ("mnist_dist", kind, ranks)
        if key not in self.runners:
            launcher = shell('prepare_mpi && exec "${mpirun[@]}" "$@"', "-n", str(ranks)) if ranks > 1 else []
            threads = max(1, self.cores // ranks)
            self.runners[key] = kind(f"mnist_dist-{ranks}", launcher, self.options.mnist_dist, threads, self.setting)
        return self.runners[key]

    def reference(self, model: str) -> str:
        """The folder that the peers are checked with; the graph in it is for those that run graphs."""
        program, environment = self.options.mnist_dist, self.setting.environment
        folder = reference.make(model, self.setting.logs / "reference", program, self.data, environment)
        if runtime := next((name for name in RUNTIMES if name in self.racing("inference")), None):
            reference.export(folder, self.pythons[runtime], program, environment)
        return str(folder)

    def racing(self, mode: str) -> list[str]:
        """Peers that are here and can do it."""
        return [
            name for name in self.options.peers
            if name in self.pythons and (mode == "inference" or name not in RUNTIMES)
        ]  # fmt: skip

    def task(self, model: str, batch: int, mode: str = "training", variant: str = "", precision: str = "f32") -> Task:
        images = self.options.images
        if mode == "inference":
            images = min(images, MOST_INFERENCES * batch)
        agreed = self.reference(model) if self.racing(mode) else ""
        return Task(model, batch, mode, variant, precision, images, self.options.seconds, self.data, agreed)

    def peers(self, model: str, batch: int, mode: str) -> Iterator[Contender]:
        for precision in self.options.precisions:
            for name in self.racing(mode):
                for variant in VARIANTS[name][precision]:
                    if variant != "channels_last" or is_convolutional(model):
                        title = ", ".join(word for word in (TITLES[name], variant, "bf16" * (precision == "bf16")) if word)
                        task = self.task(model, batch, mode, variant, precision)
                        yield Contender(title, False, self.peer(name), task)

    def whole(self, model: str, batch: int, mode: str) -> list[Contender]:
        """mnist_dist on all cores, in f32 and perhaps in bf16, and every variant of every peer."""
        found = [Contender("mnist_dist", True, self.ours(), self.task(model, batch, mode))]
        if "bf16" in self.options.precisions:
            task = self.task(model, batch, mode, precision="bf16")
            found.append(Contender("mnist_dist, bf16", True, self.ours(), task))
        return [*found, *self.peers(model, batch, mode)]

    def scaling(self, model: str) -> list[Contender]:
        """Layouts of mnist_dist, then PyTorch's of the same names: RANKSxTHREADS ends each name."""
        task, found = self.task(model, SCALING_BATCH), []
        for ranks in (1, *SCALING_RANKS):
            layout = f"{ranks}x{max(1, self.cores // ranks)}"
            found.append(Contender(f"mnist_dist {layout}", True, self.ours(ranks), task))
        for ranks in SCALING_RANKS if "torch" in self.options.peers and "torch" in self.pythons else ():
            layout = f"{ranks}x{max(1, self.cores // ranks)}"
            ddp = self.task(model, SCALING_BATCH, variant="ddp")
            found.append(Contender(f"PyTorch DDP {layout}", False, self.peer("torch", ranks=ranks), ddp))
        return found

    def startup(self) -> list[Contender]:
        found = [Contender("mnist_dist", True, self.ours(kind=FreshBench), self.task("cnn", STARTUP_BATCH))]
        for name in self.racing("training"):
            task = self.task("cnn", STARTUP_BATCH, variant=VARIANTS[name]["f32"][0])
            found.append(Contender(TITLES[name], False, self.peer(name, FreshPeer), task))
        return found

    def groups(self) -> Iterator[tuple[str, str, int, list[Contender]]]:
        """Section, model, batch, and who races there."""
        for section in self.options.section:
            if section == "startup":
                yield section, "cnn", STARTUP_BATCH, self.startup()
                continue
            for model in self.options.models or USUAL_MODELS[section]:
                if section == "scaling":
                    yield section, model, SCALING_BATCH, self.scaling(model)
                    continue
                for batch in self.options.batches or USUAL_BATCHES[section]:
                    yield section, model, batch, self.whole(model, batch, section)

    def rest(self) -> None:
        """Between groups: the ranks of a scaling race and of fresh starts are done; the single workers go on."""
        for key, runner in self.runners.items():
            if isinstance(runner, Peer):
                self.versions |= runner.versions
            if key[1] is not Peer or key[2] > 1:
                runner.close()

    def close(self) -> None:
        for runner in self.runners.values():
            runner.close()


def environment() -> dict[str, str]:
    """The environment of the workers: no variable that sets threads, no GPU."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_", "KMP_", "GOMP_"))}
    caches = ROOT / "build/peers/cache"
    return kept | {
        "PYTHONPATH": str(TOOLS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no pool of compilers that outlives the compilation
    }


def save(results: dict[str, Any], out: Path) -> None:
    partial = out / "results.json.partial"
    partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    partial.replace(out / "results.json")


def plot(results: dict[str, Any], out: Path) -> None:
    if not any(group["section"] == "training" for group in results["groups"]):
        return
    for python in PLOTTERS:
        words = [python, "-c", "import matplotlib"]
        if os.access(python, os.X_OK) and subprocess.run(words, capture_output=True, check=False).returncode == 0:
            words = [python, str(TOOLS / "peers/plot.py"), str(out / "results.json"), str(out / "results.png")]
            done = subprocess.run(words, check=False)
            say(f"{out / 'results.png'}" if done.returncode == 0 else "the picture could not be drawn")
            return
    say("no picture: neither this Python nor /usr/bin/python3 has matplotlib (python3-matplotlib)")


def run(field: Field, results: dict[str, Any], out: Path) -> None:
    """Race after race; what is done is on disk and on standard output when the next one is cut."""
    print(report.heading(results), flush=True)
    if results["machine"]["load"] > BUSY:
        say("other programs are busy on this machine: the ratios of such a race mean little")
    for section, model, batch, contenders in field.groups():
        where = f"{section} {model} batch {batch}"
        rows = race(contenders, field.options.rounds, lambda text: say(f"{where}: {text}"))
        field.rest()
        group = report.figures(report.Group(section, model, batch, rows))
        results["groups"].append(group)
        results["versions"] = field.versions
        save(results, out)
        print(report.table(group), flush=True)
    print(", ".join(f"{name} {version}" for name, version in field.versions.items()), flush=True)


def main() -> int:
    options = parse(sys.argv[1:])
    data = find_data(options.data)
    if not os.access(options.mnist_dist, os.X_OK):
        stop(NO_INPUT, f"{options.mnist_dist}: no such program; --mnist-dist names it")
    options.mnist_dist = os.path.abspath(options.mnist_dist)
    out = Path(options.out or ROOT / "build/peers/results" / time.strftime("%Y%m%d-%H%M%S")).resolve()
    (out / "logs").mkdir(parents=True, exist_ok=True)
    field = Field(options, Setting(environment(), out / "logs", options.timeout), data)
    settings = {name: getattr(options, name) for name in ("rounds", "images", "seconds", "peers", "precisions", "quick")}
    results = {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "machine": report.machine(options.mnist_dist, field.cores, ROOT),
        "versions": {}, "settings": settings, "groups": [],
    }  # fmt: skip
    # A termination is an interruption: both end every worker.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        field.make_environments()
        run(field, results, out)
        plot(results, out)
    except Failure as failure:
        stop(SOFTWARE, f"mnist_dist made no network to check the peers with: {failure}")
    except KeyboardInterrupt:
        say("interrupted; what was done until now stays")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them
        field.close()
    say(f"{out / 'results.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
