"""Is this a trace as --profile promises it? Prints what is wrong; exit 1 when anything is.

trace.py TRACE RANKS THREADS FIRST LAST PHASE...: every rank and thread is there and named; each step from FIRST to LAST is on
every thread, in order and on all ranks at once; every phase is on some thread; spans of a thread nest, and do not overlap otherwise.
"""
import collections
import json
import sys

SLACK = 0.0015  # microseconds: times are written with three digits


def overlaps(lane):
    """Spans that neither hold one another nor are apart."""
    open_spans = []
    for span in sorted(lane, key=lambda e: (e["ts"], -e["dur"])):
        end = span["ts"] + span["dur"]
        while open_spans and open_spans[-1] <= span["ts"] + SLACK:
            open_spans.pop()
        if open_spans and end > open_spans[-1] + SLACK:
            yield f"{span['name']} at {span['ts']} ends after what holds it"
        open_spans.append(end)


def wrong_steps(who, lane, first, last):
    found = [e for e in lane if e["name"] == "step"]
    if [e["args"]["step"] for e in found] != list(range(first, last + 1)):
        yield f"{who}: not steps {first} to {last}"
    wall = max(e["ts"] + e["dur"] for e in lane) - min(e["ts"] for e in lane)
    if sum(e["dur"] for e in found) > wall + SLACK:
        yield f"{who}: steps take longer than all"
    for span in lane:
        if "args" in span and span["name"] != "step":
            place = span["args"]["step"] - first
            step = found[place] if 0 <= place < len(found) else None
            if not step or span["ts"] < step["ts"] - SLACK or span["ts"] + span["dur"] > step["ts"] + step["dur"] + SLACK:
                yield f"{who}: {span['name']} at {span['ts']} is outside of its step"


def apart(lanes):
    """No rank ends a step before all have begun it: they wait for each other's gradients."""
    begin, end = collections.defaultdict(float), collections.defaultdict(lambda: float("inf"))
    for (_, thread), lane in lanes.items():
        for e in lane:
            if thread == 0 and e["name"] == "step":
                step = e["args"]["step"]
                begin[step] = max(begin[step], e["ts"])
                end[step] = min(end[step], e["ts"] + e["dur"])
    for step, moment in begin.items():
        if moment > end[step]:
            yield f"step {step} is over on one rank before it begins on another"


def complaints(trace, ranks, threads, first, last, phases):
    lanes, named = collections.defaultdict(list), set()
    for e in trace["traceEvents"]:
        if e["ph"] == "M":
            named.add((e["name"], e["pid"], e.get("tid"), e["args"].get("name")))
        elif e["ph"] != "X" or e["ts"] < 0 or e["dur"] < 0:
            yield f"{e}: not a complete event in the run's time"
        else:
            lanes[e["pid"], e["tid"]].append(e)
    if set(lanes) != {(rank, thread) for rank in range(ranks) for thread in range(threads)}:
        yield f"threads are {sorted(lanes)}"
        return
    for rank, thread in lanes:
        if ("process_name", rank, None, f"rank {rank}") not in named:
            yield f"rank {rank} has no name"
        if ("thread_name", rank, thread, f"thread {thread}") not in named:
            yield f"thread {thread} of rank {rank} has no name"
    for missing in set(phases) - {e["name"] for lane in lanes.values() for e in lane}:
        yield f"no span of {missing}"
    for who, lane in lanes.items():
        yield from (f"{who}: {what}" for what in overlaps(lane))
        yield from wrong_steps(who, lane, first, last)
    yield from apart(lanes)


def main(path, ranks, threads, first, last, *phases):
    with open(path) as file:
        found = list(complaints(json.load(file), int(ranks), int(threads), int(first), int(last), phases))
    print("\n".join(found[:10]))
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))
