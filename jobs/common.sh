# Sourced by the job scripts: the one place to fit them to a cluster. Each setting may also come from the environment.
# shellcheck shell=bash

# Modules to load, for example "gcc openmpi hdf5". Empty: none.
JOB_MODULES=${JOB_MODULES-}

# mpirun, which takes the allocation from SLURM, or srun, where SLURM was built with the library's PMIx.
JOB_LAUNCHER=${JOB_LAUNCHER-mpirun}

# Options of the launcher. Threads of a rank must not be bound to one core; where nodes have several sockets,
# "--map-by slot:PE=$OMP_NUM_THREADS --bind-to core" is quicker.
JOB_LAUNCHER_OPTIONS=${JOB_LAUNCHER_OPTIONS-}

# The program, relative to the project's folder.
JOB_PROGRAM=${JOB_PROGRAM-build/release/mnist_dist}

# Seconds that mpirun leaves the ranks between SIGTERM and SIGKILL; 1 without this, too little for a large checkpoint.
# It waits so long, up to twice, at each early end, even when no rank is left.
JOB_KILL_WAIT=${JOB_KILL_WAIT-5}

# ---- all jobs ----

prepare_job() {
    if [[ -n $JOB_MODULES ]]; then
        # shellcheck disable=SC2086 # a list
        module load $JOB_MODULES
    fi
    export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
    export OMPI_MCA_odls_base_sigkill_timeout=$JOB_KILL_WAIT
    [[ -x $JOB_PROGRAM ]] || {
        echo "$JOB_PROGRAM was not found: build it first (tools/quickstart.sh), and submit from the project's folder" >&2
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

# launch RANKS ARGUMENT...: the program on so many tasks of the job, and its exit code. USR1 to this script reaches the
# ranks: they write a checkpoint and leave with exit code 75.
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
    # shellcheck disable=SC2064 # the process is known now
    trap "signalled=yes; echo '+ USR1: a checkpoint, then the end' >&2; kill -s USR1 $1 || true" USR1
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

# checkpoint RUN: tells one last checkpoint from another
checkpoint() {
    stat --format=%i:%y "$1/last.weights.h5" 2>/dev/null || echo none
}

# train RUN OPTION...: trains in this folder, or goes on with what is there. With JOB_REQUEUE=yes, the default, a job
# whose time was over goes back into the queue; not one that was told to end: then somebody else decides; nor one that
# came from the queue and got no further: it would come and go for ever.
train() {
    local run=$1 code=0 before
    job_ends=no
    claim "$run"
    before=$(checkpoint "$run")
    launch "${SLURM_NTASKS:-1}" train --resume --out="$run" --progress=plain "${@:2}" || code=$?
    ((code == 75)) || return "$code"
    if [[ $job_ends == no ]] && ((${SLURM_RESTART_COUNT:-0} > 0)) && [[ $(checkpoint "$run") == "$before" ]]; then
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

# field LINE KEY: a value of a JSON object on one line
field() {
    sed --quiet 's/.*"'"$2"'": *"\{0,1\}\([^",}]*\).*/\1/p' <<<"$1"
}

# measure_scaling RULE OPTION...: bench on 1, 2, 4, ... and all ranks of the job. RULE: strong, JOB_BATCH samples a step
# whatever the ranks; weak, JOB_BATCH samples a step and rank. Below JOB_RUN: bench.jsonl, what bench said, and
# scaling.csv: ratio, the throughput over that of one rank; efficiency, the ratio over the ranks.
measure_scaling() {
    local rule=$1 file=$JOB_RUN/scaling.csv line base=''
    local -i ranks=1 all=${SLURM_NTASKS:-1} batch
    claim "$JOB_RUN"
    echo 'scaling,model,dataset,batch_size,ranks,nodes,threads,isa,steps,images_per_second,step_ms,ratio,efficiency,options' >"$file"
    : >"$JOB_RUN/bench.jsonl"
    while :; do
        batch=$JOB_BATCH
        [[ $rule == strong ]] || batch=$((JOB_BATCH * ranks))
        launch "$ranks" bench --batch-size="$batch" "${@:2}" >"$JOB_RUN/last" || return
        line=$(tail --lines=1 "$JOB_RUN/last")
        cat "$JOB_RUN/last" >>"$JOB_RUN/bench.jsonl"
        base=${base:-$(field "$line" images_per_second)}
        scaling_row "$rule" "$line" "$base" "${*:2}" >>"$file"
        ((ranks < all)) || break
        ranks=$((2 * ranks < all ? 2 * ranks : all))
    done
    rm "$JOB_RUN/last"
    cat "$file"
}

# nodes_used RANKS: ranks fill one node after the other
nodes_used() {
    local -i all=${SLURM_NTASKS:-1} nodes=${SLURM_JOB_NUM_NODES:-1}
    echo $((($1 * nodes + all - 1) / all))
}

# scaling_row RULE LINE BASE OPTIONS: the line of bench as a row; BASE: images a second of one rank
scaling_row() {
    local key row=$1
    for key in model dataset batch_size ranks; do
        row+=",$(field "$2" "$key")"
    done
    row+=",$(nodes_used "$(field "$2" ranks)")"
    for key in threads isa steps images_per_second total; do
        row+=",$(field "$2" "$key")"
    done
    awk -v row="$row" -v base="$3" -v now="$(field "$2" images_per_second)" -v ranks="$(field "$2" ranks)" \
        -v options="${4//\"/\"\"}" \
        'BEGIN { printf "%s,%.3f,%.3f,\"%s\"\n", row, now / base, now / base / ranks, options }'
}
