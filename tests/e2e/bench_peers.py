"""bench_peers.py SOURCE SCRATCH: tools/bench_peers.py with made-up peers and a made-up program, so that all figures are known.

Then the same checks on copies of the tool with one mistake each: all must be noticed.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SOURCE, SCRATCH = Path(sys.argv[1]), Path(sys.argv[2])

# Images/s by round. Mean, median, best and last of a contender all differ, as do the ratio of medians and the median ratio.
RATES = {
    "ours": [400, 900, 500],
    "ours bf16": [600, 800, 700],
    "torch eager": [100, 300, 200],
    "torch channels_last": [350, 50, 60],
    "tensorflow graph": [90, 0, 0],  # ends in its second round
    "tensorflow jit": [10, 20, 30],  # the same worker: it goes on in a new one
    "torch eager bf16": [150, 260, 250],
    "openvino bf16": [300, 300, 300],
}
NAMES = {
    "mnist_dist": "ours",
    "mnist_dist, bf16": "ours bf16",
    "PyTorch, eager": "torch eager",
    "PyTorch, channels_last": "torch channels_last",
    "PyTorch, compile": "torch compile",
    "Keras on TensorFlow, graph": "tensorflow graph",
    "Keras on TensorFlow, jit": "tensorflow jit",
    "Keras on JAX, jit": "jax jit",
    "ONNX Runtime": "onnxruntime",
    "OpenVINO": "openvino",
    "PyTorch, eager, bf16": "torch eager bf16",
    "PyTorch, channels_last, bf16": "torch channels_last bf16",
    "PyTorch, compile, bf16": "torch compile bf16",
    "Keras on TensorFlow, graph, bf16": "tensorflow graph bf16",
    "Keras on TensorFlow, jit, bf16": "tensorflow jit bf16",
    "Keras on JAX, jit, bf16": "jax jit bf16",
    "OpenVINO, bf16": "openvino bf16",
}
PEERS = "torch", "tensorflow", "jax", "onnxruntime", "openvino"
RUNTIMES = PEERS[3:]

COMMON = """
import json, os, subprocess, sys, time
RATES = %r
def log(*words):
    with open(os.environ["FAKE_LOG"], "a") as file:
        print(*words, file=file)
def rate(name):
    with open(os.environ["FAKE_LOG"]) as file:
        done = sum(line == f"begin {name}\\n" for line in file)
    log("begin", name)
    time.sleep(0.02)
    log("end", name)
    return RATES.get(name, [77])[done %% len(RATES.get(name, [77]))]
"""

WORKER = """
if sys.argv[1].endswith("export_onnx.py"):
    sys.exit(open(sys.argv[sys.argv.index("-o") + 1], "w").close())
assert sys.argv[1] == "-m"
peer = os.environ["KERAS_BACKEND"]
def name_of(task):
    assert os.path.exists(task["reference"] + "/predictions.csv")
    return " ".join(filter(None, [peer, task["variant"], "bf16" if task["precision"] == "bf16" else ""]))
child = subprocess.Popen(["sleep", "600"])
log("started", peer, os.getpid(), child.pid)
print("noise {", flush=True)
print(json.dumps({"reply": {"versions": {peer: "1"}}}), flush=True)
for line in sys.stdin:
    message = json.loads(line) if line.strip() else None
    if not message:
        continue
    name = name_of(message["task"]) if message["task"] else ""
    reply = {"reply": {}}
    if message["do"] == "prepare":
        log("prepared", name)
        if name == "torch compile":
            reply = {"failed": "RuntimeError: no compiler"}
    elif message["do"] == "time":
        if name == "jax jit":
            log("hangs")
            time.sleep(600)
        found = rate(name)
        if not found:
            print("out of luck", file=sys.stderr)
            os._exit(1)
        reply = {"reply": {"images_per_second": found, "steps": 1}}
    elif message["do"] == "first":
        reply = {"reply": {"first_step_s": 0.1, "pss_mib": 50.0}}
    sys.stdout.write("noise without an end")
    print("\\n" + json.dumps(reply), flush=True)
"""

BENCH = """
words = sys.argv[1:]
if words == ["--version"]:
    sys.exit(print("made up 1.0"))
if words[0] == "train":
    sys.exit(os.mkdir(words[words.index("--out") + 1]))
