#!/usr/bin/env bash
# The command line: help, versions, typing mistakes, every command on small runs; with and without mpirun.
set -euo pipefail
: "${MNIST_DIST:?the program}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=run.bash
source "${BASH_SOURCE[0]%/*}/run.bash"
cd "$scratch"
unset MNIST_DIR OMP_NUM_THREADS
ranks=(mpirun --oversubscribe --bind-to none -n 3)

# wants CODE: the exit code of the last run
wants() {
    [[ $code == "$1" ]] || die "expected exit code $1"
}

# says FILE WORDS: the file contains the words
says() {
    grep -qF -- "$2" "$1" || die "'$2' is not in $1"
}

# one_complaint WORDS: standard error has exactly one line of mnist_dist, with these words
one_complaint() {
    [[ $(grep -c '^mnist_dist: ' err) == 1 ]] || die 'expected one line of mnist_dist'
    says err "$1"
}

# ---- help and versions: rank 0 prints them ----
commands=(train evaluate predict export summary inspect verify bench selftest env help)
headings=('Data and model' 'Optimisation' 'Run and checkpoints' 'Stopping' 'Parallelism' 'Output')

# fits LINES: the output has one usage line, at most LINES lines, and no line wider than 80 columns
fits() {
    [[ $(wc -l <out) -le $1 ]] || die "more than $1 lines"
    awk 'length > 80 {exit 1}' out || die 'lines of the help are wider than a terminal'
    if grep -q ' $' out; then die 'a line ends with a blank'; fi
    [[ $(grep -c '^Usage: mnist_dist' out) == 1 ]] || die 'expected the help once'
}

for launcher in '' "${ranks[*]}"; do
    # shellcheck disable=SC2086
    run $launcher "$MNIST_DIST" --help
    wants 0
    fits 40
    for command in "${commands[@]}"; do says out "  $command"; done
    for option in model data epochs batch-size optimizer learning-rate seed threads out resume; do says out " --$option"; done
    for words in 'Examples:' 'train --help' 'exit codes' 'docs/README.md'; do says out "$words"; done
    # shellcheck disable=SC2086
    run $launcher "$MNIST_DIST" train --help
    wants 0
    fits 240
    for option in model data classes epochs batch-size validation-split optimizer learning-rate lr momentum beta1 beta2 \
        epsilon augment shuffle no-shuffle seed threads out resume resume-from weights optimizer-state checkpoint-every keep time-limit time-margin \
        limit max-steps digest-every hang-timeout reduce eval-on \
        share gemm progress profile grain isa config dry-run quiet verbose help usage version; do
        says out "--$option"
    done
    [[ $(grep -nxFf <(printf '%s\n' "${headings[@]}") out | cut -d: -f2) == "$(printf '%s\n' "${headings[@]}")" ]] ||
        die 'expected the headings in their order'
    says out 'Exit codes:'
    # shellcheck disable=SC2086
    run $launcher "$MNIST_DIST" --version
    wants 0
    for library in MPI BLIS HDF5 zlib jansson; do says out "$library"; done
    [[ $(grep -c '^mnist_dist' out) == 1 ]] || die 'expected the version once'
done
run "$MNIST_DIST" --help
cp out overview
run "$MNIST_DIST" help
wants 0
cmp -s out overview || die 'help is not --help'
for command in "${commands[@]}"; do
    run "$MNIST_DIST" "$command" --usage
    wants 0
    says out "Usage: mnist_dist $command"
    run "$MNIST_DIST" "$command" --help
    wants 0
    fits 240
    says out 'Example'
    cp out help
    run "$MNIST_DIST" help "$command"
    wants 0
    cmp -s out help || die "help $command is not $command --help"
done
run "$MNIST_DIST" evaluate --help
fits 45
if grep -q -- --epochs out; then die 'evaluate has no epochs'; fi

