#!/usr/bin/env bash
# From a fresh machine to a trained network, its report and its pictures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=dependencies.sh
source tools/dependencies.sh
# shellcheck source=environment.sh
source tools/environment.sh

usage() {
    cat <<'END'
Usage: tools/quickstart.sh [--help] [--build-only] [-- OPTION...]

Installs what is missing (Debian 12 or newer, Ubuntu), builds build/release/mnist_dist, gets the data, and trains
the convolutional network on all cores, into a new folder runs/quickstart-N; then draws the report's pictures.
--build-only stops before the training. What follows -- goes to mnist_dist, for example:

  tools/quickstart.sh -- --epochs=1 --data=synthetic
  tools/quickstart.sh -- --model=lstm --optimizer=adamw

Where nothing is missing, nothing is installed, and only what changed is built.
Exit codes: those of mnist_dist; 64: the command line is wrong; 69: packages are missing and cannot be installed.
END
}

refuse() {
    say "$1"
    exit 64
}

parse() {
    options=() build_only=no
    case ${1-} in
    '') return ;;
    -h | --help) usage && exit 0 ;;
    --build-only) (($# == 1)) || refuse '--build-only stands alone' && build_only=yes ;;
    --) options=("${@:2}") ;;
    *) refuse "unknown option '$1'; options of mnist_dist come after --; see --help" ;;
    esac
    local option
    for option in "${options[@]}"; do
        [[ ! $option =~ ^(-o|--out) ]] || refuse "the run's folder is chosen here: leave '$option' out"
    done
}

# next_run: the first free name; mnist_dist makes the folder
next_run() {
    local n=1
    while [[ -e runs/quickstart-$n ]]; do n=$((n + 1)); done
    printf 'runs/quickstart-%d' "$n"
}

train() {
    run=$(next_run)
    prepare_mpi
    local -a command=("${mpirun[@]}" -n "$(usable_cores)" build/release/mnist_dist --model=cnn
        "${options[@]}" "--out=$run")
    say "${command[*]}"
    "${command[@]}"
}

# Debian's modules belong to /usr/bin/python3, which need not be the first python3 on PATH.
draw() {
    local python=/usr/bin/python3
    [[ -x $python ]] || python=python3
    MPLBACKEND=Agg "$python" tools/report.py "$run"
}

field() {
    sed -nE 's/.*"'"$1"'" *: *([0-9.eE+-]+).*/\1/p' "$run/result.json" | head -n 1
}

finish() {
    printf '\ntest accuracy  %s\nfigures        %s\n' "$(field test_accuracy)" "$run/report.txt"
    printf 'report         %s, open it in a browser\n' "$run/report.html"
}

parse "$@"
install_packages build data report
require_cmake
build_preset release --target mnist_dist
tools/get_data.sh
[[ $build_only == no ]] || exit 0
train
draw
finish
