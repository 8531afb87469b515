#!/usr/bin/env bash
# A small study is stopped, goes on, and is drawn; what is not this study is refused.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
python_has numpy h5py pandas matplotlib seaborn sklearn rich
export PYTHONDONTWRITEBYTECODE=1 MNIST_DIST
out=$scratch/study
lines=$out/measurements.jsonl
model='flatten; dense 10'
job=
trap '[[ -z $job ]] || kill "$job" 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT

# study OPTION...: the study of this test, with more options of the tool. In the background it is the job itself.
study() {
    ${background:+exec} "$python" "$SOURCE_DIR/tools/scaling.py" run strong --out "$out" --models "$model" --batch-sizes 40 --layouts 1x1 2x1 1x2 \
        --repetitions 2 --steps "${steps-4}" "$@" -- --data synthetic --limit 500
}

refused 66 'no such program' study --program "$scratch/nothing"
refused 64 '--layouts' study --layouts 2by2
refused 64 'several nodes' study --layouts 4x1@2
refused 64 'unknown model' study --models nothing --out "$scratch/other"

# ---- stopped ----
background=yes study >"$scratch/output" 2>&1 &
job=$!
for ((try = 0; try < 1200; try++)); do
    [[ ! -s $lines ]] || break
    sleep 0.05
done
refused 73 'another study works there' study
kill -TERM "$job"
got=0
wait "$job" || got=$?
job=
[[ $got == 75 ]] || die "status $got after SIGTERM, not 75"
done_then=$(wc -l <"$lines")
((done_then >= 1 && done_then < 6)) || die "$done_then measurements when it was stopped: this proves nothing"
[[ -z $(pgrep -f -- "--model=$model --batch-size=40" || true) ]] || die 'ranks are left'

# ---- goes on: what is there is kept, a line that was being written is measured again ----
head --lines=1 "$lines" >"$scratch/first"
printf '{"point": {"model": "flat' >>"$lines"
study --no-page >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'going on'; }
says "goes on: $done_then of 6 measurements are there"
says '6/6 repetition 2, flatten; dense 10 on 1x1, batch 40:'
head --lines=1 "$lines" | cmp -s - "$scratch/first" || die 'a measurement that was there has changed'
steps=5 refused 64 'holds another study: it differs in steps' study

# one more repetition, on a terminal: a bar
script --quiet --return --command "COLUMNS=100 $(declare -p python SOURCE_DIR out model | tr '\n' ';') $(declare -f study); study --repetitions 3" \
    "$scratch/output" >/dev/null || { cat "$scratch/output"; die 'three repetitions'; }
says '9/9'
says '━━━'

"$python" - "$out" <<'END'
import csv, json, math, sys
folder = sys.argv[1]
records = [json.loads(line) for line in open(folder + "/measurements.jsonl")]
order = [(r["repetition"], f"{r['point']['ranks']}x{r['point']['threads']}") for r in records]
layouts = ["1x1", "2x1", "1x2"]
assert order == [(r, layouts[(r + i) % 3]) for r in range(3) for i in range(3)], order
assert all(r["bench"]["steps"] == 4 and r["bench"]["warm_up_steps"] == 1 for r in records)
points = {p["layout"]: p for p in csv.DictReader(open(folder + "/scaling.csv"))}
assert sorted(points) == ["1x1", "1x2", "2x1"] and points["1x1"]["base"] == "True", points
for layout, p in points.items():
    own = [r["bench"] for r in records if f"{r['point']['ranks']}x{r['point']['threads']}" == layout]
    number = {k: float(p[k]) for k in p if p[k] not in ("", "True", "False") and p[k][0].isdigit() and "x" not in p[k]}
    near = lambda a, b: math.isclose(a, b, rel_tol=1e-4)
    assert near(number["step_ms"], sorted(b["step_ms"]["total"] for b in own)[1]), (layout, "the median")
    product = number["load_balance"] * number["serialisation_efficiency"] * number["transfer_efficiency"]
    product *= number["openmp_load_balance"] * number["openmp_serialisation"]
    assert near(product, number["parallel_efficiency"]), (layout, "the product of efficiencies")
    assert near(number["speedup"], float(points["1x1"]["step_ms"]) / number["step_ms"]), layout
END
[[ -s $out/scaling.html && -s $out/pictures/speedup.png && -d $out/talp ]] || die 'not drawn'