# ---- mistakes: one line and exit code 64 ----
mistake() {
    run "$MNIST_DIST" "${@:2}"
    wants 64
    one_complaint "$1"
    [[ ! -s out ]] || die 'nothing belongs on standard output'
    run "${ranks[@]}" "$MNIST_DIST" "${@:2}"
    wants 64
    one_complaint "$1"
}
mistake "unknown command 'evalute'; did you mean 'evaluate'?" evalute runs/a
mistake "unknown option '--epcohs'; did you mean '--epochs'?" --epcohs 3
mistake "option '-e' needs a value" -e
mistake "unknown command 'runs/laptop'; a command comes before a path: $MNIST_DIST evaluate runs/laptop" runs/laptop
mistake "unknown option '-n'; mpirun starts the ranks: mpirun -n 4 $MNIST_DIST" -n 4
mistake "evaluate has no option '--epochs': it belongs to train" evaluate runs/a --epochs 3
mistake "'-epochs': a long name has two dashes: --epochs" -epochs 3
mistake "the command comes first: $MNIST_DIST evaluate" -e 3 evaluate runs/a
mistake "--monitor=vaL_loss: unknown; did you mean 'val_loss'?" --monitor vaL_loss
mistake "did you mean 'tree'?" --reduce=tre
mistake '--batch-size=0' -b 0
mistake "unknown model 'cn'; did you mean 'cnn'?" -m cn -d synthetic
mistake '--isa=avx3: unknown' --isa=avx3 -d synthetic
[[ ! -e runs ]] || die 'a mistake left a run directory'

# ---- a small run, resumed and repeated ----
small=(-m 'flatten; dense 10' -d synthetic --limit 500 -e 2 -b 50)
run "$MNIST_DIST" "${small[@]}" --dry-run
wants 0
says out 'nothing was written'
says out '450 train, 50 validation, 2,000 test'
# a layout that nothing here could start
run "$MNIST_DIST" "${small[@]}" --dry-run --ranks 4096 --hosts 512 --threads 2 --batch-size 65536
wants 0
says out '512 hosts, 4096 ranks x 2 threads on '
mistake '--ranks=2 --hosts=3: a host has at least one rank' "${small[@]}" --dry-run --ranks 2 --hosts 3
mistake '--ranks=0: must be a whole number from 1 to 524,287' "${small[@]}" --dry-run --ranks 0
mistake 'mpirun starts the ranks: mpirun -n 8' "${small[@]}" --ranks 8
[[ ! -e runs ]] || die '--dry-run wrote'

