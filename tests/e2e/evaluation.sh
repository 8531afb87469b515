#!/usr/bin/env bash
# `evaluate` finds the figures that training found, from the last and from the best weights, on every layout.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# the best epoch is not the last here
train 2x1 run --data synthetic --limit 1000 --batch-size 100 --epochs 3 --learning-rate 0.03 --seed 3
[[ $(result run best_epoch) != 3 ]] || die "the last epoch is the best: this proves nothing"

# figure KEY: of the JSON that evaluate printed
figure() {
    "$python" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1" <"$scratch/output"
}

# evaluated LAYOUT OPTION...: what evaluate prints
evaluated() {
    on "$1" evaluate "$scratch/run" "${@:2}" || { cat "$scratch/output"; die "evaluate on $*"; }
}

for layout in 1x1 1x2 2x1 3x1 4x2 8x1; do
    evaluated "$layout" --json --which last
    [[ $(figure test_loss) == "$(result run test_loss)" ]] || die "$layout: loss $(figure test_loss)"
    [[ $(figure test_accuracy) == "$(result run test_accuracy)" ]] || die "$layout: accuracy $(figure test_accuracy)"
    [[ $(figure parameters_digest) == "$(result run parameters_digest)" ]] || die "$layout: other parameters"
    [[ ! -f $scratch/first ]] || cmp "$scratch/first" "$scratch/output"
    cp "$scratch/output" "$scratch/first"
done
for option in --eval-on=root --share=off; do
    evaluated 3x1 --json --which last "$option"
    cmp "$scratch/first" "$scratch/output"
done

evaluated 2x1 --json --which best
[[ $(figure test_accuracy) == "$(result run best_test_accuracy)" ]] || die "best: accuracy $(figure test_accuracy)"
[[ $(figure parameters_digest) != "$(result run parameters_digest)" ]] || die "best are the last weights"
cp "$scratch/output" "$scratch/best"
on 1x1 evaluate "$scratch/run/best.weights.h5" --data synthetic --json
cmp "$scratch/best" "$scratch/output"

# a run without Winograd's algorithm says so, its figures are its own to the last digit; a plain file does not say it
exact=(--data synthetic --limit 1000 --batch-size 100 --epochs 1 --learning-rate 0.01 --seed 3)
train 2x1 exact "${exact[@]}" --exact-conv
"$MNIST_DIST" export "$scratch/exact" --which last -o "$scratch/exact.weights.h5" >"$scratch/output"
for layout in 1x1 2x1; do
    on "$layout" evaluate "$scratch/exact" --json --which last
    [[ $(figure test_loss) == "$(result exact test_loss)" ]] || die "exact on $layout: loss $(figure test_loss)"
    on "$layout" evaluate "$scratch/exact.weights.h5" --model cnn --data synthetic --json
    [[ $(figure test_loss) != "$(result exact test_loss)" ]] || die "--exact-conv changes nothing: this proves nothing"
done

# for people: the report of the run directory, line by line
evaluated 2x1 --which last
while IFS= read -r line; do says "$line"; done < <(grep -v '^weights:' "$scratch/run/report.txt")
