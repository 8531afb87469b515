"""Replays whose answer is known, and a calibration for simulate.sh.   simulate.py SOURCE PROGRAM SCRATCH"""

import json
import sys
from pathlib import Path

import numpy as np

source, program, scratch = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
sys.path.insert(0, str(source / "tools"))

from mnist_dist_tools import scaling_matrix, simulate  # noqa: E402
from mnist_dist_tools.calibration import Calibration  # noqa: E402
from mnist_dist_tools.commands.scaling_validate import layouts_of  # noqa: E402
from mnist_dist_tools.errors import UsageError  # noqa: E402
from mnist_dist_tools.scaling import Point  # noqa: E402

PLATFORM = source / "tools/platforms/ethernet-25.xml"
TCP = source / "tools/platforms/ethernet-25-tcp.xml"


# SimGrid prints microseconds.
def near(got: float, want: float, tolerance: float = 6e-7) -> None:
    assert abs(got - want) <= tolerance, f"{got}, and not {want}"


def replayed(*files: str, hosts: str, platform: Path = PLATFORM) -> float:
    for rank, text in enumerate(files):
        (scratch / f"{rank}.trace").write_text(text)
    (scratch / "index.txt").write_text("".join(f"{rank}.trace\n" for rank in range(len(files))))
    (scratch / "hosts.txt").write_text("".join(f"host-{h}\n" for h in hosts.split()))
    return simulate.replay(scratch, platform, len(files))


# One message of 1 MB between hosts of one switch: 1 us to send it, two links of 1.25 us, 25 Gb/s, 1 us to receive it.
SENDER = "0 init\n0 isend 1 7 1000000\n0 waitall\n0 finalize\n"
RECEIVER = "1 init\n1 irecv 0 7 1000000\n1 waitall\n1 finalize\n"
OVER = 1e-6
MESSAGE = OVER + 2 * 1.25e-6 + 1e6 / 3.125e9 + OVER
near(replayed(SENDER, RECEIVER, hosts="0 1"), MESSAGE)
# Between switches it passes four links.
near(replayed(SENDER, RECEIVER, hosts="0 32"), MESSAGE + 2 * 1.25e-6)
# A computation of 2 million operations before it: 2 ms.
LATER = SENDER.replace("init\n", "init\n0 compute 2000000 forward\n")
near(replayed(LATER, RECEIVER, hosts="0 1"), 2e-3 + MESSAGE)
# The kernel's TCP: 5 us and 0.2 ns for each byte, at both ends.
OVER_TCP = 5e-6 + 1e6 * 0.2e-9
near(replayed(SENDER, RECEIVER, hosts="0 1", platform=TCP), MESSAGE - 2 * OVER + 2 * OVER_TCP)
# It keeps an end from computing also where the message moves meanwhile: the sender, which waits for nothing, ...
BUSY = "0 init\n0 isend 1 7 1000000\n0 compute 9000000 forward\n0 waitall\n0 finalize\n"
near(replayed(BUSY, RECEIVER, hosts="0 1", platform=TCP), OVER_TCP + 9e-3)
# ... and the receiver, for which the message is there when it has computed.
BUSY = "1 init\n1 irecv 0 7 1000000\n1 compute 9000000 forward\n1 wait 0 1 7\n1 finalize\n"
near(replayed(SENDER, BUSY, hosts="0 1", platform=TCP), 9e-3 + OVER_TCP)
# Without that a message that moves meanwhile takes its receiver 1 us.
near(replayed(SENDER, BUSY, hosts="0 1"), 9e-3 + OVER)
# Two senders to one host share its link.
TWO = "1 init\n1 irecv 0 7 1000000\n1 irecv 2 7 1000000\n1 waitall\n1 finalize\n"
OTHER = "2 init\n2 isend 1 7 1000000\n2 waitall\n2 finalize\n"
near(replayed(SENDER, TWO, OTHER, hosts="0 1 2"), MESSAGE + 1e6 / 3.125e9 + OVER)
# A barrier inside a host costs nothing but the waiting.
FIRST = "0 init\n0 recv 1 64 0\n0 send 1 64 0\n0 finalize\n"
SECOND = "1 init\n1 compute 3000000 forward\n1 send 0 64 0\n1 recv 0 64 0\n1 finalize\n"
near(replayed(FIRST, SECOND, hosts="0 0"), 3e-3)