run "$MNIST_DIST" "${small[@]}" -t 2
wants 0
says out 'mnist_dist 0'
says out '1 host, 1 rank x 2 threads'
says out 'data   synthetic'
says out '7,850 parameters; adam, lr 0.001; batch 50 global'
says out 'Epoch 1/2  9/9 '
says out 'Epoch 2/2  9/9 '
says out 'test   loss '
says out "next   $MNIST_DIST evaluate runs/"
[[ ! -s err ]] || die 'a good run is silent on standard error'
runs=(runs/*)
first=${runs[0]}
digest() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["parameters_digest"])' "$1/result.json"; }

run "${ranks[@]}" "$MNIST_DIST" "${small[@]}" -o three -q
wants 0
[[ $(wc -l <out) == 1 ]] || die '-q prints the result alone'
[[ $(digest three) == "$(digest "$first")" ]] || die '3 ranks gave other parameters than 1'

run "$MNIST_DIST" --config "$first/config.json" -o again --progress=json
wants 0
python3 -c '
import json, sys
lines = [json.loads(line) for line in open("out")]
assert [line["epoch"] for line in lines] == [1, 2] and all(line["kind"] == "epoch" for line in lines), lines
' || die '--progress=json prints an object for each epoch'
[[ $(digest again) == "$(digest "$first")" ]] || die '--config did not replay the run'

run "$MNIST_DIST" "${small[@]}" -o three --resume -e 3 --progress=none
wants 0
says out 'three, resumed at step 19'
run "$MNIST_DIST" --config "$first/config.json" -o from --resume-from=again -e 3
wants 0
[[ $(digest from) == "$(digest three)" ]] || die '--resume-from is not --resume'

# The first line names the instruction set that the kernels use; with -v a note says so where AMX is there but not permitted.
"$MNIST_DIST" env -d synthetic >report
read -r -a sets < <(sed -n 's/^bf16 *//p' report | tr -d ,)
refused=$(sed -n 's/^.*\(this processor has AMX.*\)$/\1/p' report)
for isa in auto "${sets[@]}"; do
    run "$MNIST_DIST" "${small[@]}" -t 2 -e 1 --precision bf16 --isa "$isa" -o "set-$isa" -v
    wants 0
    [[ $isa == auto ]] && isa=${sets[0]}
    [[ $(head -n 1 out) == *" host, "*", $isa" ]] || die "the first line does not name $isa"
    if [[ $refused ]]; then says out "$refused; the kernels of $isa run"; fi
    if [[ ! $refused ]] && grep -q 'has AMX' out; then die 'a note about AMX where there is nothing to say'; fi
done

# ---- the other commands ----
run env LC_ALL=C.UTF-8 "$MNIST_DIST" summary
wants 0
says out '│ conv2d_1 (Conv2D)'
for words in 'conv2d_1 (Conv2D)' '(None, 11, 11, 64)' '18,496' 'Total params: 225,034' 'FLOP per sample' 'Memory'; do
    says out "$words"
done
run env LC_ALL=C "$MNIST_DIST" summary
wants 0
says out '| conv2d_1 (Conv2D)'
if LC_ALL=C grep -q '[^ -~]' out; then die 'not ASCII in a locale that has nothing else'; fi
run "$MNIST_DIST" evaluate three
wants 0
says out 'weights three/last.weights.h5 (3 epochs, step 27): '
says out 'macro avg'
says out 'confusion matrix'
run "${ranks[@]}" "$MNIST_DIST" evaluate three --which=last --json
wants 0
python3 -c '
import json
found, run = json.load(open("out")), json.load(open("three/result.json"))
for key in "test_loss", "test_accuracy", "test_samples", "parameters_digest":
    assert found[key] == run[key], key
matrix = found["confusion"]
assert sum(map(sum, matrix)) == 2000 and sum(matrix[i][i] for i in range(10)) == round(2000 * found["test_accuracy"])
' || die 'evaluate does not find what the run found'
for path in three three/last.weights.h5; do
    run "$MNIST_DIST" inspect "$path"
    wants 0
    for words in 'batch-size         50' 'history' '/layers/dense/vars/0' '(784, 10)' '/optimizer/vars/2'; do
        says out "$words"
    done
done
run "${ranks[@]}" "$MNIST_DIST" bench "${small[@]:0:4}" --max-steps 3 -v
wants 0
python3 -c '
import json
b = json.load(open("out"))
assert b["mode"] == "training" and 0 < b["startup_s"] < 60, b
assert b["ranks"] == 3 and b["images_per_second"] > 0 and b["sgemm_gflops"] > 0 and b["ratio"] > 0, b
assert set(b["step_ms"]) == {"forward", "backward", "exchange", "update", "other", "total"}, b
' || die 'bench prints one JSON object'
says err 'FMA peak'
for batch in 1 50; do
    run "${ranks[@]}" "$MNIST_DIST" bench --inference "${small[@]:0:4}" -b "$batch" --max-steps 5
    wants 0
    python3 -c '
import json, sys
b = json.load(open("out"))
assert b["mode"] == "inference" and b["batch_size"] == int(sys.argv[1]) and b["steps"] == 5, b
assert b["step_ms"]["forward"] > 0 and b["step_ms"]["backward"] == b["step_ms"]["update"] == 0, b
rate = b["images_per_second"] * 2 * 7840 * 1e-9
assert abs(b["gflops_nominal"] - rate) < 1e-3 * rate, b
' "$batch" || die 'bench --inference counts forward passes'
done
run "${ranks[@]}" "$MNIST_DIST" env -d synthetic
wants 0
says out '1 host, 3 ranks'
says out 'data     synthetic'
[[ $(grep -cE '^ +[0-2]  ' out) == 3 ]] || die 'env has a line for each rank'
run env MNIST_DIST_GROUP_SIZE=2 "${ranks[@]}" "$MNIST_DIST" env -d synthetic
says out '2 groups of shared memory'
run "${ranks[@]}" "$MNIST_DIST" env -d synthetic --share=off
says out '3 groups of shared memory'
run env OMP_NUM_THREADS=3 "$MNIST_DIST" env -d synthetic
says out '1 rank x 3 threads'
