#!/usr/bin/env bash
# The sandbox leaves nothing: no process, no file, whether its command ends, fails, leaves jobs, or a signal comes; and it
# says why when it cannot run.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"

# ran WORDS STATUS COMMAND...: the command ended so, and its sandbox, whose folder it wrote to $scratch/folder, is gone
ran() {
    local code=0 folder
    "${@:3}" >"$scratch/output" 2>&1 || code=$?
    [[ $code == "$2" ]] || { cat "$scratch/output"; die "$1: status $code, not $2"; }
    folder=$(<"$scratch/folder")
    rm "$scratch/folder"
    [[ $folder == /tmp/slurm.* && $folder != "$SLURM_SANDBOX" ]] || die "$1: it did not run in a sandbox of its own"
    [[ ! -e $folder ]] || die "$1: $folder is left"
    [[ -z $(users_of "$folder") ]] || { users_of "$folder"; die "$1: processes are left"; }
    [[ $(shared_memory) == "$shared_before" ]] || { shared_memory; die "$1: shared memory is left"; }
    echo "$1: nothing is left"
}

# users_of FOLDER: processes that name it on their command line, in their environment or as an open file
users_of() {
    local process
    for process in /proc/[0-9]*; do
        if grep -qsF -- "$1" "$process/cmdline" "$process/environ" || find "$process/fd" -lname "$1*" 2>/dev/null | grep -q .; then
            echo "$process $(tr '\0' ' ' <"$process/cmdline")"
        fi
    done 2>/dev/null
}

# shared_memory: what SLURM or Open MPI could have left there; other work may go on beside
shared_memory() {
    (shopt -s nullglob && cd /dev/shm && echo slurm* *"$(id -u)"*."$$"*)
}

# inside TEXT: the command for a sandbox of its own
inside() {
    "$sandbox" -- bash -c "echo \$SLURM_SANDBOX >$scratch/folder; cd $scratch; $1"
}

# interrupted SIGNAL: comes while a job runs
interrupted() {
    "$sandbox" -- bash -c "$busy echo \$SLURM_SANDBOX >$scratch/folder; sleep 100" &
    await 'a job in the inner sandbox' test -s "$scratch/folder"
    kill -s "$1" $!
    wait $!
}

shared_before=$(shared_memory)
[[ -n $(users_of "$SLURM_SANDBOX") ]] || die 'no process is seen even in this sandbox: this proves nothing'
busy="cd $scratch; sbatch --nodes=2 --wrap 'mpirun --bind-to none -n 2 sleep 100'; until [[ \$(squeue -h -o %T) == RUNNING ]]; do sleep 0.1; done; sleep 1;"

ran 'a command' 0 inside 'sinfo'
ran 'a failing command' 3 inside 'exit 3'
ran 'a job that runs' 0 inside "$busy true"
ran 'SIGTERM' 143 interrupted TERM
ran 'SIGHUP' 129 interrupted HUP

other_user=(setpriv --reuid=65534 --clear-groups)
if "${other_user[@]}" test -r "$sandbox"; then
    refused 69 'root is needed' "${other_user[@]}" bash "$sandbox" -- true
else
    echo 'the project lies where only root may read: not tried as another user'
fi
mkdir "$scratch/bin"
for program in bash dirname cat xargs; do
    ln -s "$(command -v "$program")" "$scratch/bin/"
done
refused 69 'not here: munged' env PATH="$scratch/bin" bash "$sandbox" -- true
refused 64 'after --' "$sandbox" true
