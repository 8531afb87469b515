#!/usr/bin/env bash
# verify: runs of two layouts are the same; what was changed in one of them is found, with step, tensor and element.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# 5 steps an epoch
common=(--data synthetic --limit 500 --batch-size 100 --model "flatten; dense 10")
cd "$scratch"

verify() {
    "$MNIST_DIST" verify "$@" >"$scratch/output" 2>&1
}

train 3x1 a "${common[@]}" --epochs 2
train 1x2 b "${common[@]}" --epochs 2 --share off
verify a b || die "runs of two layouts differ"
says 'same bits: a and b ('
says ', 12 records)'
[[ $(wc -l <output) == 1 ]] || die "equal runs need one line"
verify a/last.weights.h5 b/last.weights.h5
verify a/prev.weights.h5 b/best.weights.h5 && die "prev and best are two epochs"
verify a b --which last

# as a Keras file the parameters alone are compared
"$MNIST_DIST" export a --which last -o a.weights.h5 >/dev/null
verify a.weights.h5 a/last.weights.h5
says '7,850 values in 2 tensors; parameters alone: a file has no more)'
refused 1 'prev.weights.h5 differ' verify a.weights.h5 a/prev.weights.h5

# a run without its record
cp -r a unrecorded
rm unrecorded/metrics.jsonl
verify a unrecorded
says 'note   only a/metrics.jsonl is there: the records are not compared'

# another learning rate: the second step's loss is the first to differ; then state and tensors
train 2x1 slow "${common[@]}" --epochs 2 --learning-rate 0.0005
refused 1 'a and slow differ' verify a slow
says 'step 1 (epoch 1): learning_rate'
says '/layers/dense/vars/0 (784, 10): '
says 'history: epoch 1: '

# another seed, another length, another model
train 2x1 seed "${common[@]}" --epochs 2 --seed 2
refused 1 'settings: seed: 1 and 2' verify a seed
train 2x1 long "${common[@]}" --epochs 3
refused 1 'state: step: 10 and 15' verify a long --which last
says 'step 11 (epoch 3): only in the second'
train 2x1 other "${common[@]:0:6}" --epochs 1 --model "flatten; dense 12 relu; dense 10"
refused 1 '/layers/dense/vars/0: (784, 10) and (784, 12)' verify a other

# one line of the record
cp -r a line
sed -i '7s/"loss":[0-9.]*/"loss":0.125/' line/metrics.jsonl
refused 1 'step 6 (epoch 2): loss' verify a line
says 'and 0.125'
sed -i '7s/.*/nonsense/' line/metrics.jsonl
refused 65 'line 7 is no record' verify a line

# a record that was torn in its last line has one less
cp -r a torn
truncate -s -9 torn/metrics.jsonl
refused 1 'end of epoch 2 (step 10): only in the first' verify a torn

# digests: every second step has one, the same on every layout, and the last is the result's
train 2x1 digests "${common[@]}" --epochs 2 --digest-every 2 --share off
train 1x1 others "${common[@]}" --epochs 2 --digest-every 2
[[ $(grep -c parameters_digest digests/metrics.jsonl) == 5 ]] || die "5 of 10 steps have a digest"
grep -q "\"step\":10,.*\"parameters_digest\":\"$(result digests parameters_digest)\"" digests/metrics.jsonl ||
    die "the last step's digest is not the result's"
verify digests others
verify a digests
sed -i 's/"step":4,\(.*\)digest":"./"step":4,\1digest":"x/' others/metrics.jsonl
refused 1 'step 4 (epoch 1): parameters_digest "' verify digests others

# missing and damaged
refused 66 'nowhere' verify a nowhere
refused 66 'nowhere' verify nowhere a
refused 64 'verify needs A B' verify a
refused 64 "verify takes only A B: 'slow' is too many" verify a b slow
refused 64 'verify needs A' verify
printf 'damage' >damaged.weights.h5
refused 65 'damaged.weights.h5' verify a damaged.weights.h5
