#!/usr/bin/env bash
# Folders as people have them: with files of others in them, with links and pipes under the names of a run's files, on a file
# system without fsync, copied by hard links; and a record of which lines are gone.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
unset SLURM_JOB_ID
quick=(--data synthetic --model mlp --limit 500 --batch-size 100 --threads 1 --progress plain)
cd "$scratch"

# trains RUN OPTION...: to its end
trains() {
    timeout 60 "$MNIST_DIST" "${quick[@]}" --out "$@" >output 2>&1 || { cat output; die "no run: $*"; }
}

# refuses CODE WORDS COMMAND...: at once
refuses() {
    refused "$1" "$2" timeout 20 "$MNIST_DIST" "${@:3}"
}

# equal RUN: parameters, optimizer state and record are those of the whole run
equal() {
    "$MNIST_DIST" verify whole "$1" >output 2>&1 || { cat output; die "$1 is another run"; }
    says "same bits: whole and $1 ("
    says 'records)'
}

trains whole --epochs 2
grep -q '"step":10,' whole/metrics.jsonl || die 'not 5 steps an epoch'
trains half --epochs 1

# ---- files of others ----

mkdir log
"$MNIST_DIST" "${quick[@]}" --epochs 2 --out log >log/train.log 2>&1 || { cat log/train.log; die 'a log in the folder'; }
mkdir -p mac/lost+found
touch mac/.DS_Store mac/.nfs0000000000000001 mac/notes.txt
trains mac --epochs 1
trains mac --epochs 2 --resume
equal mac
mkdir resumed
touch resumed/train.log
trains resumed --epochs 2 --resume # one command for both: it begins
equal resumed
refuses 73 'mac: holds a run already: choose another --out, or continue it with --resume' "${quick[@]}" --out mac

# parts of a run are not overwritten, and no message leads in a circle
cp -r whole parts
rm parts/{last,prev}.weights.h5
for option in --quiet --resume; do
    refuses 73 'parts: holds result.json of a run, but no checkpoint to go on from' "${quick[@]}" --out parts "$option"
done
mkdir begun
cp half/config.json begun
refuses 73 'continue it with --resume' "${quick[@]}" --out begun
trains begun --epochs 2 --resume
says 'begun: no checkpoint yet: begun again'
equal begun
# a run that goes on from elsewhere, and was ended before its first checkpoint
mkdir onward
cp half/metrics.jsonl half/best.weights.h5 onward
refuses 73 'onward: holds best.weights.h5 of a run, but no checkpoint to go on from' "${quick[@]}" --out onward --resume
trains onward --epochs 2 --resume-from half
equal onward
echo "files of others do not matter, parts of a run are kept"

# ---- paths ----

for option in --out --data --weights --resume-from; do
    refuses 64 "option '$option' has an empty value: name one, or leave out the option" "${quick[@]}" "$option" ''
done
refuses 64 "option '--out' has an empty value" export whole -o ''
"$MNIST_DIST" export whole -o new/folders/x.keras >output 2>&1 || { cat output; die 'export makes no folder'; }
[[ -s new/folders/x.keras ]] || die 'no file in the new folder'

# ---- a snapshot by hard links keeps what it has ----

cp -al half snapshot
before=$(listing half)
trains snapshot --epochs 2 --resume
equal snapshot
[[ $(listing half) == "$before" ]] || die 'a snapshot was changed'
# also one that is taken while the run works
"$MNIST_DIST" "${quick[@]}" --epochs 9999 --out live >output 2>&1 &
job=$!
lines=0
for ((try = 0; try < 600 && lines < 5; try++)); do # the record is written while it grows
    sleep 0.05
    lines=$(wc -l 2>/dev/null <live/metrics.jsonl || echo 0)
done
((lines >= 5)) || die 'the record cannot be watched'
mkdir during
ln live/metrics.jsonl during/
rm live/config.json # not the record's matter
lines=$(wc -l <during/metrics.jsonl)
for ((try = 0; try < 600; try++)); do
    sleep 0.05
    (($(wc -l <live/metrics.jsonl) <= lines + 20)) || break
done
mv live/metrics.jsonl away
kill -TERM "$job"
wait "$job" && die 'not stopped'
((try < 600)) || die 'the record does not grow'
(($(wc -l <during/metrics.jsonl) == lines)) || die 'the snapshot grows with the run'
[[ $(wc -l <live/metrics.jsonl) -ge $(wc -l <away) ]] || die 'a record that was moved away is not there again'
echo "a snapshot keeps what it has"

