# Sourced first by the scripts of this folder: starts them again inside a SLURM of their own, and gives them jobs to
# watch. Below: runs lie in $scratch, and so do the jobs' logs.
# shellcheck shell=bash

: "${MNIST_DIST:?the program}" "${SOURCE_DIR:?the folder of the project}"
sandbox=$SOURCE_DIR/tools/slurm_sandbox.sh

if [[ -z ${SLURM_SANDBOX-} ]]; then
    code=0
    reason=$("$sandbox" -- true 2>&1) || code=$?
    if ((code == 69)); then
        echo "SKIP: ${reason##*slurm_sandbox.sh: }"
        exit 77
    fi
    # Where the sandbox fails for another reason, it fails again here, and says why.
    exec "$sandbox" -- bash "$0"
fi
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
cd "$SOURCE_DIR" || exit
export JOB_PROGRAM=$MNIST_DIST JOB_KILL_WAIT=2

# some seconds, so that it can be stopped in the middle
training=(--data=synthetic --limit=1000 --batch-size=100 --epochs=30)
declare -A job=() stops=()

# submit RUN OPTION...: queues the training into this run with sbatch's options; sets job[RUN]
submit() {
    job[$1]=$(JOB_RUN=$scratch/$1 sbatch --parsable --job-name="$1" --output="$scratch/$1.log" --ntasks-per-node=2 \
        --cpus-per-task=1 "${@:2}" jobs/train.sbatch "${training[@]}")
}

fail_with_logs() {
    squeue --format='%i %j %T %r'
    tail -n 40 "$scratch"/*.log
    die "$@"
}

# await WORDS COMMAND...: waits, five minutes at most, until the command succeeds
await() {
    local -i deadline=$((SECONDS + 300))
    until "${@:2}"; do
        ((SECONDS < deadline)) || fail_with_logs "waited in vain for: $1"
        sleep 0.1
    done
}

# state_of RUN: of its job, such as PENDING or COMPLETED
state_of() {
    scontrol --oneliner show job "${job[$1]}" | sed 's/.* JobState=\([A-Z_]*\).*/\1/'
}

# is_over JOB: sbatch --wait would look every ten seconds
is_over() {
    [[ -z $(squeue --noheader --jobs="$1" --format=%i 2>/dev/null) ]]
}

# ends JOB STATUS: waits for it; a task of an array is given as 12_3
ends() {
    local code
    await "job $1 is over" is_over "$1"
    code=$(scontrol --oneliner show job "$1" | sed 's/.* ExitCode=\([0-9]*\):.*/\1/')
    [[ $code == "$2" ]] || fail_with_logs "job $1 ended with $code, not $2"
}

is_state() {
    [[ $(state_of "$1") == "$2" ]]
}

# reaches RUN STATE: the job comes to this state
reaches() {
    await "$1 is $2" is_state "$1" "$2"
}

logged() {
    grep -qs -- "$2" "$scratch/$1.log"
}

# in_the_middle RUN: waits until it trains; three epochs are done, many are to come
in_the_middle() {
    await "$1 trains" logged "$1" 'Epoch 3/'
    is_state "$1" RUNNING || fail_with_logs "$1 was over too soon: this proves nothing"
}

# signal_ranks SIGNAL RUN: to the ranks that train this run, by their command line
signal_ranks() {
    local pid name file
    for file in /proc/[0-9]*/cmdline; do
        pid=${file//[!0-9]/}
        name=$(readlink "/proc/$pid/exe" 2>/dev/null) || continue
        if [[ $name == "$MNIST_DIST" ]] && grep -qszxF -- "--out=$scratch/$2" "$file"; then
            kill -s "$1" "$pid"
        fi
    done
}

# step_of RUN: the step of its checkpoint: prev where it was killed before the new one had its name. awk reads to the end:
# `inspect` fails where it cannot write
step_of() {
    local file=$scratch/$1/last.weights.h5
    [[ -e $file ]] || file=$scratch/$1/prev.weights.h5
    "$MNIST_DIST" inspect "$file" | awk '$1 == "step" && !found++ { print $2 }'
}

# stopped RUN: the job does not run now, and is not done; remembers where it has to go on
stopped() {
    [[ ! -e $scratch/$1/result.json ]] || fail_with_logs "$1 was not stopped but finished: this proves nothing"
    stops[$1]+="resumed at step $(($(step_of "$1") + 1)) "
}

# finishes RUN: the job ends well; it went on after each stop with the step after the checkpoint, and left what the
# uninterrupted run `whole` left
finishes() {
    reaches "$1" COMPLETED
    local resumed
    resumed=$(grep -o 'resumed at step [0-9]*' "$scratch/$1.log" | tr '\n' ' ') || true
    [[ $resumed == "${stops[$1]-}" ]] || fail_with_logs "$1: '$resumed' and not '${stops[$1]-}'"
    [[ $(result "$1" parameters_digest) == $(result whole parameters_digest) ]] || fail_with_logs "$1: other parameters"
    same whole "$1"
    echo "$1: ${resumed:-ran through}"
}
