#!/usr/bin/env bash
# Signals and time limits: whichever rank gets the signal, and at whatever moment, all ranks leave after the same step, with a
# checkpoint and exit code 75. Resumed on another layout, the run leaves what an uninterrupted one leaves. No process stays.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py
unset SLURM_JOB_ID
job=
trap '[[ -z $job ]] || kill "$job" 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT

# 27 steps an epoch; the epochs are short, so that a signal hits anything: steps, validation, checkpoints, the test at the end
common=(--data synthetic --model mlp --limit 3000 --batch-size 100 --epochs 12 --checkpoint-every 10steps)

# Shared memory of these ranks alone: others may run at the same time.
export OMPI_MCA_btl_vader_backing_directory=$scratch/shm
mkdir "$scratch/shm"

# start LAYOUT RUN OPTION...: in the background; sets job, the process of mpirun or of the only rank
start() {
    local ranks=${1%x*} threads=${1#*x} run=$2 command=("$MNIST_DIST")
    [[ $ranks == 1 ]] || command=("$launcher" --oversubscribe --bind-to none -n "$ranks" "$MNIST_DIST")
    : >"$scratch/output" # what the last one said is not taken for this one's
    # bash starts a background command with SIGINT ignored, and the program leaves it at that
    env --default-signal=INT "${command[@]}" train --out "$scratch/$run" --progress plain --threads "$threads" "${@:3}" \
        >"$scratch/output" 2>&1 &
    job=$!
}

# ended STATUS: waits for the job, which ends with this status
ended() {
    local got=0
    wait "$job" || got=$?
    [[ $got == "$1" ]] || { cat "$scratch/output"; die "status $got, not $1"; }
}

# rank_process RANK: the process of a rank of the job
rank_process() {
    local process
    for process in $(ps -o pid= --ppid "$job"); do
        grep -qzx "OMPI_COMM_WORLD_RANK=$1" "/proc/$process/environ" 2>/dev/null && echo "$process" && return
    done
    return 1
}

# wait_for WORDS: until the job's output has them
wait_for() {
    local try
    for ((try = 0; try < 600; try++)); do
        grep -qF -- "$1" "$scratch/output" 2>/dev/null && return
        sleep 0.05
    done
    cat "$scratch/output"
    die "'$1' did not come"
}

# stopped_at: the step that the last output names
stopped_at() {
    sed -n 's/^mnist_dist: stopped by .* at step \([0-9]*\); continue with --resume$/\1/p' "$scratch/output"
}

clean() {
    [[ -z $(ls -A "$scratch/shm") ]] || die "in shared memory: $(ls -A "$scratch/shm")"
    ! pgrep -f -- "--out $scratch/" >/dev/null || die "processes are left: $(pgrep -af -- "--out $scratch/")"
    [[ -z $(orphans) ]] || die "in /dev/shm: $(orphans)"
}

# the same facts, except prev.weights.h5: a stop adds a checkpoint, so that the one before the last may differ
alike() {
    ! compare "$1" "$2" || return 0
    ! grep '^[<>]' "$scratch/difference" | grep -v '^[<>] prev' || die "$1 and $2 differ"
}

train 2x1 whole "${common[@]}"
digest=$(result whole parameters_digest)

# ---- a signal to one rank, and to mpirun ----

start 1x2 alone "${common[@]}"
wait_for 'Epoch 1/'
kill -USR1 "$job"
ended 75
says 'stopped by SIGUSR1 at step'
step=$(stopped_at)
[[ $step -lt 324 && ! -e $scratch/alone/result.json ]] || die "the run was over before it was stopped"
train 3x1 alone "${common[@]}" --resume
says "resumed at step $((step + 1))"
alike whole alone

for rank in 0 3 mpirun; do
    start 4x1 "to-$rank" "${common[@]}"
    wait_for 'Epoch 2/'
    if [[ $rank == mpirun ]]; then
        kill -USR1 "$job"
    else
        kill -TERM "$(rank_process "$rank")"
    fi
    ended 75
    says 'stopped by'
    step=$(stopped_at)
    clean
    train 1x2 "to-$rank" "${common[@]}" --resume
    says "resumed at step $((step + 1))"
    alike whole "to-$rank"
done
echo "one rank, or mpirun: stopped, and continued elsewhere: the same"

# ---- at random moments, again and again ----

# stop_somewhere: one rank of the job, or mpirun, gets a signal
stop_somewhere() {
    local processes
    mapfile -t processes < <(ps -o pid= --ppid "$job")
    processes+=("$job")
    kill -USR1 "${processes[RANDOM % ${#processes[@]}]}" 2>/dev/null || true
}

# A checkpoint in every step makes it likely that a signal hits one.
hunted=(--data synthetic --limit 2000 --batch-size 100 --epochs 8 --checkpoint-every 2steps)
train 2x1 whole-r "${hunted[@]}"
! (alike whole whole-r) >/dev/null || die "other runs are taken to be alike"
RANDOM=7
layouts=(1x1 2x1 4x1 1x2)
stops=0 step=0
for ((i = 0; i < 12; i++)); do
    start "${layouts[i % 4]}" random "${hunted[@]}" --resume
    wait_for 'run    '
    ((step == 0)) || says "resumed at step $((step + 1))"
    sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
    stop_somewhere
    code=0
    wait "$job" || code=$?
    [[ $code != 0 ]] || break # the run is over
    [[ $code == 75 ]] || { cat "$scratch/output"; die "status $code"; }
    stops=$((stops + 1)) step=$(stopped_at)
done
clean
((stops > 3)) || die "only $stops stops: this proves nothing"
train 3x1 random "${hunted[@]}" --resume
alike whole-r random
echo "stopped $stops times at random: the same"

# ---- while it starts: before it listens it just ends, later it stops ----

for moment in 0.1 0.3 0.5; do
    rm -rf "$scratch/start"
    start 2x1 start "${common[@]}" --resume
    sleep "$moment"
    kill -USR1 "$job"
    code=0
    wait "$job" || code=$?
    grep -qF 'mnist_dist: ' "$scratch/output" && [[ $code != 75 && $code != 0 ]] && die "status $code"
done
train 1x1 start "${common[@]}" --resume
alike whole start
clean

# ---- while it validates: the epoch stays open, and is ended by the next run ----

# 2 steps an epoch, and most of the time is validation
validates=(--data synthetic --limit 10000 --validation-split 0.98 --batch-size 100 --epochs 3)
train 1x2 whole-v "${validates[@]}"
hits=0
for ((try = 0; hits < 2 && try < 20; try++)); do
    rm -rf "$scratch/v"
    start 2x1 v "${validates[@]}"
    wait_for 'Epoch 1/'
    sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
    kill -USR1 "$job" 2>/dev/null || true
    code=0
    wait "$job" || code=$?
    [[ $code == 0 || $code == 75 ]] || die "status $code"
    [[ $code == 75 && $(stopped_at) == 4 ]] || continue
    [[ $(grep -c '"kind":"epoch"' "$scratch/v/metrics.jsonl") == 1 ]] || continue
    hits=$((hits + 1))
    train 3x1 v "${validates[@]}" --resume
    says "resumed at step 5"
    alike whole-v v
done
((hits > 0)) || die "no signal came during a validation"
echo "stopped $hits times during the second validation: the same"

# ---- Ctrl-C, and again ----

# slow steps: the second comes while the first is not yet seen
slow=(--data synthetic --limit 10000 --batch-size 9000 --epochs 50)
start 1x1 interrupted "${common[@]}"
wait_for 'Epoch 1/'
kill -INT "$job"
ended 75
says 'stopped by SIGINT'
start 1x1 twice "${slow[@]}"
wait_for 'run    '
kill -INT "$job"
sleep 0.1
kill -INT "$job"
ended 130
[[ ! -e $scratch/twice/last.weights.h5 ]] || die "a second Ctrl-C wrote a checkpoint"
clean
start 3x1 one-of-three "${slow[@]}"
wait_for 'run    '
process=$(rank_process 1)
kill -INT "$process"
sleep 0.1
kill -INT "$process"
ended 130
clean
echo "Ctrl-C: stopped; twice: left at once"

# ---- time ----

start 2x1 limited "${common[@]}" --epochs 10000 --time-limit 8s --time-margin 1s
ended 75
says 'limit  --time-limit=8s; stops with a checkpoint 1s before'
says 'stopped by the time limit at step'
step=$(stopped_at)
((step > 0)) || die "it was stopped before its first step"
train 1x2 limited "${common[@]}" --epochs 1 --resume
refused 64 'leaves no time' on 1x1 train --out "$scratch/none" "${common[@]}" --time-limit 30s
refused 64 '--checkpoint-every=soon' on 1x1 train --out "$scratch/none" "${common[@]}" --checkpoint-every soon
[[ ! -e $scratch/none ]] || die "a refused run made a folder"

# by the clock: after every step here
train 2x1 timed "${common[@]}" --epochs 2 --checkpoint-every 0.000000001s --keep 3
train 1x1 counted "${common[@]}" --epochs 2 --checkpoint-every 1step --keep 3
same timed counted
names=$(cd "$scratch/timed" && echo step-*)
[[ $names == "step-00000051.weights.h5 step-00000052.weights.h5 step-00000053.weights.h5" ]] || die "kept: $names"
cmp "$scratch/timed/step-00000053.weights.h5" "$scratch/timed/prev.weights.h5"
train 3x1 from-kept "${common[@]}" --resume-from "$scratch/timed/step-00000052.weights.h5"
says 'resumed at step 53'
[[ $(result from-kept parameters_digest) == "$digest" ]] || die "from a kept checkpoint: another digest"
echo "time limits, checkpoints by steps and by time, older ones kept: the same"
