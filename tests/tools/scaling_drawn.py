"""What tools/scaling.py draw has written of the study of scaling_study.py, against numbers that were worked out by hand."""

import csv
import json
import math
import sys
from pathlib import Path

folder, rule = Path(sys.argv[1]), sys.argv[2]
points = {(p["model"], p["layout"]): p for p in csv.DictReader(open(folder / "scaling.csv", encoding="utf-8"))}
assert len(points) == 12, list(points)


def near(found, wanted, what):
    assert math.isclose(float(found), wanted, rel_tol=2e-5), (what, found, wanted)


# cnn on 4x1, strong: 8 / 4 = 2 ms, the slowest rank 2.2 ms, 2 + log2 4 = 4 ms of exchange: 6.2 ms; weak: 8.8 + 4 ms
four, base = points["cnn", "4x1"], points["cnn", "1x1"]
step = 6.2 if rule == "strong" else 12.8
work = 1 if rule == "strong" else 4
computing = 2.0 if rule == "strong" else 8.0
near(base["step_ms"], 8.8 + 2, "the base case")
near(four["step_ms"], step, "step")
near(four["step_ms_low"], 0.96 * step, "least repetition")
near(four["step_ms_high"], 1.04 * step, "largest repetition")
near(four["speedup"], work * 10.8 / step, "speed-up")
near(four["efficiency"], work * 10.8 / step / 4, "efficiency")
near(four["images_per_second"], 128 * work / step * 1e3, "rate")
mean = computing * (3 + 1.1) / 4
near(four["load_balance"], mean / (1.1 * computing), "load balance")
near(four["communication_efficiency"], 1.1 * computing / step, "communication")
near(four["transfer_efficiency"], 1.1 * computing / step, "transfer: the same rank is the slowest in all parts")
near(four["serialisation_efficiency"], 1, "serialisation")
near(four["parallel_efficiency"], mean / step, "parallel efficiency")
near(four["computation_scalability"], work * 8.8 / (4 * mean), "computation scalability")
near(four["explained"], 1, "explained")
assert (four["slowest_rank"], four["slowest_host"]) == ("3", "n1"), four
assert points["cnn", "16x1@2"]["slowest_host"] == "n2", points["cnn", "16x1@2"]
threads = points["cnn", "1x2"]
near(threads["openmp_efficiency"], 0.8, "OpenMP")
near(threads["openmp_serialisation"], 0.8, "OpenMP, serial parts")
assert {p["oversubscribed"] for p in points.values()} == {"False"}, "16 ranks have 2 x 8 cores"
assert {p["source"] for p in points.values()} == {"measured"}

whole = json.loads((folder / "scaling.json").read_text(encoding="utf-8"))
assert whole["rule"] == rule and len(whole["points"]) == 12 and len(whole["repetitions"]) == 60
assert len(list(csv.reader(open(folder / "repetitions.csv", encoding="utf-8")))) == 61
lines = [json.loads(line) for line in open(folder / "extrap/cnn-128-t1.jsonl", encoding="utf-8")]
steps = [line["value"] for line in lines if line["callpath"] == "step" and line["params"] == {"p": 4}]
assert len(steps) == 5 and {line["metric"] for line in lines} == {"time"}, steps
near(sorted(steps)[2], step / 1e3, "seconds for Extra-P")
talp = json.loads((folder / "talp/cnn-128/4x1.json").read_text(encoding="utf-8"))
region = talp["Application"]["Global"]
assert (region["numCpus"], region["numMpiRanks"], region["elapsedTime"]) == (4, 4, round(step * 1e6)), region
near(region["parallelEfficiency"], mean / step, "TALP's parallel efficiency")
near(region["mpiLoadBalance"], mean / (1.1 * computing), "TALP's load balance")
page = (folder / "scaling.html").read_text(encoding="utf-8")
for words in (f"{rule.capitalize()} scaling", "Some CPU &lt;8 cores&gt;", "Transfer", "Ideal", "--optimizer=sgd"):
    assert words in page, words
assert "fewer than" not in page and "not finished" not in page
