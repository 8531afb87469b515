#!/usr/bin/env bash
# A rank that stands still, hangs or dies is named, all ranks end with exit code 69, nothing stays behind, and the run goes on
# from its checkpoint. A slow machine alone raises no alarm: time-outs here are long against a step and short against a test.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
command -v pgrep >/dev/null || skip 'pgrep is not installed'

# some milliseconds an epoch
common=(--data synthetic --limit 400 --batch-size 100 --model "flatten; dense 10" --progress plain --threads 1)

# start RUN OPTION...: three ranks, at work; sets mpirun and ranks
start() {
    : >"$scratch/output" # what the last one said is not taken for this one's
    "$launcher" --oversubscribe --bind-to none -n 3 "$MNIST_DIST" train --out "$scratch/$1" "${common[@]}" \
        --epochs 9999 "${@:2}" >"$scratch/output" 2>&1 &
    mpirun=$!
    for ((i = 0; i < 600; i++)); do
        grep -q '^Epoch 3/' "$scratch/output" && break
        sleep 0.1
    done
    mapfile -t ranks < <(pgrep -P "$mpirun" mnist_dist)
    [[ ${#ranks[@]} == 3 ]] || { cat "$scratch/output"; die "${#ranks[@]} ranks instead of 3"; }
}

# lives PROCESS: it is there, and not only waits to be reaped
lives() {
    local state
    state=$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null) && [[ -n $state && $state != Z ]]
}

# ends STATUS WORDS: so does the run that was started, and leaves no process and no shared memory
ends() {
    local got=0 rank alive
    wait "$mpirun" || got=$?
    [[ $got == "$1" ]] || { cat "$scratch/output"; die "status $got, not $1"; }
    says "$2"
    [[ $(grep -c '^mnist_dist: ' "$scratch/output") == 1 ]] || { cat "$scratch/output"; die 'expected one message'; }
    for ((i = 0; i < 50; i++)); do
        alive=0
        for rank in "${ranks[@]}"; do ! lives "$rank" || alive=1; done
        [[ $alive == 1 ]] || break
        sleep 0.1
    done
    [[ $alive == 0 ]] || { kill -KILL "${ranks[@]}"; die 'a rank is left'; }
    for rank in "${ranks[@]}"; do
        ! compgen -G "/dev/shm/mnist_dist-$rank-*" >/dev/null || die 'shared memory is left'
    done
}

# no alarm where nothing hangs, and the same bits
train 3x1 watched "${common[@]:0:8}" --epochs 3 --hang-timeout 30s
train 3x1 unwatched "${common[@]:0:8}" --epochs 3
"$MNIST_DIST" verify "$scratch/watched" "$scratch/unwatched" >/dev/null || die 'the watch changed the run'

start still --hang-timeout 2s
kill -STOP "${ranks[1]}"
ends 69 "rank 1 (process ${ranks[1]} on host $(uname -n)) hangs: no progress for 2."
# ... and goes on: an epoch more than it has, as one that was never stopped
epochs=$("$MNIST_DIST" inspect "$scratch/still" --which last | awk '$1 == "epoch" && NF == 2 && !found++ { print $2 }')
train 2x1 still "${common[@]:0:8}" --epochs $((epochs + 1)) --resume
train 2x1 never "${common[@]:0:8}" --epochs $((epochs + 1))
"$MNIST_DIST" verify "$scratch/still" "$scratch/never" >/dev/null || die 'the resumed run differs'

start apart --hang-timeout 2s --share off
kill -STOP "${ranks[0]}"
ends 69 "rank 0 (process ${ranks[0]} on host $(uname -n)) hangs: no progress for 2."

# The only rank of its host stands still, so that no other rank sees its pulse: here a host is one rank.
export MNIST_DIST_GROUP_SIZE=1
start host --hang-timeout 2s
kill -STOP "${ranks[1]}"
# On a busy machine another rank may be late too, and is counted.
ends 69 "rank 1 on host $(uname -n) does not answer"
says ": rank 0 on host $(uname -n) has waited "
# ... and hosts that work and wait are left alone
train 3x1 hosts "${common[@]:0:8}" --epochs 3 --hang-timeout 30s
"$MNIST_DIST" verify "$scratch/watched" "$scratch/hosts" >/dev/null || die 'the watch between hosts changed the run'
unset MNIST_DIST_GROUP_SIZE

# Standard output is a pipe that is not read: the only rank waits for it, not for other ranks.
mkfifo "$scratch/unread"
exec {pipe}<>"$scratch/unread"
"$python" -c 'import fcntl; fcntl.fcntl(0, 1031, 4096)' <&"$pipe" # F_SETPIPE_SZ: some epochs fill it
got=0
timeout 120 "$MNIST_DIST" train --out "$scratch/full" "${common[@]}" --epochs 9999 --hang-timeout 2s \
    >"$scratch/unread" 2>"$scratch/output" || got=$?
[[ $got == 69 ]] || { cat "$scratch/output"; die "status $got where the output is not read"; }
says 'rank 0 (process '
says " on host $(uname -n)) hangs: no progress for 2."
exec {pipe}>&-

# A rank dies while mpirun is stopped: the other ranks find out themselves, without --hang-timeout.
start dies
kill -STOP "$mpirun"
kill -KILL "${ranks[2]}"
for ((i = 0; i < 100; i++)); do
    lives "${ranks[0]}" || lives "${ranks[1]}" || break
    sleep 0.1
done
if lives "${ranks[0]}" || lives "${ranks[1]}"; then left=1; else left=0; fi
kill -CONT "$mpirun"
[[ $left == 0 ]] || { kill -KILL "${ranks[@]}"; die 'ranks wait for one that is dead'; }
got=0
wait "$mpirun" || got=$?
[[ $got == 69 || $got == 137 ]] || die "status $got"
says "rank 2 (process ${ranks[2]} on host $(uname -n)) has died"

refused 64 '--hang-timeout=5' on 1x1 train "${common[@]:0:8}" --hang-timeout 5 --out "$scratch/none"
