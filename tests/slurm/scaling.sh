#!/usr/bin/env bash
# The scaling jobs measure 1, 2, 4, ... and all ranks of the allocation, with the batch that the rule says, on the nodes that
# the ranks fill; a job that is stopped goes on when it is submitted again; a ReFrame check finds its references.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
python_has numpy h5py pandas matplotlib seaborn sklearn rich

# scale RULE OPTION...: sets job[RULE]
scale() {
    job[$1]=$(JOB_RUN=$scratch/$1 sbatch --parsable --output="$scratch/$1.log" --nodes=3 --ntasks-per-node=2 \
        --cpus-per-task=1 "jobs/scaling_$1.sbatch" --models mlp --batch-sizes 96 --repetitions 2 "${@:2}")
}

# check RULE: the points and the order of the measurements
check() {
    "$python" - "$scratch/$1" "$1" <<'END'
import csv, json, sys
folder, rule = sys.argv[1:]
points = list(csv.DictReader(open(folder + "/scaling.csv")))
records = [json.loads(line) for line in open(folder + "/measurements.jsonl")]
order = [(r["repetition"], r["point"]["ranks"]) for r in records]
assert order == [(0, 1), (0, 2), (0, 4), (0, 6), (1, 2), (1, 4), (1, 6), (1, 1)], order
assert [(int(p["ranks"]), int(p["nodes"])) for p in points] == [(1, 1), (2, 1), (4, 2), (6, 3)], points
assert [p["base"] for p in points] == ["True"] + 3 * ["False"], points
for p in points:
    ranks, own = int(p["ranks"]), [r["bench"] for r in records if r["point"]["ranks"] == int(p["ranks"])]
    batch = 96 if rule == "strong" else 96 * ranks
    assert p["model"] == "mlp" and int(p["threads"]) == 1 and int(p["batch"]) == batch, p
    assert [b["batch_size"] for b in own] == [batch] * 2 and [len(b["per_rank"]) for b in own] == [ranks] * 2, p
    step = sum(b["step_ms"]["total"] for b in own) / 2  # the median of two
    assert abs(float(p["step_ms"]) - step) <= 1e-4 * step, p
    work = batch / int(points[0]["batch"])
    assert abs(float(p["speedup"]) - work * float(points[0]["step_ms"]) / step) <= 1e-3 * float(p["speedup"]), p
    assert abs(float(p["efficiency"]) - float(p["speedup"]) / ranks) <= 1e-4, p
END
    grep -q 'How well it scales' "$scratch/$1/scaling.html" || fail_with_logs "no page of $1"
}

scale strong --steps 3 -- --data=synthetic --limit=2000
ends "${job[strong]}" 0
check strong

# stopped by the signal that SLURM sends before the time is over, and submitted again
measured() {
    [[ $(wc -l 2>/dev/null <"$scratch/weak/measurements.jsonl") -ge $1 ]]
}
scale weak --steps 3 -- --data=synthetic --limit=2000
await 'three measurements' measured 3
scancel --batch --signal=USR1 "${job[weak]}"
ends "${job[weak]}" 75
logged weak 'stopped by SIGUSR1' || fail_with_logs 'it does not say why it ended'
! measured 8 || fail_with_logs 'it was over too soon: this proves nothing'
head --bytes=-20 "$scratch/weak/measurements.jsonl" >"$scratch/torn" # the last line was being written
cp "$scratch/torn" "$scratch/weak/measurements.jsonl"
scale weak --steps 3 -- --data=synthetic --limit=2000
ends "${job[weak]}" 0
logged weak 'goes on: ' || fail_with_logs 'it began anew'
check weak

# what the program refuses is the job's exit code
scale weak --models nothing --out "$scratch/other" -- --data=synthetic
ends "${job[weak]}" 64
JOB_PROGRAM=nowhere/mnist_dist scale weak
ends "${job[weak]}" 66

# ---- ReFrame ----
# shellcheck source=../interop/python.bash
source "$SOURCE_DIR/tests/interop/python.bash"
plain_python=$python
venv_python reframe "$SOURCE_DIR/tests/slurm/reframe.txt"
cat >"$scratch/settings.py" <<'END'
site_configuration = {
    "systems": [{
        "name": "sandbox", "hostnames": [".*"],
        "partitions": [{"name": "nodes", "scheduler": "squeue", "launcher": "mpirun", "environs": ["builtin"]}],
    }],
    "environments": [{"name": "builtin"}],
    "logging": [{"handlers": [{"type": "stream", "name": "stdout", "level": "info", "format": "%(message)s"}]}],
}
END

# reframe FACTOR: the check of two layouts of the study, with the study's rates times FACTOR as references
reframe() {
    "$plain_python" - "$scratch/strong/scaling.csv" "$1" "$scratch/reference.csv" <<'END'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
rows = [row for row in rows if row["layout"] in ("1x1", "4x1@2")]
for row in rows:
    row["images_per_second"] = float(row["images_per_second"]) * float(sys.argv[2])
out = csv.DictWriter(open(sys.argv[3], "w"), rows[0])
out.writeheader()
out.writerows(rows)
END
    HOME=$scratch MNIST_DIST_STUDY=$scratch/reference.csv JOB_PROGRAM=$MNIST_DIST timeout 300 "${python%/*}/reframe" \
        --config-file "$scratch/settings.py" --checkpath "$SOURCE_DIR/jobs/reframe_mnist_dist.py" \
        --prefix "$scratch/reframe" --run --performance-report --setvar steps=3 \
        --setvar options=--data=synthetic,--limit=2000
}

reframe 0.001 >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'the check of ReFrame'; }
says 'Ran 2/2 test case(s) from 2 check(s) (0 failure(s)'
says 'images_per_second'
! reframe 1000 >"$scratch/output" 2>&1 || die 'a thousandth of the speed is fast enough for the check'
says '(2 failure(s)'
says '(r:'
