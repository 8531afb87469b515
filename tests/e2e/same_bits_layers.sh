#!/usr/bin/env bash
# Every kind of layer leaves the same bits on every layout, with every instruction set, and after a stop.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

layouts=(1x2 3x1 4x2 5x1)
data=(--data synthetic --limit 500 --batch-size 100 --epochs 2) # 450 are trained: a last batch of 50, a last leaf of 2
models=(
    lenet5
    'conv2d 5 3 leaky_relu; avgpool 3 stride 2 same; layer_norm; dropout 0.25; flatten; dense 20 sigmoid; dropout 0.5; dense 10'
    'dropout 0.1; conv2d 4 3; layer_norm; relu; conv2d 6 3 stride 2; tanh; global_avgpool; dense 12; leaky_relu 0.1; dense 10'
    'lstm 32; dense 10'
    'gru 12 sequence backwards activation relu gates hard_sigmoid reset_before; lstm 32 backwards; dense 10'
    'simple_rnn 12 sequence; dropout 0.2; lstm 9 sequence; layer_norm; gru 7; dense 10; sigmoid'
)

for i in "${!models[@]}"; do
    model=${models[i]}
    train 1x1 "$i-1x1" --model "$model" "${data[@]}"
    for layout in "${layouts[@]}"; do
        train "$layout" "$i-$layout" --model "$model" "${data[@]}"
        same "$i-1x1" "$i-$layout"
    done
    for isa in avx2 baseline; do
        "$MNIST_DIST" summary --model "$model" --isa "$isa" >"$scratch/output" 2>&1 || continue # the processor lacks it
        train 2x1 "$i-$isa" --model "$model" "${data[@]}" --isa "$isa"
        same "$i-1x1" "$i-$isa"
    done
    train 2x1 "$i-stopped" --model "$model" "${data[@]}" --max-steps 7
    train 1x2 "$i-stopped" --model "$model" "${data[@]}" --resume
    [[ $(result "$i-stopped" parameters_digest) == $(result "$i-1x1" parameters_digest) ]] || die "$model: --resume gives other bits"
    echo "$model: $(result "$i-1x1" parameters_digest) on 1x1 ${layouts[*]}, and from step 7 on"
done

# Dropout is part of the bits: without it, and with another seed, they are others.
other=${models[1]/dropout 0.25/dropout 0}
train 2x1 without --model "$other" "${data[@]}"
[[ $(result without parameters_digest) != $(result 1-1x1 parameters_digest) ]] || die "dropout changes nothing"
