#!/usr/bin/env bash
# Augmented training leaves the same bits on every layout and after a stop; other amounts, other bits; tests see images
# as they are.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

words='shift 2; rotate 10; scale 0.1; erase 6'
small=(--data synthetic --limit 400 --batch-size 100 --seed 3)
two=("${small[@]}" --epochs 2)

train 1x1 whole "${two[@]}" --augment "$words"
says "images augmented in training: $words"
for layout in 1x2 2x1 3x1 2x2 5x1; do
    train "$layout" "$layout" "${two[@]}" --augment "$words"
    same whole "$layout"
done
echo "$(result whole parameters_digest) on 1x1 1x2 2x1 3x1 2x2 5x1"

train 2x1 stopped "${small[@]}" --epochs 1 --augment "$words"
train 3x1 stopped "${two[@]}" --augment "$words" --resume
digest=$(result whole parameters_digest)
[[ $(result stopped parameters_digest) == "$digest" ]] || die 'a run that was stopped and resumed has other bits'
refused 64 "--augment is shift 1, but the checkpoint was made with $words" \
    "$MNIST_DIST" "${two[@]}" --out "$scratch/stopped" --resume --augment 'shift 1'

train 2x1 plain "${two[@]}"
train 2x1 other "${two[@]}" --augment "${words/erase 6/erase 5}"
train 2x1 still "${two[@]}" --augment 'shift 0; rotate 0'
! grep -q augmented "$scratch/output" || die 'the first screen names an augmentation that does nothing'
for run in plain other; do
    [[ $(result "$run" parameters_digest) != "$digest" ]] || die "$run has the bits of the augmented run"
done
[[ $(result still parameters_digest) == $(result plain parameters_digest) ]] || die 'shift 0 changes bits'

mkdir "$scratch/evaluated"
"$MNIST_DIST" evaluate --data synthetic --which last --json "$scratch/whole" >"$scratch/evaluated/result.json"
[[ $(result evaluated test_loss) == $(result whole test_loss) ]] || die 'training tests on augmented images'

refused 64 "--augment='shfit 2': word 1, 'shfit': unknown; did you mean 'shift'?" \
    "$MNIST_DIST" "${two[@]}" --out "$scratch/typo" --augment 'shfit 2'
[[ ! -e $scratch/typo ]] || die 'a run directory for a typo'
