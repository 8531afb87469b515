#!/usr/bin/env bash
# A run that was stopped and continued, on any layout, leaves what an uninterrupted one leaves; what cannot be continued is
# refused in words, and nothing of it is touched.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

# 9 steps an epoch, the last leaf of a batch not full
common=(--data synthetic --limit 1000 --batch-size 100)

# copy RUN NEW: to be continued in more than one way
copy() {
    rm -rf "${scratch:?}/$2"
    cp -r "$scratch/$1" "$scratch/$2"
}

# damage FILE: one byte in the middle
damage() {
    "$python" - "$1" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    middle = file.seek(0, 2) // 2
    file.seek(middle)
    byte = file.read(1)[0]
    file.seek(middle)
    file.write(bytes([byte ^ 1]))
END
}

# untouched RUN STATUS WORDS OPTION...: continuing it so is refused, and leaves it as it was
untouched() {
    local before
    before=$(listing "$1")
    refused "$2" "$3" on 2x1 train --out "$scratch/$1" "${@:4}"
    [[ $(listing "$1") == "$before" ]] || die "the refused $1 was changed"
}

train 2x1 whole "${common[@]}" --epochs 4
train 2x1 half "${common[@]}" --epochs 2
cp "$scratch/half/metrics.jsonl" "$scratch/half.jsonl"

# two epochs, then two more elsewhere; the first step done is the 19th, and the record before it stays as it was
copy half two
train 3x1 two "${common[@]}" --epochs 4 --resume
says 'resumed at step 19'
same whole two
head -c "$(stat -c %s "$scratch/half.jsonl")" "$scratch/two/metrics.jsonl" | cmp - "$scratch/half.jsonl" ||
    die "the record of the first two epochs was written again"
differ whole half
echo "two epochs and two: the same"

# a run that is complete does no more
copy whole again
train 1x1 again "${common[@]}" --epochs 4 --resume
says 'resumed at step 37'
same whole again

# inside an epoch
train 1x2 inside "${common[@]}" --epochs 4 --max-steps 13
[[ $(result inside epochs) == 1 ]] || die "13 steps are one whole epoch of 9"
train 4x1 inside "${common[@]}" --epochs 4 --max-steps 15 --resume
says 'resumed at step 14'
train 2x1 inside "${common[@]}" --epochs 4 --resume
says 'resumed at step 16'
same whole inside
echo "stopped inside an epoch, twice: the same"

# last is damaged: prev is named, and taken
copy half damaged
damage "$scratch/damaged/last.weights.h5"
train 2x1 damaged "${common[@]}" --epochs 4 --resume
says 'prev.weights.h5'
says 'resumed at step 10'
same whole damaged
copy half lost
damage "$scratch/lost/last.weights.h5"
damage "$scratch/lost/prev.weights.h5"
untouched lost 65 'last.weights.h5' "${common[@]}" --epochs 4 --resume
echo "a damaged checkpoint: the one before"

# what defines the bits must match; the learning rate and the epochs may change
untouched half 64 '--batch-size' --data synthetic --limit 1000 --batch-size 50 --epochs 4 --resume
untouched half 64 '--seed' "${common[@]}" --epochs 4 --seed 2 --resume
untouched half 64 '--model' "${common[@]}" --epochs 4 --model mlp --resume
untouched half 64 '--grain' "${common[@]}" --epochs 4 --grain 4 --resume
untouched half 64 'leave --exact-conv out' "${common[@]}" --epochs 4 --exact-conv --resume
train 2x1 exact "${common[@]}" --epochs 1 --exact-conv
untouched exact 64 'give --exact-conv,' "${common[@]}" --epochs 2 --resume
train 1x1 exact "${common[@]}" --epochs 2 --exact-conv --resume
train 2x1 bf16 "${common[@]}" --model mlp --epochs 1 --precision bf16
untouched bf16 64 "give --precision='bf16'" "${common[@]}" --model mlp --epochs 2 --resume
train 1x2 bf16 "${common[@]}" --model mlp --epochs 2 --precision bf16 --resume
train 1x1 bf16-whole "${common[@]}" --model mlp --epochs 2 --precision bf16
same bf16-whole bf16
copy half slower
train 2x1 slower "${common[@]}" --epochs 4 --learning-rate 0.0005 --resume
differ whole slower

# an existing run is never overwritten; a new folder, and one that is there but empty, is begun
untouched half 73 '--resume' "${common[@]}" --epochs 4
train 1x1 new "${common[@]}" --epochs 4 --resume
same whole new
mkdir "$scratch/empty"
train 1x1 empty "${common[@]}" --epochs 4 --resume
same whole empty

# into another folder; the run it comes from stays as it was
before=$(listing half)
train 3x1 away "${common[@]}" --epochs 4 --resume-from "$scratch/half"
says 'resumed at step 19'
train 2x1 file "${common[@]}" --epochs 4 --resume-from "$scratch/half/last.weights.h5"
[[ $(listing half) == "$before" ]] || die "--resume-from changed the run that it read"
for run in away file; do
    for key in parameters_digest best_epoch best_test_accuracy test_loss; do
        [[ $(result "$run" "$key") == $(result whole "$key") ]] || die "$run: another $key than the whole run"
    done
    cmp "$scratch/whole/last.weights.h5" "$scratch/$run/last.weights.h5"
done
same whole away # the record and the best weights come along
refused 64 '--model' on 1x1 train --out "$scratch/other" "${common[@]}" --model mlp --resume-from "$scratch/half"
refused 66 'nowhere' on 1x1 train --out "$scratch/other2" "${common[@]}" --resume-from "$scratch/nowhere"
echo "--resume-from: the same"

# the best epoch is one before the stop: its weights and its figures are kept, and come along into another folder
early=(--data synthetic --limit 1000 --batch-size 100 --learning-rate 0.03 --seed 3)
train 2x1 best "${early[@]}" --epochs 3
[[ $(result best best_epoch) == 1 ]] || die "the best epoch is $(result best best_epoch): this proves nothing"
[[ $(result best best_test_accuracy) != $(result best test_accuracy) ]] || die "best and last are equally good"
train 1x1 best-half "${early[@]}" --epochs 2
train 3x1 best-away "${early[@]}" --epochs 3 --resume-from "$scratch/best-half"
for key in best_epoch best_test_accuracy test_accuracy; do
    [[ $(result best-away "$key") == $(result best "$key") ]] || die "best-away: another $key than the whole run"
done
cmp "$scratch/best/best.weights.h5" "$scratch/best-away/best.weights.h5"
train 1x2 best-half "${early[@]}" --epochs 3 --resume
same best best-half
echo "the best weights: kept"

# a run that was ended before its first checkpoint is begun again
copy half begun
rm "$scratch/begun/"*.weights.h5 "$scratch/begun/result.json"
train 2x1 begun "${common[@]}" --epochs 4 --resume
[[ $(result begun parameters_digest) == $(result whole parameters_digest) ]] || die "begun: other bits"
same whole begun
mkdir "$scratch/torn"
head -c 10 "$scratch/half/config.json" >"$scratch/torn/config.json.partial"
train 1x1 torn "${common[@]}" --epochs 4 --resume
same whole torn
echo "ended before its first checkpoint: begun again"