# What the program writes: each message has one sender and one receiver.
trace = simulate.trace_of(Point("cnn", 16, 128, 4, 8, 1), ["--data=synthetic"], program)
assert trace.hosts == [0, 0, 1, 1, 2, 2, 3, 3]
sent, received = {}, {}
for rank, texts in enumerate(trace.texts):
    for line in "".join(texts).splitlines():
        words = line.split()
        if words[1] in ("isend", "irecv"):
            key = (rank, int(words[2])) if words[1] == "isend" else (int(words[2]), rank)
            (sent if words[1] == "isend" else received).setdefault(key, []).append(words[3:])
assert sent and sent.keys() == received.keys()
assert all(sorted(sent[key]) == sorted(received[key]) for key in sent)
assert sum(map(len, sent.values())) == trace.about["step"]["messages"]
total = sum(int(size) for messages in sent.values() for _, size in messages)
assert total == trace.about["step"]["bytes"]

# Seconds for operations: a rank with twice the images computes twice as long; draws have the spread of
# what was measured, means have none.
parts = {"step": 11.75, "compute": 10.0, "sum": 1.0, "update": 0.5, "prepare": 0.25}
rng = np.random.default_rng(3)
spread = 1 + 0.1 * rng.standard_normal(400)
bench = {
    "batch_size": 16,
    "per_rank": [{"sample_ms": {name: list(value * spread) for name, value in parts.items()}}],
}
alone = simulate.trace_of(Point("cnn", 16, 16, 1, 1, 1), ["--data=synthetic"], program)
known = Calibration([bench], [alone.work_of(0)])
twice = simulate.trace_of(Point("cnn", 16, 32, 1, 1, 1), ["--data=synthetic"], program)
drawn = simulate.seconds_of(twice, known, 2000, simulate.DRAWN, np.random.default_rng(1))[0]
means = simulate.seconds_of(twice, known, 2000, simulate.MEANS, np.random.default_rng(1))[0]
work = [part in ("forward", "backward") for part in twice.parts[0]]
near(means[:, work].sum(axis=1).mean(), 2 * 0.010 * spread.mean(), 1e-9)
near(means.std(axis=0).max(), 0, 1e-12)
near(drawn[:, work].sum(axis=1).mean(), 2 * 0.010, 2e-4)
near(drawn[:, work].sum(axis=1).std(), 2 * 0.010 * spread.std(), 2e-4)
# and the slowest of many hosts is slower than the mean: means alone do not see that
longest = [
    max(simulate.seconds_of(twice, known, 1, how, np.random.default_rng(seed))[0].sum() for seed in range(64))
    for how in (simulate.DRAWN, simulate.MEANS)
]
assert longest[0] > 1.1 * longest[1], longest

# validate: numbers of hosts for which cores are missing are left out, in words.
for hosts, ranks, threads, cores, want, words in [
    ([1, 2, 4], 1, 1, 2, [(1, 1), (2, 2)], ["4 hosts x 1 ranks x 1 threads: 4 cores are needed, 2 are here"]),
    ([1, 2, 4], 1, 1, 4, [(1, 1), (2, 2), (4, 4)], []),
    ([2], 2, 1, 4, [(2, 4)], []),
    ([2, 2, 1], 1, 2, 4, [(2, 2), (1, 1)], []),
    ([2], 1, 2, 3, [], ["2 hosts x 1 ranks x 2 threads: 4 cores are needed, 3 are here"]),
    ([64], 8, 1, None, [(64, 512)], []),  # a cluster's cores are not known
]:
    found = layouts_of(hosts, ranks, threads, cores)
    assert found == (want, words), found

# run: several nodes need SLURM, or a launcher that is told the hosts.
for options, allowed in [
    ((), False),
    (("--bind-to", "core"), False),
    (("--hostfile", "hosts"), True),
    (("--hostfile=hosts",), True),
    (("-H", "a,b"), True),
]:
    here = scaling_matrix.allocation({}, options)
    try:
        assert scaling_matrix.layouts_of(here, ["1x1", "2x1@2"]) == [(1, 1, 1), (2, 1, 2)]
        assert allowed, options
    except UsageError as error:
        assert not allowed and "--hostfile" in str(error), (options, error)

# For simulate.sh: a machine whose steps all take the same, and a real run.
exact = {
    "batch_size": 16,
    "per_rank": [{"sample_ms": {name: [value] * 30 for name, value in parts.items()}}],
}
folder = scratch / "study/calibration"
folder.mkdir(parents=True)
(folder / "cnn-16-1x1.jsonl").write_text(json.dumps(exact))
real = {"hosts": 2, "ranks": 2, "threads": 1, "batch_size": 32, "step_ms": {"total": 6.0}}
(scratch / "real.json").write_text(json.dumps(real))
