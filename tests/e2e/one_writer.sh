#!/usr/bin/env bash
# Two runs that begin in one folder at the same moment: one works there, the other says who does. No file is damaged, also where
# making a folder is slow. A lock ends with its process; where locks do not work, the run says so.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
unset SLURM_JOB_ID
export OMP_WAIT_POLICY=passive
pairs=${1:-8}
quick=(--data synthetic --model mlp --limit 300 --batch-size 50 --epochs 2 --threads 1 --progress plain)
"$MNIST_DIST" "${quick[@]}" --out "$scratch/whole" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'no run'; }
[[ -z $(find "$scratch/whole" -name '.lock*') ]] || die 'the lock stays behind'

# preload NAME SOURCE: a library that changes calls of the system
preload() {
    printf '%s\n' '#define _GNU_SOURCE' '#include <errno.h>' '#include <dlfcn.h>' '#include <fcntl.h>' '#include <stdarg.h>' \
        '#include <sys/stat.h>' '#include <unistd.h>' "$2" >"$scratch/$1.c"
    cc -shared -fPIC -O1 -o "$scratch/$1.so" "$scratch/$1.c" -ldl
}
preload slow 'int mkdir(const char *path, mode_t mode)
{
    int (*next)(const char *, mode_t) = (int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "mkdir");
    usleep(30000);
    int code = next(path, mode), error = errno;
    usleep(30000);
    errno = error;
    return code;
}'
preload lockless 'int fcntl64(int file, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (command == F_SETLK) { errno = ENOLCK; return -1; }
    int (*next)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl64");
    return next(file, command, argument);
}
int fcntl(int file, int command, ...) __attribute__((alias("fcntl64")));'

# pair FOLDER OPTION...: two runs at once; sets codes, in use (1: the loser named the winner)
pair() {
    local folder=$1 first second
    codes=(0 0)
    "$MNIST_DIST" "${quick[@]}" --out "$folder" "${@:2}" >"$scratch/1" 2>&1 &
    first=$!
    "$MNIST_DIST" "${quick[@]}" --out "$folder" "${@:2}" >"$scratch/2" 2>&1 &
    second=$!
    wait "$first" || codes[0]=$?
    wait "$second" || codes[1]=$?
    in_use=0
    ! grep -q "in use by process \($first\|$second\) on host $(uname -n): wait" "$scratch/1" "$scratch/2" || in_use=1
    ! grep -l 'No such file' "$scratch/1" "$scratch/2" || { cat "$scratch/1" "$scratch/2"; die 'a false reason'; }
}

# sound FOLDER: what one run leaves
sound() {
    "$MNIST_DIST" verify "$scratch/whole" "$1" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die "$1: another run"; }
    says 'records)'
    [[ $(sort "$1/metrics.jsonl" | cut -d, -f1-4 | uniq -d | wc -l) == 0 ]] || die "$1: lines twice"
    [[ $(wc -l <"$1/metrics.jsonl") == $(wc -l <"$scratch/whole/metrics.jsonl") ]] || die "$1: the record is damaged"
    [[ -z $(find "$1" -name '*.partial' -o -name '.lock*') ]] || die "$1: left over: $(ls -A "$1")"
}

# more_pairs: on a busy machine the second often begins after the first has ended; then more are tried than were asked for
more_pairs() {
    ((i < pairs || (named <= pairs / 4 && i < 20 * pairs)))
}

for ((i = 0, named = 0; ; i++)); do
    more_pairs || break
    folder=$scratch/fresh-$i/run
    export LD_PRELOAD=
    ((i % 2)) && LD_PRELOAD=$scratch/slow.so
    pair "$folder"
    unset LD_PRELOAD
    case ${codes[*]} in
    '0 73' | '73 0') ;;
    *) cat "$scratch/1" "$scratch/2" && die "two starts: ${codes[*]}" ;;
    esac
    named=$((named + in_use))
    sound "$folder"
done
((named > pairs / 4)) || die "two starts met $named times only: this proves nothing"
echo "two starts at once: $named of $i met; one winner each"

# half a run, to go on from: stopped after its first epoch
"$MNIST_DIST" "${quick[@]}" --epochs 1 --out "$scratch/half" >"$scratch/output" 2>&1
rm "$scratch/half/result.json"
for ((i = 0, named = 0; ; i++)); do
    more_pairs || break
    cp -r "$scratch/half" "$scratch/resumed-$i"
    pair "$scratch/resumed-$i" --resume
    case ${codes[*]},$in_use in
    '0 73,1' | '73 0,1' | '0 0,0') ;; # 0 0: the second began after the first had ended
    *) cat "$scratch/1" "$scratch/2" && die "two --resume: ${codes[*]}" ;;
    esac
    named=$((named + in_use))
    sound "$scratch/resumed-$i"
done
((named > pairs / 4)) || die "two --resume met $named times only: this proves nothing"
echo "two --resume at once: $named of $i met; one winner each"

# ---- a lock ends with its process; readers need none ----

: >"$scratch/output" # what the last one said is not taken for this one's
"$MNIST_DIST" "${quick[@]}" --epochs 9999 --out "$scratch/killed" >"$scratch/output" 2>&1 &
job=$!
for ((try = 0; try < 600; try++)); do
    ! grep -q '^Epoch 2/' "$scratch/output" || break
    sleep 0.05
done
for command in "evaluate killed" "predict killed" "inspect killed" "export killed -o $scratch/killed.keras"; do
    # shellcheck disable=SC2086 # these are words
    (cd "$scratch" && "$MNIST_DIST" $command >reader 2>&1) || { cat "$scratch/reader"; die "$command beside a run"; }
done
# a snapshot by hard links has no part in the lock
cp -al "$scratch/killed" "$scratch/snapshot"
"$MNIST_DIST" "${quick[@]}" --epochs 3 --out "$scratch/snapshot" --resume --max-steps 1 >"$scratch/reader" 2>&1 ||
    { cat "$scratch/reader"; die 'a snapshot of a running run is in use'; }
kill -KILL "$job"
wait "$job" || true
[[ -n $(find "$scratch/killed" -name '.lock*') ]] || die 'a killed run removed its lock'
"$MNIST_DIST" "${quick[@]}" --epochs 9999 --max-steps 1 --out "$scratch/killed" --resume >"$scratch/output" 2>&1 ||
    { cat "$scratch/output"; die 'a lock outlived its process'; }

LD_PRELOAD=$scratch/lockless.so "$MNIST_DIST" "${quick[@]}" --out "$scratch/lockless" >"$scratch/output" 2>&1 ||
    { cat "$scratch/output"; die 'no locks, no run'; }
says 'lockless: this file system has no locks: let no other run write there'
sound "$scratch/lockless"
echo "a lock ends with its process, and a file system without locks is named"

# ---- single processes of one user share no folder of the MPI library, which one would remove while another creates it ----

TMPDIR=/proc/none "$MNIST_DIST" evaluate "$scratch/whole" --threads 1 >"$scratch/output" 2>&1 ||
    { cat "$scratch/output"; die 'a single process needs a temporary folder'; }
pids=()
for ((i = 0; i < 6; i++)); do
    "$MNIST_DIST" evaluate "$scratch/whole" --threads 1 >"$scratch/reader-$i" 2>&1 &
    pids+=($!)
done
for i in "${!pids[@]}"; do
    wait "${pids[i]}" || { cat "$scratch/reader-$i"; die 'six programs at once: one ended'; }
done
echo "single processes share no temporary folder"