if words[0] == "predict":
    sys.exit(print("image,p0"))
assert words[0] == "bench", words
value = lambda name: words[words.index(name) + 1]
if not os.path.isdir(value("--data")):
    sys.exit(66)
mode = "inference" if "--inference" in words else "training"
if mode == "inference" and "FAKE_OLD" in os.environ:
    print("unknown option '--inference'", file=sys.stderr)
    sys.exit(64)
assert os.getenv("OMP_NUM_THREADS") is None
ranks = os.environ.get("FAKE_RANKS")
precision = value("--precision") if "--precision" in words else ""
assert precision in ("", "bf16")
found = 100.0 * int(ranks) if ranks else rate(f"ours {precision}".strip())
print("a warning")
print(json.dumps({"mode": mode, "images_per_second": 1000.0, "step_ms": {"total": 1e3 * int(value("--batch-size")) / found},
                  "gflops_nominal": 10.0, "sgemm_gflops": 20.0, "pss_mib": 5.0, "startup_s": 0.01,
                  "steps": int(value("--max-steps"))}))
"""

MPIRUN = """
words = sys.argv[1:]
at = words.index("-n")
os.environ["FAKE_RANKS"] = words[at + 1]
os.execv(words[at + 2], words[at + 2:])
"""


def write_program(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{COMMON % RATES}{body}", encoding="utf-8")
    path.chmod(0o755)


def make_world():
    for peer in PEERS:
        write_program(SCRATCH / f"venv/{peer}/bin/python", WORKER)
    write_program(SCRATCH / "mnist_dist", BENCH)
    for name in "mpirun", "mpirun.openmpi":
        write_program(SCRATCH / f"bin/{name}", MPIRUN)
    (SCRATCH / "data").mkdir()
    image = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28, *[9] * 784])
    (SCRATCH / "data/train-images-idx3-ubyte").write_bytes(image)


def start(tools, out, *options, **more):
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    world = os.environ | {"FAKE_LOG": str(out / "log"), "PATH": f"{SCRATCH}/bin:{os.environ['PATH']}"}
    world |= {"OMP_NUM_THREADS": "7", **more}  # the first must reach no worker
    (out / "log").touch()
    words = [sys.executable, tools / "bench_peers.py", "--mnist-dist", SCRATCH / "mnist_dist"]
    words += ["--data", SCRATCH / "data", "--models", "cnn", "--batches", "128", "--out", out, *options]
    for peer in PEERS:
        words += ["--venv", f"{peer}={SCRATCH}/venv/{peer}"]
    pipe = subprocess.PIPE
    return subprocess.Popen([str(word) for word in words], env=world, stdout=pipe, stderr=pipe, text=True)


def finish(process, code):
    output, errors = process.communicate(timeout=60)
    expect(process.returncode, code, f"exit code; {errors}")
    return output


def log_of(out):
    return (out / "log").read_text(encoding="utf-8").splitlines()


def expect(found, wanted, what):
    close = isinstance(wanted, float) and isinstance(found, (int, float)) and abs(found - wanted) <= 1e-12 * abs(wanted)
    if found != wanted and not close:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


def none_left(out):
    for line in log_of(out):
        if line.startswith("started"):
            for pid in line.split()[2:]:
                stat = Path(f"/proc/{pid}/stat")
                if stat.exists() and stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX":
                    raise AssertionError(f"process {pid} is left: {line}")


def expected_order(contenders, able):
    """Round r begins with contender r; able(name, round): it is still in the race."""
    return [
        name
        for number in range(3)
        for name in contenders[number:] + contenders[:number]
        if able(name, number)
    ]


def group_of(out, section):
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return next(group for group in results["groups"] if group["section"] == section)


def check_order(out, peers):
    """One after another, in the order that rotates."""
    events = [line.split(" ", 1) for line in log_of(out) if line.split()[0] in ("begin", "end")]
    begun = [name for kind, name in events if kind == "begin"]
    expect([name for kind, name in events if kind == "end"], begun, "a worker ends before another begins")
    expect([kind for kind, _ in events], ["begin", "end"] * len(begun), "no two workers run at once")
    contenders = [name for name in NAMES.values() if name.split()[0] in ("ours", *peers)]
    lost = {"torch compile": 0, "jax jit": 0, "tensorflow graph": 2}  # in that round, and after it, it does not run
    expect(begun, expected_order(contenders, lambda name, number: number < lost.get(name, 3)), "the order")


def check_figures(out):
    """torch alone: the best peer is eager by its median, and channels_last by its best round."""
    group = group_of(out, "training")
    rows = {NAMES[row["name"]]: row for row in group["rows"]}
    expect(rows["ours"]["rounds"], [400.0, 900.0, 500.0], "images over the time of all steps")
    for name, median, low, high in (("ours", 500.0, 400.0, 900.0), ("torch channels_last", 60, 50, 350)):
        expect([rows[name][key] for key in ("median", "low", "high")], [median, low, high], name)
    expect(rows["ours"]["of_sgemm"], 500.0 * 0.01 / 20, "our share of sgemm")
    expect(rows["torch eager"]["of_sgemm"], 200.0 * 0.01 / 20, "the peer's share of sgemm")
    theirs = [pair["theirs"] for pair in group["comparisons"]]
    wanted = ["PyTorch, eager, bf16", "PyTorch, eager", "PyTorch, eager, bf16"]
    expect(theirs, wanted, "the best peers, of any precision and of ours")
    fastest, pair, pair_bf16 = group["comparisons"]
    expect(pair_bf16["ours"], "mnist_dist, bf16", "who is compared last")
    expect(pair_bf16["ratio"], 700.0 / 250, "ratio of medians, in bf16")
    expect(pair["ratio"], 2.5, "ratio of medians")
    expect(pair["ratio_per_round"], 3.0, "median of the rounds' ratios")
    expect([pair["ratio_low"], pair["ratio_high"]], [2.5, 4.0], "range of the rounds' ratios")
    expect(fastest["ratio"], 2.0, "ratio of medians, to the fastest of any precision")
    expect(rows["torch compile"]["failure"], "RuntimeError: no compiler", "why it failed")
    expect("median" in rows["torch compile"], False, "a failed row has no median")


def check_torch(tools, out):
    output = finish(start(tools, out, "--peers", "torch", "--section", "training"), 0)
    check_order(out, ["torch"])
    check_figures(out)
    for words in "x 2.50", "FAILED: RuntimeError: no compiler", "is 2.50 times PyTorch, eager; by rounds 3.00":
        expect(words in output, True, f"the table says '{words}':\n{output}")
    none_left(out)


def check_failures(tools, out):
    """A worker that dies and one that hangs: rows with the reason; the dead one's other contender goes on."""
    finish(start(tools, out, "--section", "training", "--timeout", "1"), 0)
    check_order(out, ["torch", "tensorflow", "jax"])
    check_figures(out)
    rows = {NAMES[row["name"]]: row for row in group_of(out, "training")["rows"]}
    expect(rows["tensorflow graph"]["failure"], "the worker ended: out of luck", "the dead worker")
    expect(rows["jax jit"]["failure"], "no answer after 1 s", "the hanging worker")
    expect(rows["tensorflow jit"]["median"], 20, "the contender in the dead worker")
    starts = [line.split()[1] for line in log_of(out) if line.startswith("started")]
    expect([starts.count(peer) for peer in PEERS], [1, 2, 2, 0, 0], "each worker starts once, and after it was lost")
    none_left(out)


