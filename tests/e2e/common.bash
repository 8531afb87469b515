# Sourced by the scripts of this folder: runs of the program on a layout, and what can be asked of a run.
# shellcheck shell=bash

: "${MNIST_DIST:?the program}" "${SOURCE_DIR:?the folder of the project}"
unset OMP_NUM_THREADS OMP_WAIT_POLICY GOMP_SPINCOUNT MNIST_DIST_GROUP_SIZE
# script(1) gives its command to $SHELL. The commands are quoted by printf %q, which dash does not read.
export SHELL=$BASH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
here=$SOURCE_DIR/tests/e2e
python=/usr/bin/python3
# The launcher of the program's MPI, and the options with which it starts more ranks than there are cores.
launcher=${MPIEXEC:-$(command -v mpirun.openmpi || command -v mpirun)} || { echo "SKIP: mpirun is not installed"; exit 77; }
spread=(--bind-to none)
[[ ! $("$launcher" --version) =~ Open\ ?MPI|OpenRTE|PRRTE ]] || spread=(--oversubscribe --bind-to none)

skip() {
    echo "SKIP: $*"
    exit 77
}

die() {
    printf 'FAILED: %s\n' "$*"
    exit 1
}

# python_has MODULE...: skips where one is missing
python_has() {
    local module
    for module; do
        "$python" -c "import $module" 2>/dev/null || skip "$python has no $module"
    done
}

# on LAYOUT COMMAND...: the program on RANKSxTHREADS; one rank runs without mpirun. Its output goes to $scratch/output.
on() {
    local ranks=${1%x*} threads=${1#*x} command=("$MNIST_DIST")
    [[ $ranks == 1 ]] || command=("$launcher" "${spread[@]}" -n "$ranks" "$MNIST_DIST")
    timeout 300 "${command[@]}" "${@:2}" --threads "$threads" >"$scratch/output" 2>&1
}

# train LAYOUT RUN OPTION...: trains into $scratch/RUN, and proves that it was on this layout
train() {
    local layout=$1 run=$2
    on "$layout" train --out "$scratch/$run" --progress plain "${@:3}" || {
        cat "$scratch/output"
        die "exit status of $run on $layout"
    }
    [[ $(result "$run" ranks)x$(result "$run" threads) == "$layout" ]] || die "$run did not run on $layout"
}

# refused STATUS WORDS COMMAND...: the command ends with this status, and says these words
refused() {
    local got=0
    "${@:3}" >"$scratch/output" 2>&1 || got=$?
    [[ $got == "$1" ]] || { cat "$scratch/output"; die "status $got, not $1: ${*:3}"; }
    says "$2"
}

# says WORDS: the last output does
says() {
    grep -qF -- "$1" "$scratch/output" || { cat "$scratch/output"; die "it does not say '$1'"; }
}

# result RUN KEY: a value of result.json
result() {
    "$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$scratch/$1/result.json" "$2"
}

# facts RUN: all that must not depend on clock, layout or place; facts.py says what that is
facts() {
    "$python" "$here/facts.py" "$scratch/$1"
}

# compare RUN RUN: 0 where they left the same, byte for byte
compare() {
    local run
    for run; do
        facts "$run" >"$scratch/$run.facts" || die "$run is not a whole run"
    done
    diff "$scratch/$1.facts" "$scratch/$2.facts" >"$scratch/difference"
}

same() {
    compare "$1" "$2" || { cut -c 1-300 "$scratch/difference"; die "$1 and $2 differ"; }
}

# differ RUN RUN: a comparison that cannot say no proves nothing
differ() {
    ! compare "$1" "$2" || die "$1 and $2 are the same, and should not be"
}

# listing RUN: names and contents of its files
listing() {
    (cd "$scratch/$1" && sha256sum -- *)
}

# orphans: pieces of the program's shared memory whose process is gone. Those of living processes, which other tests may have,
# have names for a moment only, while a run starts.
orphans() {
    local piece process
    for piece in /dev/shm/mnist_dist-*-*; do
        process=${piece#*/mnist_dist-}
        [[ -e /proc/${process%-*} || ! -e $piece ]] || echo "$piece"
    done
}
