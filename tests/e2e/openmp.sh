#!/usr/bin/env bash
# Variables of OpenMP that a site sets: bindings, limits, stacks. Each gives the bits of a run without them, on the threads that it
# should have, or one message.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
# shellcheck source=../../tools/environment.sh
source "$SOURCE_DIR/tools/environment.sh"
cores=$(nproc)
[[ $cores -ge 2 && $(usable_cores) == "$cores" ]] || skip 'a single core, or less than the machine'
small=(--data synthetic --limit 200 --epochs 1 --model 'flatten; dense 10' --progress plain)
number=0
train 1x2 usual "${small[@]}"

# with VARIABLES COMMAND...: trains so; its output is checked afterwards
with() {
    number=$((number + 1))
    # shellcheck disable=SC2086 # a list
    timeout 120 env $1 "${@:2}" "${small[@]}" --out "$scratch/$number" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die "$*"; }
    [[ $(result "$number" parameters_digest) == $(result usual parameters_digest) ]] || die "other bits: $*"
}

quiet_about() {
    ! grep -qF -- "$1" "$scratch/output" || { cat "$scratch/output"; die "it speaks of '$1'"; }
}

# ---- bindings ----
for variables in OMP_PROC_BIND=true OMP_PROC_BIND=close OMP_PROC_BIND=spread OMP_PLACES=cores 'OMP_PROC_BIND=true OMP_PLACES=threads' \
    "GOMP_CPU_AFFINITY=0-$((cores - 1))"; do
    with "$variables" "$MNIST_DIST"
    says "1 rank x $cores threads on $cores cores"
    quiet_about 'note '
    with "$variables OMP_NUM_THREADS=2" "$MNIST_DIST"
    says "1 rank x 2 threads on $cores cores"
    quiet_about 'note '
    with "$variables" "$launcher" --oversubscribe --bind-to none -n 2 "$MNIST_DIST"
    says "2 ranks x $((cores / 2)) thread"
    quiet_about 'note '
done
with 'GOMP_CPU_AFFINITY=0' "$MNIST_DIST"
says "1 rank is bound to 1 of this host's $cores cores; to use all of them: unset GOMP_CPU_AFFINITY"
quiet_about mpirun
with 'OMP_PLACES={0}' "$MNIST_DIST" -t 2
says '2 threads on 1 core: unset OMP_PLACES'

# two threads that are bound are on two cores, and stay there
: >"$scratch/output" # what the last one said is not taken for this one's
OMP_PROC_BIND=true OMP_NUM_THREADS=2 "$MNIST_DIST" --data synthetic --model mlp --limit 2000 --epochs 9999 --progress plain \
    --out "$scratch/long" >"$scratch/output" 2>&1 &
process=$!
for ((i = 0; i < 600; i++)); do
    ! grep -q '^Epoch 1/' "$scratch/output" || break
    sleep 0.1
done
bound=$(grep -h Cpus_allowed_list "/proc/$process/task/"*/status | sort -u | wc -l)
kill -USR1 "$process"
wait "$process" || true
[[ $bound -ge 2 ]] || die 'both threads are on one core'

# ---- limits ----
with OMP_THREAD_LIMIT=1 "$MNIST_DIST"
says 'note   OMP_THREAD_LIMIT=1: 1 of '
with OMP_THREAD_LIMIT=1 "$MNIST_DIST" -t 2
says 'note   OMP_THREAD_LIMIT=1: 1 of 2 threads'
with OMP_MAX_ACTIVE_LEVELS=0 "$MNIST_DIST" -t 2
says '1 rank x 2 threads'
with OMP_DYNAMIC=true "$MNIST_DIST" -t 2
says '1 rank x 2 threads'
OMP_THREAD_LIMIT=1 "$MNIST_DIST" predict "$scratch/usual" --data synthetic --format csv >"$scratch/limited.csv"
"$MNIST_DIST" predict "$scratch/usual" --data synthetic --format csv >"$scratch/usual.csv"
cmp "$scratch/limited.csv" "$scratch/usual.csv" || die 'other predictions'

# ---- no thread to be had: more stack than there are addresses ----
for command in "train --out $scratch/none" "predict $scratch/usual"; do
    # shellcheck disable=SC2086
    refused 71 'mnist_dist: of 2 threads only 1 can be started: ' env OMP_STACKSIZE=100000000M timeout 60 "$MNIST_DIST" $command \
        --data synthetic --threads 2
    [[ ! -e $scratch/none ]] || die 'a folder was made'
done
refused 71 'of 2 threads only 1 can be started: ' env OMP_STACKSIZE=100000000M timeout 60 \
    "$launcher" --oversubscribe --bind-to none -n 2 "$MNIST_DIST" "${small[@]}" --out "$scratch/none" --threads 2
[[ $(grep -c '^mnist_dist: ' "$scratch/output") == 1 ]] || { cat "$scratch/output"; die 'expected one message'; }

# ---- stacks ----
for variables in OMP_STACKSIZE=16k OMP_STACKSIZE=32 'OMP_STACKSIZE=64K' OMP_STACKSIZE=96k GOMP_STACKSIZE=16k OMP_STACKSIZE=65536B \
    OMP_STACKSIZE=2M OMP_STACKSIZE=nonsense; do
    with "$variables" "$MNIST_DIST" -t 2
    says '1 rank x 2 threads'
    env "$variables" timeout 60 "$MNIST_DIST" predict "$scratch/usual" --data synthetic --threads 2 --format csv >"$scratch/small.csv" ||
        die "predict: $variables"
    cmp "$scratch/small.csv" "$scratch/usual.csv" || die "other predictions: $variables"
done

# ---- more than there is work, or cores, for ----
with LC_ALL=C "$launcher" --oversubscribe --bind-to none -n 8 "$MNIST_DIST" -t 2
says "8 ranks x 2 threads share $cores cores; fewer are faster, with the same results: mpirun -n $cores with -t 1, or -n 1 with -t $cores"
timeout 120 "$launcher" --oversubscribe --bind-to none -n 20 "$MNIST_DIST" "${small[@]}" --dry-run >"$scratch/output" || die 'dry run'
says 'note   at most 16 of the 20 threads have work: a batch of 128 is 16 leaves of 8 samples'