def check_sections(tools, out):
    sections = "scaling,inference,startup"
    finish(start(tools, out, "--peers", "torch,onnxruntime,openvino", "--section", sections, "--rounds", "2"), 0)
    ratios = {
        tuple(pair[side].rsplit("x", 1)[0] for side in ("ours", "theirs")): pair["ratio"]
        for pair in group_of(out, "scaling")["comparisons"]
    }
    expect(ratios["mnist_dist 8", "mnist_dist 2"], 4.0, "eight ranks against two")
    expect(ratios["mnist_dist 2", "mnist_dist 1"], 200.0 / 650, "two ranks against one")
    expect(ratios["mnist_dist 2", "PyTorch DDP 2"], 200.0 / 77, "two ranks against the peer's")
    expect(ratios["mnist_dist 8", "PyTorch DDP 8"], 800.0 / 77, "eight ranks against the peer's")
    own = group_of(out, "inference")["rows"][0]
    expect(own["median"], 450, "forward alone")  # the rounds after those of scaling
    pairs = [(pair["theirs"], pair["ratio"]) for pair in group_of(out, "inference")["comparisons"]]
    wanted = [("OpenVINO, bf16", 450.0 / 300), ("PyTorch, eager", 450.0 / 200), ("OpenVINO, bf16", 700.0 / 300)]
    expect(pairs, wanted, "forward alone, against the best peers")
    names = [row["name"] for row in group_of(out, "inference")["rows"]]
    expect([name for name in names if "O" in name], ["ONNX Runtime", "OpenVINO", "OpenVINO, bf16"], "the runtimes")
    startup = group_of(out, "startup")
    ours, theirs = (row["median"] for row in startup["rows"])
    expect(startup["comparisons"][0]["ratio"], theirs / ours, "less is better")
    none_left(out)
    finish(start(tools, out, "--peers", "torch", "--section", "inference", FAKE_OLD="1"), 0)
    own = group_of(out, "inference")["rows"][0]
    expect(own["failure"], "exit code 64: unknown option '--inference'", "an older program")


