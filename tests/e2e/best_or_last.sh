#!/usr/bin/env bash
# One rule for all: of a run directory the last weights are taken, and those of the best epoch with --which best. The accuracy on
# the screen, in the report, and of the command that the training proposes are the same to the last digit.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py
cd "$scratch"

# the best epoch is not the last here
train 1x2 run --data synthetic --limit 1000 --batch-size 100 --epochs 3 --learning-rate 0.03 --seed 3
mv output screen
best=$(result run best_epoch)
[[ $best != 3 ]] || die "the last epoch is the best: this proves nothing"
[[ $(result run best_test_accuracy) != "$(result run test_accuracy)" ]] || die "best and last are equally good"

# figures FILE: "loss 0.1234 - accuracy 0.5678" of its line about the test set
figures() {
    sed -nE 's/^test .*(loss [0-9.]+ - accuracy [0-9.]+).*/\1/p' "$1"
}
shown=$(figures screen)
[[ -n $shown ]] || die "the screen has no test line"
[[ ${shown##* } == "$(printf '%.4f' "$(result run test_accuracy)")" ]] || die "screen: $shown; result.json: another accuracy"
grep -q '^test .*; last weights (3 epochs, step 27)$' screen || die "the screen does not say which weights it tested"
grep -qx "best   epoch $best: test accuracy $(printf '%.4f' "$(result run best_test_accuracy)"); --which best takes its weights" \
    screen || die "the screen does not name the best epoch"
[[ $(tail -n 1 run/report.txt) == 'weights: last (3 epochs, step 27)' ]] || die "report.txt does not name its weights"
grep -E '^ +accuracy' run/report.txt | grep -qF " ${shown##* } " || die "report.txt has another accuracy than the screen"

# the proposed command, as it was printed
next=$(sed -n 's/^next   //p' screen)
bash -c "$next" >evaluated 2>&1 || { cat evaluated; die "it does not run: $next"; }
[[ $(figures evaluated) == "$shown" ]] || die "screen: $shown; $next: $(figures evaluated)"
grep -q '^weights .*/run/last.weights.h5 (3 epochs, step 27): ' evaluated || die "evaluate does not say which weights"

# the other commands take the same, and say so
"$MNIST_DIST" predict run >predicted
[[ $(head -n 1 predicted) == 'weights run/last.weights.h5 (3 epochs, step 27)' ]] || die "predict does not say which weights"
"$MNIST_DIST" predict run --format csv | tail -n +2 | cut -d, -f2 | cmp - <(tail -n +2 run/predictions.csv | cut -d, -f3)
"$MNIST_DIST" export run -o a.weights.h5 >output
says 'of run/last.weights.h5 (3 epochs, step 27)'
"$MNIST_DIST" inspect run >output
says 'run/last.weights.h5 (3 epochs, step 27): a checkpoint'
"$MNIST_DIST" verify a.weights.h5 run/last.weights.h5 >output
on 1x1 train --out started --data synthetic --limit 1000 --max-steps 1 --learning-rate 1e-30 --weights run
says 'note   starts from the weights of run/last.weights.h5 (3 epochs, step 27)'
"$MNIST_DIST" verify a.weights.h5 started/last.weights.h5 >output || { cat output; die "--weights RUN took other weights"; }

# the best, when they are asked for
"$MNIST_DIST" evaluate run --which best >output
says "weights run/best.weights.h5 ($best epoch"
says "accuracy $(printf '%.4f' "$(result run best_test_accuracy)")"
"$MNIST_DIST" evaluate run --which best --json >output
"$python" -c 'import json; a = json.load(open("output")); assert (a["weights"], a["step"]) == ("run/best.weights.h5", 9 * int("'"$best"'")), a'
"$MNIST_DIST" export run -o b.weights.h5 --which best >output
refused 1 'differ' "$MNIST_DIST" verify a.weights.h5 b.weights.h5
cp -r run without
rm without/best.weights.h5
"$MNIST_DIST" evaluate without --which best >output
says 'note   without: best.weights.h5 is missing; going on from without/last.weights.h5'

# a run whose last epoch is the best has nothing to add
train 1x1 good --data synthetic --limit 500 --epochs 1
! grep -q '^best ' output || die "the last weights are the best: nothing is to be said"
echo "last: $shown; best: epoch $best"
