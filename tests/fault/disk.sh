#!/usr/bin/env bash
# Disks that are full, read-only, limited or gone: a run says so and ends with exit code 73, what it had written before is
# whole, and once there is room again it goes on to the bits of a run that never met any of it.
set -euo pipefail
# In a mount namespace of its own: no other process sees what is mounted here, and it is gone at the end.
if [[ -z ${DISK_NAMESPACE-} ]]; then
    for way in '' --map-root-user; do
        # shellcheck disable=SC2086 # no word is meant where it is empty
        if unshare --mount $way mount -t tmpfs none /mnt 2>/dev/null; then
            DISK_NAMESPACE=yes exec unshare --mount $way bash "$0"
        fi
    done
    echo 'SKIP: nothing can be mounted here, not even in a namespace of its own'
    exit 77
fi
# shellcheck source=../e2e/common.bash
source "${SOURCE_DIR:?the folder of the project}/tests/e2e/common.bash"
python_has h5py
command -v prlimit pgrep >/dev/null || skip 'prlimit or pgrep is not installed'
trap 'umount --recursive --lazy "$scratch"/* 2>/dev/null || true; rm -rf "$scratch"' EXIT

# 9 steps an epoch; a checkpoint has 1.2 MB
common=(--data synthetic --model mlp --limit 1000 --batch-size 100 --epochs 6)

# fails RUN LAYOUT WORDS OPTION...: the run ends with 73 and these words in its one message
fails() {
    refused 73 "$3" on "$2" train --out "$scratch/$1" --progress plain "${common[@]}" "${@:4}"
    [[ $(grep -c '^mnist_dist: ' "$scratch/output") == 1 ]] || { cat "$scratch/output"; die 'expected one message'; }
}

# loadable RUN: its checkpoint is whole: it can be looked at, and judged
loadable() {
    "$MNIST_DIST" inspect "$scratch/$1" --which last >"$scratch/output" 2>&1 || { cat "$scratch/output"; die "$1: inspect"; }
    ! grep -q 'going on from' "$scratch/output" || die "$1: last is not whole"
    on 1x1 evaluate "$scratch/$1" || { cat "$scratch/output"; die "$1: evaluate"; }
}

# whole_still RUN: that, and no part of a file lies there
whole_still() {
    local parts
    parts=$(find "$scratch/$1" -name '*.partial')
    [[ -z $parts && ! -e $scratch/$1/next.weights.h5 ]] || die "$1: left over: $(ls "$scratch/$1")"
    loadable "$1"
}

# unchanged RUN: what is the state of a run that stopped after three epochs
unchanged() {
    whole_still "$1"
    cmp "$scratch/half/last.weights.h5" "$scratch/$1/last.weights.h5"
}

# goes_on RUN LAYOUT: to the end, with the bits of the whole run
goes_on() {
    train "$2" "$1" "${common[@]}" --resume
    same whole "$1"
}

# half_run RUN: a copy of the run that stopped after three epochs
half_run() {
    mkdir -p "$scratch/$1"
    cp "$scratch/half/"* "$scratch/$1"
}

# in_background RUN LAYOUT: the run at work, with more epochs than it will do
in_background() {
    local try
    : >"$scratch/output" # what the last one said is not taken for this one's
    on "$2" train --out "$scratch/$1" --progress plain "${common[@]}" --epochs 9999 --checkpoint-every 5steps &
    job=$!
    for ((try = 0; try < 600; try++)); do
        ! grep -q '^Epoch 2/' "$scratch/output" || return 0
        sleep 0.05
    done
    die "$1 does not begin"
}

# goes_further RUN LAYOUT: one more epoch, with the bits of a run that had this length from the start
goes_further() {
    local epochs
    epochs=$("$MNIST_DIST" inspect "$scratch/$1" --which last | awk '$1 == "epoch" && NF == 2 && !found++ { print $2 }')
    train "$2" "$1" "${common[@]}" --epochs $((epochs + 1)) --checkpoint-every 5steps --resume
    train 2x1 "$1-whole" "${common[@]}" --epochs $((epochs + 1)) --checkpoint-every 5steps
    same "$1-whole" "$1"
}

# ended_in_words WORDS: so does the run in the background
ended_in_words() {
    local got=0
    wait "$job" || got=$?
    [[ $got == 73 ]] || { cat "$scratch/output"; die "status $got, not 73"; }
    says "$1"
}

train 2x1 whole "${common[@]}"
train 2x1 half "${common[@]}" --epochs 3
differ whole half

# ---- full ----

# grows until the disk is full: after some checkpoints of a new run
mkdir "$scratch/full"
mount -t tmpfs -o size=4m none "$scratch/full"
fails full/run 2x1 'No space left on device: free some space'
whole_still full/run
mount -o remount,size=64m "$scratch/full"
train 3x1 full/run "${common[@]}" --resume
mkdir "$scratch/run" && cp "$scratch/full/run/"* "$scratch/run"
umount "$scratch/full"
same whole run

# full from the start, in the record, in the figures, in the first or the second file of a checkpoint
layouts=(1x1 2x1 1x2 3x1 4x1)
for room in 0 4 12 700 1190; do
    layout=${layouts[0]} layouts=("${layouts[@]:1}")
    mkdir "$scratch/room-$room"
    mount -t tmpfs -o size=8m none "$scratch/room-$room"
    half_run "room-$room"
    free=$(df --output=avail --block-size=1024 "$scratch/room-$room" | tail -n 1)
    fallocate --length "$((free - room))KiB" "$scratch/room-$room/filler"
    fails "room-$room" "$layout" 'No space left on device: free some space' --resume
    unchanged "room-$room"
    rm "$scratch/room-$room/filler"
    goes_on "room-$room" 2x1
    umount "$scratch/room-$room"
done
echo "full disks: in words, and on to the same bits"

# ---- a limit of the size of files, met as quotas are: a file is cut where there is no more ----

# limited RUN LAYOUT BYTES: the run meets this limit when it is at work
limited() {
    in_background "$1" "$2"
    pgrep -f -- "--out $scratch/$1 " | xargs -I{} prlimit --pid {} --fsize="$3"
    ended_in_words 'File too large: the limit of a file'
    whole_still "$1"
    goes_further "$1" 3x1
}

limited checkpoint 1x2 700000
limited record 2x1 4096
echo "limited files: in words, and on to the same bits"

# ---- read-only, and gone ----

half_run locked
mount --bind "$scratch/locked" "$scratch/locked"
mount -o remount,bind,ro "$scratch/locked"
fails locked 2x1 'Read-only file system' --resume
fails locked/below 1x1 'Read-only file system'
unchanged locked
umount "$scratch/locked"
goes_on locked 1x2

in_background meanwhile 2x1
mount -t tmpfs -o ro none "$scratch/meanwhile"
ended_in_words 'Read-only file system'
umount "$scratch/meanwhile"
loadable meanwhile # a file may have been half written when the folder went
goes_further meanwhile 1x1

in_background moved 3x1
mv "$scratch/moved" "$scratch/elsewhere"
ended_in_words 'No such file or directory'
loadable elsewhere
goes_further elsewhere 1x2

in_background removed 2x1
until rm -rf "$scratch/removed" 2>/dev/null; do :; done # a file may come while rm empties the folder
ended_in_words 'No such file or directory'
[[ ! -e $scratch/removed ]] || die 'the removed folder came back in parts'
goes_on removed 1x1
echo "read-only, moved and removed folders: in words, and on to the same bits"
