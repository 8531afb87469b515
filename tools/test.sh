#!/usr/bin/env bash
# Builds with warnings as errors and runs the tests that this machine can run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=dependencies.sh
source tools/dependencies.sh
# shellcheck source=environment.sh
source tools/environment.sh

usage() {
    cat <<'END'
Usage: tools/test.sh [--all] [-L LABEL]... [--help]

Installs what is missing, builds build/dev, and runs CTest; then lists what was skipped and why. The last lines are
CTest's summary.
  -L LABEL   only tests with this label, may be repeated: unit ref grad prop mpi io tools e2e style count interop slow slurm
             fault hosts packaging cross
  --all      what continuous integration runs: the labels slow, slurm, fault, hosts, packaging and cross, Keras' own trainings
             too, the sanitizers on the labels unit ref grad prop mpi, tests that start ranks with MPICH, selftest of a build
             by clang, and clang-tidy. Any skipped test then counts as a failure.

$MNIST_DIR, a folder with MNIST's four files, is passed on to the tests that can use it.
After the first time, one label is quicker by hand: cmake --build --preset dev && ctest --preset dev -L unit
END
}

parse() {
    all=no
    labels=()
    while (($#)); do
        case $1 in
        -h | --help) usage && exit 0 ;;
        --all) all=yes ;;
        -L) labels+=("${2:?-L needs a label}") && shift ;;
        *) say "unknown option '$1'; see --help" && exit 64 ;;
        esac
        shift
    done
}

