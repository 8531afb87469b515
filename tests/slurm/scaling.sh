#!/usr/bin/env bash
# The scaling jobs measure 1, 2, 4, ... and all ranks of the allocation, with the batch that the rule says, and count right.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"

# scale RULE OPTION...: sets job[RULE]
scale() {
    job[$1]=$(JOB_RUN=$scratch/$1 JOB_BATCH=96 sbatch --parsable --output="$scratch/$1.log" --nodes=3 --ntasks-per-node=2 \
        --cpus-per-task=1 "jobs/scaling_$1.sbatch" --data=synthetic --limit=2000 --max-steps=3 "${@:2}")
}

# check RULE: the rows of the model mlp
check() {
    ends "${job[$1]}" 0
    "$python" - "$scratch/$1" "$1" <<'END'
import csv, json, sys
folder, rule = sys.argv[1:]
rows = list(csv.DictReader(open(folder + "/scaling.csv")))
said = [json.loads(line) for line in open(folder + "/bench.jsonl")]
assert [int(row["ranks"]) for row in rows] == [1, 2, 4, 6] == [s["ranks"] for s in said], rows
assert [int(row["nodes"]) for row in rows] == [1, 1, 2, 3], rows
for row, s in zip(rows, said):
    ranks = int(row["ranks"])
    assert row["scaling"] == rule and row["model"] == "mlp" and row["threads"] == "1", row
    assert int(row["batch_size"]) == s["batch_size"] == (96 if rule == "strong" else 96 * ranks), row
    assert float(row["images_per_second"]) == s["images_per_second"] > 0, row
    assert float(row["step_ms"]) == s["step_ms"]["total"], row
    ratio = s["images_per_second"] / said[0]["images_per_second"]
    assert abs(float(row["ratio"]) - ratio) <= 0.0005001, row
    assert abs(float(row["efficiency"]) - ratio / ranks) <= 0.0005001, row
    assert row["options"] == "--data=synthetic --limit=2000 --max-steps=3 --model=mlp", row
END
}

scale strong --model=mlp
check strong
scale weak --model=mlp
check weak

# what the program refuses is the job's exit code
scale weak --model=nothing
ends "${job[weak]}" 64
JOB_PROGRAM=nowhere/mnist_dist scale weak
ends "${job[weak]}" 66
