#!/usr/bin/env bash
# Scaling studies: speed-up, intervals and efficiencies are those that were worked out by hand; the page has no fault; Extra-P
# finds the formula that the times were made of; talp-pages builds its page.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
# shellcheck source=../interop/python.bash
source "$SOURCE_DIR/tests/interop/python.bash"
python_has numpy h5py pandas matplotlib seaborn sklearn rich
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1
shots=$BUILD_DIR/pages
mkdir -p "$shots"

scaling() {
    "$plain_python" "$SOURCE_DIR/tools/scaling.py" "$@"
}

# study RULE OPTION...: a study with known numbers in $scratch/RULE, drawn
study() {
    "$plain_python" "$SOURCE_DIR/tests/tools/scaling_study.py" "$scratch/$1" "$@"
    scaling draw "$scratch/$1" >"$scratch/output" || { cat "$scratch/output"; die "draw $1"; }
    says "$scratch/$1/scaling.html"
}

plain_python=$python
"$python" "$SOURCE_DIR/tests/tools/scaling_numbers.py" || die 'numbers of a study'
for rule in strong weak; do
    study "$rule"
    "$python" "$SOURCE_DIR/tests/tools/scaling_drawn.py" "$scratch/$rule" "$rule" || die "what is drawn of $rule"
done
sed -i '0,/"step_ms": {"total": [0-9.]*}/s//"step_ms": {"total": 99.0}/' "$scratch/weak/measurements.jsonl"
scaling draw "$scratch/weak" >"$scratch/output"
! "$python" "$SOURCE_DIR/tests/tools/scaling_drawn.py" "$scratch/weak" weak 2>"$scratch/output" || die 'a wrong time was not seen'
says AssertionError

# ---- what is not whole ----
refused 66 'no study is here' scaling draw "$scratch"
head --lines=20 "$scratch/strong/measurements.jsonl" >"$scratch/some"
mkdir "$scratch/part"
cp "$scratch/strong/study.json" "$scratch/part"
refused 66 'nothing is measured yet' scaling draw "$scratch/part"
cp "$scratch/some" "$scratch/part/measurements.jsonl"
scaling draw "$scratch/part" >"$scratch/output"
grep -q '40 measurements are missing' "$scratch/part/scaling.html" || die 'an unfinished study does not say so'
sed -i '7s/"vote"/"vot"/' "$scratch/part/measurements.jsonl"
refused 65 'vote' scaling draw "$scratch/part"

# ---- the page ----
if command -v chromium chromium-browser google-chrome >/dev/null; then
    for rule in strong part; do
        cp "$scratch/$rule/scaling.html" "$shots/scaling-$rule.html"
        timeout 240 "$python" "$SOURCE_DIR/tests/tools/browser.py" "$shots/scaling-$rule.html" --shots "$shots" --mode light \
            --mode dark >"$scratch/output" 2>&1 || { cat "$scratch/output"; die "the page of $rule"; }
    done
fi

# ---- other programs ----
"$python" "$SOURCE_DIR/tests/tools/scaling_study.py" "$scratch/simple" weak --simple
refused 66 'extrap was not found' env PATH=/usr/bin:/bin "$python" "$SOURCE_DIR/tools/scaling.py" model "$scratch/simple"
venv_python scaling "$SOURCE_DIR/tests/tools/scaling_requirements.txt" "$SOURCE_DIR/tests/tools/scaling_constraints.txt"
export PATH=${python%/*}:$PATH
unset PYTHONPATH
scaling model "$scratch/simple" >"$scratch/output" || { cat "$scratch/output"; die 'model'; }
says 'cnn, batch 128 a rank, 1 thread a rank: step time = 10 ms + 1 ms log2 p'
says 'dense 10, batch 128 a rank, 1 thread a rank: step time = 18 ms + 1 ms log2 p'
talp ci-report --no-badge --input-path "$scratch/strong/talp" --output-path "$scratch/talp" >"$scratch/output" 2>&1 || {
    cat "$scratch/output"
    die 'talp-pages'
}
grep -rqF '16xMPI' "$scratch/talp" || die 'the page of talp-pages has not the largest layout'
grep -rqF 'MPI Load balance' "$scratch/talp" || die 'the page of talp-pages has no efficiencies'
