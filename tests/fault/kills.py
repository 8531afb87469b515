"""kills.py COUNT CSV [SEED]: COUNT random kills of trainings, each followed by --resume on another layout.

SIGKILL hits one rank or mpirun at a random moment: while the run starts, at work, or as soon as a file of a checkpoint that
is being written is seen. The run is then started again and may be hit again, until it ends: with the parameters of a run
that was never hit. A strike after the end, when result.json is there, does not count. One line a kill goes to CSV.

Environment: MNIST_DIST, the program; MPIRUN, the launcher and its options; SCRATCH, an empty folder.
"""
import csv
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

PROGRAM, MPIRUN = os.environ["MNIST_DIST"], os.environ["MPIRUN"].split()
SCRATCH = pathlib.Path(os.environ["SCRATCH"])
TRAINING = ["--data", "synthetic", "--model", "mlp", "--limit", "2000", "--batch-size", "100", "--epochs", "40",
            "--progress", "plain"]
LAYOUTS = ["1x1", "1x2", "2x1", "2x2", "3x1", "4x1"]
CADENCES = ["1steps", "1steps", "3steps", "10steps", "1epoch"]
MARK = "MNIST_DIST_KILLS"  # in the environment of all processes of a run
WRITING = ["next.weights.h5.partial", "next.weights.h5", "best.weights.h5.partial"]
RANK = b"OMPI_COMM_WORLD_RANK=", b"PMI_RANK="  # which Open MPI and MPICH give to a rank
SECONDS = 60  # that nothing here takes, however busy the machine
COLUMNS = ["kill", "training", "layout", "cadence", "moment", "seconds", "victim", "recorded_step", "writing", "torn",
           "status", "checkpoint_step", "resumed_layout", "resumed_step"]


def die(*words):
    raise SystemExit(" ".join(["FAILED:", *map(str, words)]))


def environment():
    """Open MPI's own files go to the scratch folder: they stay when mpirun is killed."""
    places = {"OMPI_MCA_btl_vader_backing_directory": SCRATCH / "shm", "OMPI_MCA_orte_tmpdir_base": SCRATCH / "session"}
    for place in places.values():
        place.mkdir(exist_ok=True)
    return {**os.environ, **{name: str(place) for name, place in places.items()}, MARK: str(SCRATCH),
            "OMPI_MCA_odls_base_sigkill_timeout": "0"}


def processes():
    """Living processes of the run: {number: rank, or None of mpirun}."""
    found = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if f"{MARK}={SCRATCH}".encode() in variables and state != "Z":
            ranks = [v.split(b"=")[1] for v in variables if v.startswith(RANK)]
            found[int(folder.name)] = int(ranks[0]) if ranks else None
    return found


