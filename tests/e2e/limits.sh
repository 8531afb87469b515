#!/usr/bin/env bash
# Limits of the shell (ulimit): they are raised where the process may, else named; a limit of CPU time stops with a checkpoint.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
cd "$scratch"
tiny=(-d synthetic --limit 200 -m 'flatten; dense 10' --max-steps 1)

# limited OPTION... -- COMMAND...: the command under these limits
limited() {
    local -a limits=()
    for (( ; ; )); do
        [[ $1 != -- ]] || break
        limits+=("$1") && shift
    done
    shift
    (ulimit "${limits[@]}" && exec "$@")
}
refused 71 'only 8 open files are allowed, at least 64 are needed: raise the limit (ulimit -n)' \
    limited -n 8 -- "$MNIST_DIST" "${tiny[@]}" -o none
refused 71 'only 64 KiB of stack are allowed, at least 256 are needed: raise the limit (ulimit -s)' \
    limited -s 64 -- "$MNIST_DIST" "${tiny[@]}" -o none
[[ ! -e none ]] || die 'a refused run left a folder'
limited -S -n 20 -- "$MNIST_DIST" "${tiny[@]}" -o files >output 2>&1 || { cat output; die 'a low soft limit of open files'; }
limited -S -s 64 -- "$MNIST_DIST" "${tiny[@]}" -o stack >output 2>&1 || { cat output; die 'a low soft limit of the stack'; }

# SIGKILL would come after 2 s, together with SIGXCPU
refused 75 'stopped by SIGXCPU at step' limited -t 2 -- "$MNIST_DIST" -d synthetic -m mlp -e 9999 --progress none -o time
[[ -s time/last.weights.h5 ]] || die 'no checkpoint'
