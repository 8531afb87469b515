#!/usr/bin/env bash
# Standard output that is full, limited, closed, or a pipe without a reader: every command that prints says so and ends with 73;
# a training goes on, and leaves the files that it always leaves.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
unset SLURM_JOB_ID
quick=(--data synthetic --model mlp --limit 300 --epochs 2 --threads 1)
cd "$scratch"

# tells CODE WORDS: the last command ended with this code, and with one line on standard error, which has these words
tells() {
    [[ $code == "$1" ]] || { cat err; die "status $code, not $1: $what"; }
    [[ $(wc -l <err) == 1 ]] || { cat err; die "not one line: $what"; }
    grep -qF -- "mnist_dist: $2" err || { cat err; die "no '$2': $what"; }
}

# full COMMAND...: the program writes to a full disk
full() {
    what=$* code=0
    timeout 60 "$MNIST_DIST" "$@" >/dev/full 2>err </dev/null || code=$?
}

"$MNIST_DIST" "${quick[@]}" --out whole >out 2>err || { cat err; die "no training"; }
[[ ! -s err ]] || die "a training that is well says: $(cat err)"

# ---- commands that print ----

lost='standard output: cannot write: No space left on device: what was printed is not complete'
commands=("--help" "--version" "--usage" "help predict" "help" "summary -m mlp" "env" "inspect whole" "verify whole whole"
    "evaluate whole" "evaluate whole --json" "predict whole" "predict whole --format csv" "predict whole --format json"
    "export whole -o whole.keras" "--dry-run -d synthetic" "bench -m mlp -d synthetic --limit 200 --max-steps 2")
for command in "${commands[@]}"; do
    # shellcheck disable=SC2086 # these are words
    full $command
    tells 73 "$lost"
done
full predict absent
tells 66 'absent'

# a limit in the middle, as of a small disk
command -v prlimit >/dev/null && {
    what='predict into 8 KiB' code=0
    prlimit --fsize=8192 "$MNIST_DIST" predict whole --format csv >part.csv 2>err || code=$?
    tells 73 'standard output: cannot write: File too large'
}
what='predict >&-' code=0
"$MNIST_DIST" predict whole >&- 2>err || code=$?
tells 73 'standard output: cannot write: Bad file descriptor'
code=0
"$MNIST_DIST" predict whole >/dev/full 2>/dev/full || code=$?
[[ $code == 73 ]] || die "both full: $code"
code=0
"$MNIST_DIST" export whole -o closed.keras >&- 2>&- <&- || code=$?
[[ $code == 73 && -s closed.keras ]] || die "all closed: $code"
cmp whole.keras closed.keras || die 'a file got the descriptor of a closed stream'

# ---- trainings ----

# kept NAME: the training lost lines, not files
kept() {
    "$MNIST_DIST" verify whole "$1" >out 2>&1 || { cat out; die "$1 is another run"; }
    grep -qF 'records)' out || die "$1: no record was compared"
    [[ -s $1/result.json && -s $1/report.txt ]] || die "$1 has no results"
}

full "${quick[@]}" --out full
tells 73 'standard output: cannot write: No space left on device: lines are lost; the files of the run are whole'
kept full
what='a training, >&-' code=0
"$MNIST_DIST" "${quick[@]}" --out closed >&- 2>err || code=$?
tells 73 'standard output: cannot write: Bad file descriptor: lines are lost; the files of the run are whole'
kept closed
code=0
"$MNIST_DIST" "${quick[@]}" --out dark >&- 2>&- <&- || code=$?
[[ $code == 73 ]] || die "all closed: $code"
kept dark
what='a training | head' code=0
{ "$MNIST_DIST" "${quick[@]}" --out head 2>err || echo $? >code; } | head -1 >out
code=$(cat code)
tells 73 'standard output: cannot write: Broken pipe: lines are lost'
kept head
"$launcher" --oversubscribe --bind-to none -n 2 "$MNIST_DIST" "${quick[@]}" --out ranks 2>err | head -1 >out
kept ranks

# a run that stops early says 75, so that a job is continued
full "${quick[@]}" --epochs 9999 --out stopped --time-limit 2s --time-margin 1s
[[ $code == 75 ]] || die "stopped: $code"
grep -qF 'stopped by the time limit' err || die 'no reason for the stop'
echo "output that cannot be written costs no training, and is never silent"