# ---- links and pipes under the names of a run's files ----

names=(config.json metrics.jsonl metrics.h5 next.weights.h5 best.weights.h5 result.json report.txt confusion.csv predictions.csv)
echo precious >target
mkdir linked
for name in "${names[@]}"; do ln -s ../target "linked/$name.partial"; done
rm linked/{config.json,best.weights.h5,metrics.jsonl}.partial # of a run that was ended there
trains linked --epochs 2
equal linked
cp -r half linked-again
for name in "${names[@]}"; do ln -s ../target "linked-again/$name.partial"; done
ln -sf ../target linked-again/metrics.h5
trains linked-again --epochs 2 --resume
equal linked-again
ln -s ../target new/y.keras.partial
"$MNIST_DIST" export whole -o new/y.keras >output 2>&1 || { cat output; die 'export'; }
[[ $(<target) == precious && ! -L new/y.keras ]] || die 'a link was followed'
cmp new/y.keras new/folders/x.keras

for name in metrics.jsonl metrics.jsonl.partial next.weights.h5.partial config.json config.json.partial; do
    for kind in pipe folder; do
        rm -rf special
        cp -r half special
        rm -f "special/$name"
        if [[ $kind == pipe ]]; then mkfifo "special/$name"; else mkdir "special/$name"; fi
        code=0
        timeout 20 "$MNIST_DIST" "${quick[@]}" --epochs 2 --out special --resume >output 2>&1 || code=$?
        [[ $code == 73 || $code == 66 ]] || { cat output; die "$kind at $name: $code"; }
        grep -q "special/$name: \(is no regular file\|cannot read: Is a directory\)" output || { cat output; die "$kind at $name"; }
    done
done
refuses 66 '/dev/zero: is no regular file' "${quick[@]}" --config /dev/zero
mkfifo pipe
refuses 66 'pipe: is no regular file' "${quick[@]}" --config pipe
echo "links are not followed, pipes do not hang"

# ---- a record with gaps ----

# gap NAME WORDS SED...: the record, changed by sed, and what the run says
gap() {
    rm -rf gap
    cp -r half gap
    sed -i "${@:3}" gap/metrics.jsonl
    trains gap --epochs 2 --resume
    says "note   gap/metrics.jsonl: $2"
}
gap hole 'lacks 2 of 5 steps (the first: 2); tables and curves will lack them too' '2,3d'
gap epoch 'lacks 1 of 1 epochs (the first: 1); tables' '6d'
gap both 'lacks 1 of 5 steps (the first: 5) and 1 of 1 epochs (the first: 1)' '5,6d'
gap twice 'has 1 line of a step or an epoch that has one before, left out' 3p
equal gap
gap far 'lacks 1 of 5 steps (the first: 3)' '3s/"step":3/"step":3000/'
[[ $(wc -l <gap/metrics.jsonl) == 11 ]] || die 'lines behind a far step are lost'
rm -r gap
cp -r half gap
rm gap/metrics.jsonl
trains gap --epochs 2 --resume
says 'gap/metrics.jsonl: lacks 5 of 5 steps (the first: 1) and 1 of 1 epochs'
trains sound --epochs 1
trains sound --epochs 2 --resume
! grep -q 'lacks' output || die 'a whole record is said to lack something'
echo "what a record lacks is said"

# ---- no fsync, as with some file systems of FUSE ----

cat >sync.c <<'C'
#include <errno.h>
#include <stdlib.h>
int fsync(int file)
{
    (void)file;
    errno = atoi(getenv("SYNC_ERROR"));
    return -1;
}
C
cc -shared -fPIC -O1 -o sync.so sync.c
for error in 95 38 22; do # EOPNOTSUPP, ENOSYS, EINVAL
    SYNC_ERROR=$error LD_PRELOAD=$scratch/sync.so trains "sync-$error" --epochs 2
    says 'note   this file system has no fsync: a power failure may lose checkpoints'
    equal "sync-$error"
done
code=0
SYNC_ERROR=5 LD_PRELOAD=$scratch/sync.so "$MNIST_DIST" "${quick[@]}" --out sync-5 >output 2>&1 || code=$?
[[ $code == 73 ]] || die "EIO: $code"
says 'Input/output error'
echo "a file system without fsync is named, and used"