# selection: sets `select` to CTest's options for the labels asked for
selection() {
    local IFS='|'
    select=()
    if ((${#labels[@]})); then
        select=(-L "^(${labels[*]})\$")
    elif [[ $all == yes ]]; then
        [[ -z ${MNIST_DIR-} ]] || select+=(-E '^tools/notebooks$') # slow/notebooks is the same on MNIST
    else
        select=(-LE '^(slow|slurm|fault|hosts|packaging|cross)$' -E '^interop/(optimizer|training)_parity$')
    fi
}

# run_tests PRESET OPTION...: CTest, its summary kept back in build/PRESET/summary.txt. Many tests wait most of the time: three
# run on two cores, and of those beside them one for each core.
run_tests() {
    local folder=build/$1 code=0 places
    places=$(usable_cores)
    [[ $1 != dev ]] || places=$(((places * 3 + 1) / 2))
    ctest --preset "$1" --parallel "$places" --output-junit junit.xml "${@:2}" 2>&1 |
        tee "$folder/tests.log" | sed -u '/% tests passed/,$d' || code=$?
    sed -n '/% tests passed/,$p' "$folder/tests.log" >"$folder/summary.txt"
    return "$code"
}

# skipped PRESET: "test: reason" of each skipped test, from the line "SKIP: reason" that it printed
skipped() {
    awk '
        function plain(xml) {
            gsub(/&lt;/, "<", xml); gsub(/&gt;/, ">", xml); gsub(/&quot;/, "\"", xml); gsub(/&amp;/, "\\&", xml)
            return xml
        }
        function flush() { if (skip) print name ": " plain(reason); skip = 0 }
        /<testcase / {
            flush()
            match($0, / name="[^"]*"/)
            name = substr($0, RSTART + 7, RLENGTH - 8)
            reason = "no reason given"
        }
        /<skipped/ { skip = 1 }
        /SKIP: / { reason = $0; sub(/.*SKIP: /, "", reason); sub(/<\/system-out>.*/, "", reason) }
        END { flush() }
    ' "build/$1/junit.xml"
}

list_skipped() {
    local -a rows=()
    mapfile -t rows < <(skipped dev; [[ $all == no ]] || skipped mpich)
    printf '\nskipped: %d\n' "${#rows[@]}"
    ((${#rows[@]} == 0)) || printf '  %s\n' "${rows[@]}"
    if [[ $all == no && ${#labels[@]} == 0 ]]; then
        printf '  labels slow, slurm, fault, hosts, packaging and cross, interop/{optimizer,training}_parity, the sanitizers, MPICH, clang, clang-tidy: run with --all only\n'
    elif [[ $all == yes ]] && ((${#rows[@]})); then
        failures+=("${#rows[@]} skipped tests, none allowed with --all")
    fi
}

# stage WORDS COMMAND...: runs the command, tells the seconds that it and the processors took, and remembers its failure
stage() {
    local TIMEFORMAT="$1: %R s; processors: %U s, and %S s in the system"
    printf '\n== %s\n' "$1"
    time "${@:2}" || failures+=("$1")
}

# build_and_test PRESET OPTION...
build_and_test() {
    local code=0
    build_preset "$1" || return
    run_tests "$@" || code=$?
    cat "build/$1/summary.txt"
    return "$code"
}

# clang_and_its_bits: clang compiles the program, clang-tidy finds nothing in it, and it gives the published bits; of the slow
# baseline a part. Nothing else runs such a program.
clang_and_its_bits() {
    build_preset clang -- -k 0 || return
    build/clang/mnist_dist selftest --threads 1 &&
        build/clang/mnist_dist selftest --threads 1 --isa avx2 &&
        build/clang/mnist_dist selftest --threads 1 --isa baseline mlp cnn-few rnn-few lenet5-few
}

# What --all adds to the tests. The last line names what failed.
extra_stages() {
    local -a failures=()
    # One rank and three show what more ranks would, in a fraction of the time; the sanitizers have an allocator of their own.
    stage 'sanitizers' build_and_test asan -L '^(unit|ref|grad|prop|mpi)$' -E '^mpi/.*[.][248]$|^prop/train_no_allocation$'
    # What an MPI can change: messages and shared memory, the bits, what resumes after kills.
    stage 'MPICH' build_and_test mpich
    stage 'clang and clang-tidy' clang_and_its_bits
    ((${#failures[@]} == 0)) && return 0
    local IFS=,
    printf '\n%s\n' "${failures[*]}"
    return 1
}

# begin_beside: starts the extra stages beside the tests, which leave cores idle while they wait. A process group of its own:
# what ends this script ends them too.
begin_beside() {
    printf '\n== sanitizers, MPICH, clang and clang-tidy run beside the tests; what they print follows those\n'
    set -m
    extra_stages >build/beside.log 2>&1 </dev/null &
    beside=$!
    set +m
    trap 'kill -- "-$beside" 2>/dev/null' EXIT
}

end_beside() {
    wait "$beside" || failures+=("beside the tests: $(tail -n 1 build/beside.log)")
    trap - EXIT
    cat build/beside.log
}

main() {
    parse "$@"
    local -a tiers=(build data report test) failures=()
    [[ $all == no ]] || tiers+=(extra fashion slurm hosts deb packaging cross)
    [[ " ${labels[*]} " != *' slurm '* ]] || tiers+=(slurm)
    [[ " ${labels[*]} " != *' hosts '* ]] || tiers+=(hosts)
    [[ " ${labels[*]} " != *' packaging '* ]] || tiers+=(deb packaging)
    [[ " ${labels[*]} " != *' cross '* ]] || tiers+=(cross)
    install_packages "${tiers[@]}"
    require_cmake
    prepare_mpi
    use_ccache
    [[ -z ${MNIST_DIR-} ]] || MNIST_DIR=$(cd "$MNIST_DIR" && pwd)
    stage 'build' build_preset dev
    # Tests of a program that was not built would say nothing.
    ((${#failures[@]} == 0)) || exit 1
    [[ $all == no ]] || begin_beside
    selection
    stage 'tests' run_tests dev "${select[@]}"
    [[ $all == no ]] || end_beside
    list_skipped
    printf '\n'
    cat build/dev/summary.txt
    ((${#failures[@]} == 0)) && return 0
    printf '\nFAILED: %s\n' "${failures[@]}"
    return 1
}

main "$@"
