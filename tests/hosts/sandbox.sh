#!/usr/bin/env bash
# tools/hosts_sandbox.sh: hosts are apart where they should be, exit codes come through, and nothing stays behind.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# nothing_left: no folder, and no process of a sandbox of this test
nothing_left() {
    local folder
    folder=$(cat "$scratch/folder")
    for ((i = 0; i < 100; i++)); do
        [[ -e $folder ]] || pgrep --full "$folder" >/dev/null || return 0
        sleep 0.1
    done
    die "$folder, or a process of it, is left"
}

refused 64 'how many hosts?' "$sandbox"
refused 64 "unknown argument '0'" "$sandbox" 0 -- true
refused 64 'the command comes after --' "$sandbox" 2
refused 64 "'fast' is not a number" "$sandbox" 2 --delay fast -- true

remember="echo \$HOSTS_SANDBOX >$scratch/folder"
"$sandbox" 2 -- bash -c "$remember; uname -n; on h2 uname -n; on h2 'kill -0 $$' 2>&1 || echo apart; on h2 exit 7; echo \$?; exit 5" \
    >"$scratch/output" 2>&1 || got=$?
[[ $got == 5 ]] || die "exit code $got, not 5"
[[ $(grep -v 'No such process' "$scratch/output" | tr '\n' ' ') == 'h1 h2 apart 7 ' ]] || { cat "$scratch/output"; die 'two hosts'; }
nothing_left

"$sandbox" 2 -- bash -c 'touch /dev/shm/mine; on h2 ls /dev/shm; host h2 cut; ! on h1 "bash -c \"echo >/dev/tcp/10.77.0.2/1\"" 2>/dev/null' ||
    die 'a cut host is reached'

# ended by a signal, and by one that it cannot catch
for signal in TERM KILL; do
    rm "$scratch/folder"
    "$sandbox" 2 -- bash -c "$remember; on h2 sleep 1000" &
    for ((i = 0; i < 200; i++)); do
        [[ ! -s $scratch/folder ]] || break
        sleep 0.1
    done
    kill -s "$signal" $!
    wait $! || true
    nothing_left
done
