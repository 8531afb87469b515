#!/usr/bin/env bash
# The program leaves the same bits on every layout, with and without shared memory, with every instruction set.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

read -ra layouts <<<"${SAME_BITS_LAYOUTS:-1x1 1x2 2x1 3x1 4x2 5x1 8x1}"
steps=(--data "${MNIST_DIR:-synthetic}" --max-steps 50)
epoch=(--data synthetic --limit 2000 --epochs 1)

# on_all NAME OPTION...: the same on all layouts; the runs stay as NAME-LAYOUT
on_all() {
    local name=$1 layout
    for layout in "${layouts[@]}"; do
        train "$layout" "$name-$layout" "${@:2}"
        same "$name-1x1" "$name-$layout"
    done
    echo "$name: $(result "$name-1x1" parameters_digest) on ${layouts[*]}"
}

for batch in 128 32 100; do
    on_all "steps-$batch" "${steps[@]}" --batch-size "$batch"
done
on_all epoch "${epoch[@]}"

# convolutions by plain sums: other bits than by Winograd's algorithm, the same on every layout
for layout in 1x1 2x1 1x2; do
    train "$layout" "exact-$layout" "${epoch[@]}" --exact-conv
    same exact-1x1 "exact-$layout"
done
differ epoch-1x1 exact-1x1
[[ $(result exact-1x1 parameters_digest) != $(result epoch-1x1 parameters_digest) ]] || die "--exact-conv changes nothing"
echo "--exact-conv: $(result exact-1x1 parameters_digest) on 1x1 2x1 1x2"

# operands rounded to bfloat16: other bits than fp32's, the same on every layout and instruction set
bf16=(--data synthetic --limit 600 --epochs 1 --batch-size 100)
read -r -a sets < <("$MNIST_DIST" env | sed -n 's/^bf16 *//p' | tr -d ,)
for model in cnn lstm; do
    train 1x1 "fp32-$model" "${bf16[@]}" --model "$model"
    on_all "bf16-$model" "${bf16[@]}" --model "$model" --precision bf16
    differ "fp32-$model" "bf16-$model-1x1"
    for isa in "${sets[@]}"; do
        name=bf16-$model-$isa
        train 2x1 "$name" "${bf16[@]}" --model "$model" --precision bf16 --isa "$isa"
        [[ $(result "$name" isa) == "$isa" ]] || die "--isa $isa ran on $(result "$name" isa)"
        same "bf16-$model-1x1" "$name"
    done
done
echo "--precision bf16: the same with ${sets[*]}"

# --share=off, --share=plain, and groups of two ranks that share memory and send messages to each other
train 3x1 apart "${epoch[@]}" --share off
same epoch-1x1 apart
MNIST_DIST_GROUP_SIZE=2 train 5x1 pairs "${epoch[@]}"
same epoch-1x1 pairs
train 3x1 plain "${epoch[@]}" --share plain
same epoch-1x1 plain
echo "--share off, --share plain and groups of two: the same"

# sums that are passed on: by halves between 5 groups, directly between 8
train 5x1 halves "${epoch[@]}" --share off --exchange halving
same epoch-1x1 halves
train 8x1 direct "${epoch[@]}" --share off --exchange direct
same epoch-1x1 direct
echo "--exchange halving and direct: the same"

train 3x1 root "${epoch[@]}" --eval-on root
same epoch-1x1 root
echo "--eval-on root: the same"

# those of avx512, avx2 and baseline that this processor has
read -r -a sets < <("$MNIST_DIST" env | sed -n 's/^isa .* of //p' | tr -d ,)
short=(--data synthetic --limit 600 --epochs 1 --batch-size 100)
train 1x1 short "${short[@]}"
for isa in "${sets[@]}"; do
    train 2x1 "$isa" "${short[@]}" --isa "$isa"
    [[ $(result "$isa" isa) == "$isa" ]] || die "--isa $isa ran on $(result "$isa" isa)"
    same short "$isa"
done
[[ ${sets[-1]} == baseline ]] || die "env names ${sets[*]}"
echo "--isa ${sets[*]}: the same"

# What defines the bits changes them, and the comparison sees it.
train 2x1 leaves "${epoch[@]}" --grain 4
[[ $(result leaves parameters_digest) != $(result epoch-1x1 parameters_digest) ]] || die "--grain changes nothing"
differ epoch-1x1 leaves
