#!/usr/bin/env bash
# How programs around a run end it: a terminal that is closed, a limit of processor time, nohup, a script's `command &`, and the
# variables of a SLURM job that is over.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
unset SLURM_JOB_ID SLURM_JOB_END_TIME SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID
job=
trap '[[ -z $job ]] || kill -KILL "$job" 2>/dev/null || true; rm -rf "$scratch"' EXIT
long=(--data synthetic --model mlp --limit 500 --epochs 9999 --threads 1 --progress plain)

# start RUN COMMAND...: the command, with a long training behind it, until the run has ended its first epoch; sets job
start() {
    local try
    : >"$scratch/output" # what the run before said is not taken for this one's
    "${@:2}" "$MNIST_DIST" "${long[@]}" --out "$scratch/$1" >"$scratch/output" 2>&1 &
    job=$!
    for ((try = 0; try < 600; try++)); do
        ! grep -q '^Epoch 1/' "$scratch/output" || return 0
        sleep 0.05
    done
    die "$1 does not begin"
}

# ended CODE WORDS: the job ends with this code, and says these words
ended() {
    local code=0
    wait "$job" || code=$?
    job=
    [[ $code == "$1" ]] || { tail -3 "$scratch/output"; die "status $code, not $1"; }
    says "$2"
}

# goes_on: the job does another epoch
goes_on() {
    local try before now
    before=$(grep -c '^Epoch ' "$scratch/output")
    for ((try = 0; try < 600; try++)); do
        now=$(grep -c '^Epoch ' "$scratch/output")
        ((now <= before + 1)) || return 0
        kill -0 "$job" 2>/dev/null || break
        sleep 0.05
    done
    tail -3 "$scratch/output"
    die 'the run was ended'
}

start hangup env
kill -HUP "$job"
ended 75 'stopped by SIGHUP at step'
[[ -s $scratch/hangup/last.weights.h5 ]] || die 'SIGHUP: no checkpoint'

if command -v prlimit >/dev/null; then
    start budget prlimit --cpu=2:60
    ended 75 'stopped by SIGXCPU at step'
fi

start nohup nohup
kill -HUP "$job"
goes_on
kill -TERM "$job"
ended 75 'stopped by SIGTERM at step'

# what a shell does with `command &` in a script; twice, because a second Ctrl-C ends a run at once
start background env --ignore-signal=INT --ignore-signal=USR1
kill -INT "$job"
kill -USR1 "$job"
kill -INT "$job"
goes_on
kill -TERM "$job"
ended 75 'stopped by SIGTERM at step'

# a shell that was started in a job that is over
SLURM_JOB_ID=17 SLURM_JOB_END_TIME=1700000000 train 1x1 left-over --data synthetic --model mlp --limit 500 --epochs 1
says 'SLURM_JOB_END_TIME has passed, and is ignored'
echo "each stop leaves a checkpoint, and what the parent ignores is ignored"
