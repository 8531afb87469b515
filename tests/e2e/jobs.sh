#!/usr/bin/env bash
# What the training job does with the program's exit code, without SLURM: scontrol and mpirun are played by functions. Label
# slurm has the real ones.
set -euo pipefail
: "${SOURCE_DIR:?the folder of the project}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$SOURCE_DIR"
export JOB_RUN=$scratch/run JOB_PROGRAM=/bin/true SLURM_JOB_ID=7 scratch
unset SLURM_RESTART_COUNT JOB_REQUEUE SLURM_SUBMIT_DIR

# shellcheck disable=SC2154 # they are in the job's environment
mpirun() {
    if [[ -n ${played_signal-} ]]; then
        trap : USR1
        kill -s USR1 $$
        sleep 0.5
        [[ $played_signal != finished ]] || date >"$JOB_RUN/result.json"
        return 0
    fi
    if [[ $played_checkpoint != no ]]; then
        echo "$played_checkpoint" >"$scratch/next"
        mv "$scratch/next" "$JOB_RUN/last.weights.h5"
    fi
    return "$played_code"
}
scontrol() { echo "asked: $*"; }
export -f mpirun scontrol

# job CODE CHECKPOINT RESTARTS SAYS [SETTING...]: the program ends so, after it wrote this checkpoint or `no`
job() {
    local got=0
    env played_code="$1" played_checkpoint="$2" SLURM_RESTART_COUNT="$3" "${@:5}" bash jobs/train.sbatch >"$scratch/log" 2>&1 || got=$?
    if [[ $got != "$1" ]] || ! grep -q -- "$4" "$scratch/log"; then
        cat "$scratch/log"
        echo "FAILED: status $got; expected $1 and '$4'"
        exit 1
    fi
}

not_asked() {
    ! grep asked "$scratch/log" || exit 1
}

asked='asked: requeue 7'
job 75 first 0 "$asked"
job 75 second 1 "$asked"
job 75 no 2 'not put back into the queue'
not_asked
rm "$JOB_RUN/last.weights.h5"
job 75 no 0 "$asked" # it may have been short of time once
job 75 no 1 'not put back into the queue'
job 75 third 2 'submitted again with JOB_RUN=' JOB_REQUEUE=no
for other in 0 73 134; do
    job "$other" "$other" 0 '^+ '
    not_asked
done

# MPICH's mpirun ends with 0 where a signal stopped the run; where the run was done just then, 0 is right.
got=0
played_signal=stops JOB_REQUEUE=no bash jobs/train.sbatch >"$scratch/log" 2>&1 || got=$?
[[ $got == 75 ]] || { cat "$scratch/log"; echo "FAILED: status $got after USR1"; exit 1; }
played_signal=finished bash jobs/train.sbatch >"$scratch/log" 2>&1 || { cat "$scratch/log"; echo 'FAILED: a run that is done'; exit 1; }
not_asked

# A study gets the job's program, launcher and folder, and its options come last.
printf '#!/bin/sh\necho "study: $*"\n' >"$scratch/python"
chmod +x "$scratch/python"
JOB_PYTHON=$scratch/python JOB_LAUNCHER_OPTIONS='--map-by core' bash jobs/scaling_weak.sbatch --models mlp -- --limit=9 >"$scratch/log" 2>&1
grep -qF "study: $SOURCE_DIR/tools/scaling.py run weak --out=$JOB_RUN --program=/bin/true --launcher=mpirun --launcher-options=--map-by core --batch-sizes 128 --models mlp -- --limit=9" "$scratch/log" || {
    cat "$scratch/log"
    echo 'FAILED: what the study is given'
    exit 1
}

# The program by its name in PATH, the job from another folder than the project's.
mkdir "$scratch/bin" "$scratch/elsewhere"
printf '#!/bin/sh\nexit 0\n' >"$scratch/bin/mnist_dist"
chmod +x "$scratch/bin/mnist_dist"
printf '#!/bin/sh\necho "ran: $*"\n' >"$scratch/bin/mpirun"
chmod +x "$scratch/bin/mpirun"
(cd "$scratch/elsewhere" && PATH=$scratch/bin:$PATH JOB_PROGRAM=mnist_dist JOB_RUN=here env -u 'BASH_FUNC_mpirun%%' bash "$SOURCE_DIR/jobs/train.sbatch") >"$scratch/log" 2>&1
grep -q "ran: .*$scratch/bin/mnist_dist train --resume --out=here" "$scratch/log" || { cat "$scratch/log"; exit 1; }
[[ -d $scratch/elsewhere/here ]] || exit 1
got=0
JOB_PROGRAM=no_such_program bash jobs/train.sbatch >"$scratch/log" 2>&1 || got=$?
if [[ $got != 66 ]] || ! grep -q 'no_such_program was not found' "$scratch/log"; then
    cat "$scratch/log"
    exit 1
fi
