#!/usr/bin/env bash
# A host that is stopped, cut off or switched off in the middle of a run is named, and the run ends; so does a run that loses a
# rank of another host, or all processes there. A signal to a rank of another host stops the run with a checkpoint.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

timeout_s=4
# The run on h1, h2 and h3; in its third epoch, what happens. mpirun's exit code.
cat >"$scratch/watched" <<'END'
: >"$scratch/output" # what the run before said is not taken for this one's
"$launcher" -n 3 --host h1:1,h2:1,h3:1 "$@" >"$scratch/output" 2>&1 &
mpirun=$!
for ((i = 0; i < 600; i++)); do
    ! grep -q '^Epoch 3/' "$scratch/output" || break
    sleep 0.1
done
bash -c "$happens" || echo "status $? of $happens"
for ((i = 0; i < 600; i++)); do
    kill -0 "$mpirun" 2>/dev/null || break
    sleep 0.1
done
on h3 'sleep 1; pgrep mnist_dist' >"$scratch/left" 2>/dev/null || true
kill -KILL "$mpirun" 2>/dev/null && exit 99
wait "$mpirun"
END

# when WHAT RUN OPTION...: sets got to the exit code
when() {
    got=0
    happens=$1 timeout 120 "$sandbox" 3 -- bash "$scratch/watched" "$MNIST_DIST" train --out "$scratch/$2" "${small[@]}" \
        --epochs 9999 "${@:3}" || got=$?
    [[ $got != 99 ]] || { cat "$scratch/output"; die "$1: it goes on for a minute"; }
    [[ ! -s $scratch/left ]] || die "$1: a rank is left on another host"
    [[ -e $scratch/$2/last.weights.h5 ]] || die "$1: no checkpoint"
}

# named WHAT: the host h2 is named by the one that waited; h3 may be late, too, on a machine that is busy
named() {
    [[ $got == 69 || $got == 137 ]] || { cat "$scratch/output"; die "$1: status $got"; }
    grep -Eq 'rank 1 on host h2 does not answer(; neither does 1 other host)?: rank 0 on host h1 has waited ' "$scratch/output" || {
        cat "$scratch/output"
        die "$1: it does not say that h2 does not answer"
    }
}

when 'host h2 stop' stopped --hang-timeout "${timeout_s}s"
named stopped
when 'host h2 cut' cut --hang-timeout "${timeout_s}s"
named cut
when 'host h2 off' off --hang-timeout "${timeout_s}s"
named off
train_across h1:1,h2:1 off --epochs 1 --resume --max-steps 1

# The last host, and without --hang-timeout: closed connections tell. 255: the end of the host's remote shell comes first.
when 'host h3 kill' killed
[[ $got == 205 || $got == 255 ]] || { cat "$scratch/output"; die "killed: status $got"; }
when 'on h2 pkill -KILL mnist_dist' rank
[[ $got == 137 ]] || { cat "$scratch/output"; die "a rank that was killed: status $got"; }

when 'on h2 pkill -USR1 mnist_dist' signalled
[[ $got == 75 ]] || { cat "$scratch/output"; die "a signal: status $got"; }
says 'stopped by SIGUSR1 at step'