def check_interruption(tools, out, number):
    """While a worker is busy: all processes end, and finished results stay."""
    process = start(tools, out, "--section", "training")
    give_up = time.monotonic() + 30
    while "hangs" not in log_of(out) and time.monotonic() < give_up:
        time.sleep(0.02)
    process.send_signal(number)
    finish(process, 130)
    none_left(out)


def check_refusals(tools, out):
    for code, options in (64, ["--peers", "theano"]), (64, ["--rounds", "0"]), (66, ["--data", SCRATCH / "venv"]):
        finish(start(tools, out, *options), code)


MISTAKES = [
    ("race.py", "return rows[first:] + rows[:first]", "return rows", "the order"),
    ("race.py", "for number in range(rounds):\n        for row in rotated(rows, number):",
     "for row in rows:\n        for number in range(rounds):", "the order"),
    ("race.py", "task.batch * 1e3 / step_ms if step_ms else", "", "images over the time"),
    ("race.py", "self.failure = str(failure)", "self.failure = 'failed'", "why it failed"),
    ("report.py", "ours / theirs if METRICS[section][2] else theirs / ours", "theirs / ours", "ratio of medians"),
    ("report.py", "median(own), median(other)", "max(own), max(other)", "ratio of medians"),
    ("report.py", '"ratio_per_round": median(rounds)', '"ratio_per_round": max(rounds)', "rounds' ratios"),
    ("report.py", "median(values(row, section)), default", "max(values(row, section)), default", "the best peer"),
    ("report.py", "peer.contender.task.precision == row.contender.task.precision", "True", "the best peer"),
    ("report.py", "fastest, fastest_alike = best(peers,", "fastest, fastest_alike = best(alike,", "the best peer"),
    ("race.py", 'if task.precision == "bf16" else []', "if False else []", "the order"),
    ("report.py", "median(found) * flop[0] / flop[1]", "median(found) * flop[0]", "share of sgemm"),
]  # fmt: skip


def check_mistakes():
    """Each check can say no."""
    for i, (name, right, wrong, words) in enumerate(MISTAKES):
        tools = SCRATCH / f"mistake{i}/tools"
        shutil.copytree(SOURCE / "tools", tools)
        path = tools / "peers" / name
        text = path.read_text(encoding="utf-8")
        expect(text.count(right), 1, f"{name} holds '{right}' once")
        path.write_text(text.replace(right, wrong), encoding="utf-8")
        try:
            check_torch(tools, SCRATCH / "out")
        except AssertionError as noticed:
            expect(words in str(noticed), True, f"'{words}' in '{noticed}'")
            continue
        raise AssertionError(f"'{wrong}' in {name} was not noticed")


make_world()
check_torch(SOURCE / "tools", SCRATCH / "out")
check_failures(SOURCE / "tools", SCRATCH / "out")
check_sections(SOURCE / "tools", SCRATCH / "out")
for asked in signal.SIGINT, signal.SIGTERM:
    check_interruption(SOURCE / "tools", SCRATCH / "out", asked)
check_refusals(SOURCE / "tools", SCRATCH / "out")
check_mistakes()
print(f"bench_peers: order, figures and failures as documented; {len(MISTAKES)} mistakes noticed")
