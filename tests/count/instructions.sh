#!/usr/bin/env bash
# Does a step still need as few instructions an image, kernel by kernel, as expected.txt says? What a clock cannot tell on a
# shared machine, callgrind can. More than 3 % above the table fails; whatever else differs is a note.
#   tests/count/instructions.sh            checks $MNIST_DIST
#   tests/count/instructions.sh --update   writes expected.txt anew, from build/dev unless $MNIST_DIST says otherwise
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${MNIST_DIST:-$here/../../build/dev/mnist_dist}
python=/usr/bin/python3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

skip() {
    echo "SKIP: $*"
    exit 77
}

# profile MODEL SPEC: callgrind's counts of a step into $scratch/MODEL
profile() {
    valgrind --tool=callgrind --callgrind-out-file="$scratch/$1" --collect-atstart=no --toggle-collect=step_run \
        "$program" --model "$2" --data "$scratch/data" --epochs 1 --batch-size 32 --validation-split 0 --threads 1 --isa avx2 \
        --out "$scratch/run-$1" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
}

command -v valgrind >/dev/null || skip 'valgrind is not installed'
if ! grep -qw avx2 /proc/cpuinfo || ! grep -qw fma /proc/cpuinfo; then skip 'the processor has no AVX2 and FMA'; fi
compiler=$("$program" --version | sed -n '1s/.*(\(.*\)).*/\1/p')
[[ $compiler == release* ]] || skip "the table is of a release build, this is $compiler"
[[ ${1:-} == --update ]] || grep -qxF "# $compiler" "$here/expected.txt" ||
    skip "the table is of another compiler ($(sed -n '1s/# //p' "$here/expected.txt")), this is $compiler"

"$python" "$here/count.py" images "$scratch/data"
profile cnn cnn
profile recurrent 'lstm 32 sequence; gru 32 sequence; simple_rnn 32; dense 10'
found=(cnn="$scratch/cnn" recurrent="$scratch/recurrent")

if [[ ${1:-} == --update ]]; then
    "$python" "$here/count.py" table "$compiler" "${found[@]}" >"$scratch/table"
    cp "$scratch/table" "$here/expected.txt"
    cat "$here/expected.txt"
    exit 0
fi
"$python" "$here/count.py" check "$here/expected.txt" "${found[@]}" || {
    echo 'If it is worth it: tests/count/instructions.sh --update, and commit the table with the reason.'
    exit 1
}

# The checker says no: to a table that allows a tenth less, and to counts of nothing.
awk '/^#/ {print; next} {$3 = int($3 * 0.9); print}' "$here/expected.txt" >"$scratch/doctored"
if "$python" "$here/count.py" check "$scratch/doctored" "${found[@]}" >"$scratch/log"; then
    echo 'FAILED: the checker lets a tenth more pass'
    exit 1
fi
[[ $(grep -c '^MORE' "$scratch/log") == "$(grep -vc '^#' "$here/expected.txt")" ]]
printf 'events: Ir\nfn=(1) main\n1 100\n' >"$scratch/empty"
if "$python" "$here/count.py" check "$here/expected.txt" cnn="$scratch/empty" >"$scratch/log" 2>&1; then
    echo 'FAILED: the checker lets counts of nothing pass'
    exit 1
fi
