#!/usr/bin/env bash
# bench --per-rank: what every rank and thread did adds up to the step, step by step.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
small=(--data synthetic --limit 500 --batch-size 40)

# bench LAYOUT NAME OPTION...: $scratch/NAME.json
bench() {
    local ranks=${1%x*} command=("$MNIST_DIST")
    [[ $ranks == 1 ]] || command=("$launcher" --oversubscribe --bind-to none -n "$ranks" "$MNIST_DIST")
    timeout 300 "${command[@]}" bench "${small[@]}" --threads "${1#*x}" "${@:3}" >"$scratch/$2.json"
}

# check NAME RANKS THREADS STEPS WARM_UP EVERY: the object of this run
check() {
    "$python" - "$scratch/$1.json" "${@:2}" <<'END'
import json, socket, sys
b = json.load(open(sys.argv[1]))
ranks, threads, steps, warm_up, every = map(int, sys.argv[2:])
COMPUTING = {"compute", "sum", "update", "prepare"}
TALKING = {"send", "exchange", "vote", "publish", "group"}
found = [b[key] for key in ("ranks", "threads", "steps", "warm_up_steps", "sampled_every")]
assert found == [ranks, threads, steps, warm_up, every], found
assert b["hosts"] == 1 and [r["rank"] for r in b["per_rank"]] == list(range(ranks)), sys.argv
for r in b["per_rank"]:
    part, sample = r["part_ms"], r["sample_ms"]
    assert set(part) == set(sample) == COMPUTING | TALKING | {"step"}, r["rank"]
    assert r["host"] == socket.gethostname() and r["cores"] > 0 and r["threads"] == threads, r["rank"]
    assert all(len(s) == -(-steps // every) for s in sample.values()), r["rank"]
    near = lambda a, b: abs(a - b) <= 1e-6 * abs(b) + 1e-6
    for step in range(len(sample["step"])):
        assert near(sum(sample[p][step] for p in COMPUTING | TALKING), sample["step"][step]), (step, r["rank"])
    assert near(sum(part[p] for p in COMPUTING | TALKING), part["step"]), r["rank"]
    if every == 1:
        for name in part:
            assert near(sum(sample[name]) / steps, part[name]), (name, r["rank"])
    assert near(sum(r["phase_ms"].values()), part["step"]) or b["mode"] == "training", r["rank"]
    assert part["compute"] > 0 and min(min(s) for s in sample.values()) >= 0 and r["cpu_ms"] > 0, r["rank"]
    assert len(r["work_ms"]) == len(r["wait_ms"]) == threads, r["rank"]
    talking = sum(part[p] for p in TALKING)
    assert 0 < r["work_ms"][0] + r["wait_ms"][0] + talking <= part["step"] + 1e-6, r["rank"]
    for work, wait in zip(r["work_ms"], r["wait_ms"]):
        assert work > 0 and work + wait <= part["step"] + 1e-6, r["rank"]
    # the ranks walk through the steps together; their clock is not that of images_per_second, and other tests may run beside
    assert part["step"] <= 2 * b["step_ms"]["total"] + 20, sys.argv
END
}

bench 2x2 training --model 'conv2d 4 3 relu; maxpool 2; flatten; dense 10' --max-steps 11 --per-rank
check training 2 2 11 2 1
bench 3x1 messages --model mlp --share off --max-steps 5 --per-rank
check messages 3 1 5 1 1
bench 1x2 long --model 'flatten; dense 10' --limit 0 --batch-size 8 --per-rank
check long 1 2 1350 10 3
bench 2x1 inference --inference --model mlp --max-steps 9 --per-rank
check inference 2 1 9 1 1

# a step that lacks a part is found
"$python" - "$scratch" <<'END'
import json, sys
b = json.load(open(sys.argv[1] + "/training.json"))
b["per_rank"][1]["sample_ms"]["exchange"][3] += 0.01
json.dump(b, open(sys.argv[1] + "/spoiled.json", "w"))
END
! check spoiled 2 2 11 2 1 2>"$scratch/output" || die 'the check lets pass a step that is not the sum of its parts'
says AssertionError

bench 2x1 plain --model mlp --max-steps 3
"$python" -c 'import json, sys; assert "per_rank" not in json.load(open(sys.argv[1]))' "$scratch/plain.json" || die 'it was not asked for'
