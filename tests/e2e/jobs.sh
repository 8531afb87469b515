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