def seconds_until(condition, seconds=SECONDS, pause=0.005):
    """How long it took, or None."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        if pause:
            time.sleep(pause)
    return None


class Run:
    """A training in a folder, from its first start over its kills to its end."""

    def __init__(self, number):
        self.number, self.folder = number, SCRATCH / f"run-{number}"
        self.output = SCRATCH / f"run-{number}.output"
        self.process, self.layout, self.cadence = None, "", ""
        self.numbers = set()  # processes that it had
        self.stale = {}  # what an earlier kill left of a checkpoint

    def start(self, layout, cadence):
        self.layout, self.cadence, self.stale = layout, cadence, self.unfinished()
        ranks, threads = layout.split("x")
        command = [PROGRAM, "train", "--out", self.folder, *TRAINING, "--threads", threads, "--resume",
                   "--checkpoint-every", cadence]
        # ranks write to the file themselves: what mpirun has not yet passed on is lost when it is killed
        command = ["sh", "-c", f'exec "$0" "$@" >>{self.output} 2>&1', *command]
        if ranks != "1":
            command = [*MPIRUN, "-n", ranks, *command]
        with open(self.output, "w"), open(self.output, "a") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment())

    def is_over(self):
        return self.process.poll() is not None

    def says(self):
        return self.output.read_text()

    def is_at_work(self):
        return re.search(r"^run    .*\n", self.says(), re.MULTILINE) is not None

    def unfinished(self):
        found = {}
        for name in WRITING:
            try:
                about = os.stat(self.folder / name)
                found[name] = (about.st_ino, about.st_size, about.st_mtime_ns)
            except OSError:
                pass
        return found

    def is_writing(self):
        """A checkpoint, in this start."""
        return any(self.stale.get(name) != what for name, what in self.unfinished().items())

    def has_ended(self):
        return (self.folder / "result.json").exists()

    def first_step(self):
        """The first step that this start does, None where it has not come to tell."""
        if not self.is_at_work():
            return None
        told = re.search(r"^run    .*, resumed at step (\d+)$", self.says(), re.MULTILINE)
        return int(told[1]) if told else 1

    def recorded_step(self):
        try:
            lines = (self.folder / "metrics.jsonl").read_text().splitlines(keepends=True)
        except OSError:
            return 0
        return max((json.loads(line)["step"] for line in lines if line.endswith("\n")), default=0)

    def checkpoint_step(self):
        """As inspect tells it of the checkpoint that --resume takes; 0: there is none yet."""
        told = subprocess.run([PROGRAM, "inspect", self.folder, "--which", "last"], capture_output=True, text=True)
        step = re.search(r"^ +step +(\d+)$", told.stdout, re.MULTILINE)
        if told.returncode == 66:
            return 0
        return int(step[1]) if told.returncode == 0 and step else die("inspect:", told.stdout, told.stderr)


def victims(run):
    """Number and name of what can be hit: mpirun and the ranks, or the only process."""
    if run.layout.startswith("1x"):
        return [(run.process.pid, "rank 0")]
    found = processes()
    run.numbers |= set(found)
    ranks = [(number, f"rank {rank}") for number, rank in found.items() if rank is not None]
    return [(run.process.pid, "mpirun"), *ranks]


def await_moment(run, moment, dice):
    """Returns at the moment; the run may be over then."""
    if moment == "start":
        return time.sleep(dice.uniform(0, 0.6))
    if seconds_until(lambda: run.is_over() or run.is_at_work()) is None:
        die("nothing begins:", run.says())
    return time.sleep(dice.uniform(0, 1))


def strike(run, moment, dice):
    """Kills; what is known of it, or None where the run had ended before."""
    began = time.monotonic()
    await_moment(run, moment, dice)
    found = victims(run)
    victim, name = found[0] if dice.random() < 0.3 else dice.choice(found)
    if moment == "writing":
        seconds_until(lambda: run.is_writing() or run.is_over(), pause=0)
    writing, ended = run.is_writing(), run.has_ended() or run.is_over()
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return None
    after = time.monotonic() - began
    writing = writing and run.is_writing()
    return None if ended else {"layout": run.layout, "cadence": run.cadence, "moment": moment, "seconds": f"{after:.3f}",
                               "victim": name, "writing": int(writing)}


def nothing_left(run):
    """Processes and shared memory of the run are gone."""
    run.numbers |= set(processes())
    if seconds_until(lambda: not processes(), 10) is None:
        left = processes()
        for number in left:
            os.kill(number, signal.SIGKILL)
        die("processes are left:", left, run.says())
    names = [name for name in os.listdir("/dev/shm") if any(f"mnist_dist-{number}-" in name for number in run.numbers)]
    if names:
        die("in /dev/shm:", names)
    for folder in ("shm", "session"):
        subprocess.run(["rm", "-rf", SCRATCH / folder], check=True)


def wait_for_end(run):
    try:
        return run.process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        die("does not end:", run.says())


class Ledger:
    """The kills up to now, and the checkpoint of the last ones, from which no run has been resumed yet."""

    def __init__(self):
        self.rows, self.open = [], []

    def add(self, run, row):
        row = {"kill": len(self.rows) + 1, "training": run.number, **row}
        self.rows.append(row)
        self.open.append(row)

    def settle(self, run):
        """The first step done is the one after the checkpoint."""
        first = run.first_step()
        if first is None:
            return
        for row in self.open:
            if first != row["checkpoint_step"] + 1:
                die("resumed at step", first, "from", row, run.says())
            row.update(resumed_layout=run.layout, resumed_step=first)
        self.open = []

    def count(self, column):
        return sum(row[column] for row in self.rows)

    def suffices(self, count):
        """At least `count` kills, 30 of 200 during the writing of a checkpoint; or twice `count` with fewer of these."""
        return len(self.rows) >= count and (self.count("writing") >= count * 30 // 200 or len(self.rows) >= 2 * count)


def hit(run, ledger, dice):
    """One start and one strike. True: the strike counts; False: the run has ended."""
    layout = dice.choice([each for each in LAYOUTS if each != run.layout])
    # two of five wait for a checkpoint
    moment = dice.choice(["start", "work", "work", "writing", "writing"])
    run.start(layout, "1steps" if moment == "writing" else dice.choice(CADENCES))
    row = strike(run, moment, dice)
    run.numbers |= {*processes(), run.process.pid}
    code = wait_for_end(run)
    nothing_left(run)
    ledger.settle(run)
    if row is None or run.has_ended():
        if not run.has_ended():
            die("status", code, "without a strike and without an end:", run.says())
        return False
    if code == 0:
        die("killed, and status 0:", run.says())
    row.update(recorded_step=run.recorded_step(), torn=int(run.is_writing()), status=code,
               checkpoint_step=run.checkpoint_step())
    ledger.add(run, row)
    return True


def finish(run, ledger, reference, dice):
    """To the end, which is that of the run that was never hit."""
    run.start(dice.choice(LAYOUTS), "1epoch")
    if wait_for_end(run) != 0:
        die("the last start:", run.says())
    nothing_left(run)
    ledger.settle(run)
    check_end(run, reference)


def digest(run):
    return json.loads((run.folder / "result.json").read_text())["parameters_digest"]


def check_end(run, reference):
    names = lambda of: sorted(path.name for path in of.folder.iterdir())
    if names(run) != names(reference):
        die("files:", names(run), "not", names(reference))
    if digest(run) != digest(reference):
        die("another digest:", run.folder)
    told = subprocess.run([PROGRAM, "verify", reference.folder, run.folder], capture_output=True, text=True)
    if told.returncode != 0:
        die(told.stdout, told.stderr)
    records = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    steps = [record["step"] for record in records if record["kind"] == "step"]
    if steps != list(range(1, reference.recorded_step() + 1)):
        die("steps in the record:", steps)


def can_say_no(reference):
    """A comparison that cannot say no proves nothing."""
    other = Run("other")
    other.start("1x1", "1epoch")
    wait_for_end(other)
    record = other.folder / "metrics.jsonl"
    record.write_text(record.read_text().replace('"kind":"step"', '"kind":"none"', 1))
    try:
        check_end(other, reference)
    except SystemExit:
        return
    die("a run without its first step passes")


def whole_run():
    run = Run("whole")
    run.start("2x1", "1epoch")
    if wait_for_end(run) != 0:
        die("the run without kills:", run.says())
    nothing_left(run)
    return run


def kill_all(count, ledger, reference, dice):
    """Trainings one after the other; each is hit until it ends, or has been hit ten times."""
    trainings = 0
    while not ledger.suffices(count):
        trainings += 1
        run = Run(trainings)
        while not ledger.suffices(count) and sum(row["training"] == trainings for row in ledger.rows) < 10:
            if not hit(run, ledger, dice):
                break
        finish(run, ledger, reference, dice)
        subprocess.run(["rm", "-rf", run.folder, run.output], check=True)
    return trainings


def main(count, path, seed=None):
    count, seed = int(count), int(seed) if seed else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    ledger, dice = Ledger(), random.Random(seed)
    reference = whole_run()
    can_say_no(reference)
    try:
        trainings = kill_all(count, ledger, reference, dice)
    finally:
        with open(path, "w", newline="") as file:
            rows = csv.DictWriter(file, COLUMNS)
            rows.writeheader()
            rows.writerows(ledger.rows)
    writing, torn = ledger.count("writing"), ledger.count("torn")
    print(f"{len(ledger.rows)} kills of {trainings} trainings, {writing} during the writing of a checkpoint, "
          f"{torn} left a file of one that is not whole or not in its place; all ended as the run that was never hit; {path}")
    if len(ledger.rows) < count or ledger.open or writing < count * 30 // 200:
        die("too few kills, of checkpoints or at all: this proves nothing")


main(*sys.argv[1:])
