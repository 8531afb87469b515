# Sourced by the job scripts: the one place to fit them to a cluster. Each setting may also come from the environment.
# shellcheck shell=bash

# Numbers with a decimal point, and the order of bytes, whatever the language of the user.
export LC_ALL=C

# Modules to load, for example "gcc openmpi hdf5". Empty: none.
JOB_MODULES=${JOB_MODULES-}

# mpirun, which takes the allocation from SLURM, or srun, where SLURM was built with the library's PMIx.
JOB_LAUNCHER=${JOB_LAUNCHER-mpirun}

# Options of the launcher. Threads of a rank must not be bound to one core; where nodes have several sockets,
# "--map-by slot:PE=$OMP_NUM_THREADS --bind-to core" is quicker.
JOB_LAUNCHER_OPTIONS=${JOB_LAUNCHER_OPTIONS-}

# The program: a path, relative to the project's folder, or a name that is found in PATH, such as mnist_dist. Job files that
# were installed take the program that was installed with them.
JOB_PROGRAM=${JOB_PROGRAM-build/release/mnist_dist}

# For the jobs that measure: a Python that has NumPy, pandas, Matplotlib and rich.
JOB_PYTHON=${JOB_PYTHON-/usr/bin/python3}

# Seconds that mpirun leaves the ranks between SIGTERM and SIGKILL. Its own value, 1, is too little for a large checkpoint.
# At each early end mpirun waits for this time up to twice, even when no rank is left.
JOB_KILL_WAIT=${JOB_KILL_WAIT-5}

# ---- all jobs ----

prepare_job() {
    if [[ -n $JOB_MODULES ]]; then
        # shellcheck disable=SC2086 # a list
        module load $JOB_MODULES
    fi
    export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
    export OMPI_MCA_odls_base_sigkill_timeout=$JOB_KILL_WAIT
    local found
    if [[ $JOB_PROGRAM == build/release/mnist_dist && ! -x $JOB_PROJECT/$JOB_PROGRAM && -x $JOB_PROJECT/../../bin/mnist_dist ]]; then
        JOB_PROGRAM=../../bin/mnist_dist # these files were installed, and the program beside them
    fi
    if [[ $JOB_PROGRAM == */* && $JOB_PROGRAM != /* ]]; then
        found=$JOB_PROJECT/$JOB_PROGRAM
    else
        found=$JOB_PROGRAM
    fi
    JOB_PROGRAM=$(type -P "$found") || {
        echo "$found was not found: build it (tools/quickstart.sh), or set JOB_PROGRAM" >&2
        exit 66
    }
}

# claim FOLDER: makes it, and fails where another job works in it; the claim ends with the job, however that ends
claim() {
    local code=0
    mkdir --parents "$1"
    exec {claim_descriptor}<"$1"
    flock --nonblock --conflict-exit-code=73 "$claim_descriptor" || code=$?
    case $code in
    0) return 0 ;;
    73) echo "$1: another job works there" >&2 && exit 73 ;;
    *) echo "warning: $1: this file system has no locks; no other job may work there" >&2 ;;
    esac
}

# launch RANKS ARGUMENT...: runs the program on RANKS tasks of the job, and returns its exit code. USR1 to this script is
# passed on to the ranks, which write a checkpoint and leave with exit code 75.
launch() {
    local -a command options
    read -r -a options <<<"$JOB_LAUNCHER_OPTIONS"
    case $JOB_LAUNCHER in
    mpirun) command=(mpirun -n "$1" --bind-to none) ;;
    srun) command=(srun --ntasks="$1" --kill-on-bad-exit=1 --cpus-per-task="$OMP_NUM_THREADS") ;;
    *)
        echo "JOB_LAUNCHER is '$JOB_LAUNCHER': mpirun or srun" >&2
        exit 64
        ;;
    esac
    command+=("${options[@]}" "$JOB_PROGRAM" "${@:2}")
    echo "+ OMP_NUM_THREADS=$OMP_NUM_THREADS ${command[*]}" >&2
    "${command[@]}" &
    wait_for $!
}

# wait_for PROCESS: its exit code. A signal makes wait return early, with the signal's code: then it waits again. TERM
# reaches the launcher from SLURM, which sends it to all of a job; this script only has to outlive it.
wait_for() {
    local code signalled=yes
    passed_on=no
    # shellcheck disable=SC2064 # the process is known now
    trap "signalled=yes passed_on=yes; echo '+ USR1: a checkpoint, then the end' >&2; kill -s USR1 $1 || true" USR1
    trap 'signalled=yes job_ends=yes' TERM
    while [[ $signalled == yes ]]; do
        signalled=no code=0
        wait "$1" || code=$?
    done
    trap : USR1
    # 128 + USR1: it came before the program listened, and nothing was done since the last checkpoint.
    ((code != 138)) || code=75
    return "$code"
}

# version FILE: tells one version of a file from another
version() {
    stat --format=%i:%y "$1" 2>/dev/null || echo none
}

# train RUN OPTION...: trains in the folder RUN, or resumes the run that is there. With JOB_REQUEUE=yes, the default, a job
# whose time is over goes back into the queue, except a job that was cancelled, and one that came from the queue and made
# no progress: it would be requeued without end.
train() {
    local run=$1 code=0 before result
    job_ends=no
    claim "$run"
    before=$(version "$run/last.weights.h5")
    result=$(version "$run/result.json")
    launch "${SLURM_NTASKS:-1}" train --resume --out="$run" --progress=plain "${@:2}" || code=$?
    # MPICH's mpirun ends with 0 when it was sent USR1, whatever the ranks say
    if ((code == 0)) && [[ $passed_on == yes && $(version "$run/result.json") == "$result" ]]; then
        code=75
    fi
    ((code == 75)) || return "$code"
    if [[ $job_ends == no ]] && ((${SLURM_RESTART_COUNT:-0} > 0)) && [[ $(version "$run/last.weights.h5") == "$before" ]]; then
        echo "stopped early, as before, and no checkpoint came between: not put back into the queue" >&2
    elif [[ ${JOB_REQUEUE-yes} == yes && $job_ends == no && -n ${SLURM_JOB_ID-} ]]; then
        echo "+ scontrol requeue $SLURM_JOB_ID" >&2
        scontrol requeue "$SLURM_JOB_ID" || true
    else
        echo "stopped early; submitted again with JOB_RUN=$JOB_RUN and the same options, it goes on" >&2
    fi
    return 75
}

# ---- scaling ----

# measure_scaling RULE OPTION...: tools/scaling.py takes the place of this script. USR1, which SLURM sends to it, stops the
# study after the measurements that are complete.
measure_scaling() {
    unset OMP_NUM_THREADS # the study has layouts with other numbers of threads
    exec "$JOB_PYTHON" "$JOB_PROJECT/tools/scaling.py" run "$1" --out="$JOB_RUN" --program="$JOB_PROGRAM" \
        --launcher="$JOB_LAUNCHER" --launcher-options="$JOB_LAUNCHER_OPTIONS" "${@:2}"
}
