# Sourced by the scripts of this folder.
# shellcheck shell=bash

root=${SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
# shellcheck disable=SC2034
here=$root/tests/style
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

skip() {
    echo "SKIP: $*"
    exit 77
}

need_command() {
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

# sample PATH: writes a file below the scratch folder from standard input
sample() {
    mkdir -p "$scratch/$(dirname "$1")"
    cat >"$scratch/$1"
}

# must_catch WORDS COMMAND...: a checker that cannot fail proves nothing. The command must fail on the sample, and say WORDS.
must_catch() {
    local words=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "the checker let a bad sample pass: $words"
        exit 1
    fi
    grep -qF -- "$words" <<<"$output" || {
        printf 'the checker failed on the bad sample without saying "%s":\n%s\n' "$words" "$output"
        exit 1
    }
}

# project_files: every file of the project, relative to its root: what git tracks or would track; in a copy without git,
# whatever lies there.
project_files() {
    cd "$root" || return
    git ls-files --cached --others --exclude-standard 2>/dev/null ||
        find . \( -path ./.git -o -path ./build -o -path ./data -o -path ./runs \) -prune -o \
            -type f -printf '%P\n'
}

# present_files: those that exist (git also lists what was deleted and not committed yet)
present_files() {
    project_files | sort -u | while IFS= read -r file; do
        [[ ! -f $root/$file ]] || printf '%s\n' "$file"
    done
}

# aarch64_flags: sets `flags` to what a compiler for aarch64 needs for aarch64_files; skips where a library is not installed
aarch64_flags() {
    local blis
    # Header-only libraries serve any machine; /usr/include as a whole does not.
    [[ -d /usr/include/Random123 ]] || skip 'Random123 is not installed'
    mkdir "$scratch/include"
    ln -s /usr/include/Random123 "$scratch/include/Random123"
    blis=$(find /usr/include -name blis.h -path '*blis-openmp*' -print -quit)
    [[ -n $blis ]] || skip 'BLIS is not installed'
    # shellcheck disable=SC2034
    flags=(
        -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DMNIST_DIST_VERSION='""'
        -DKERNEL_ISA=baseline -DKERNEL_HAS_BASELINE=1 -ffp-contract=off -fno-math-errno
        -I "$root/include" -I "$root/src" -isystem "$scratch/include" -isystem "${blis%/*}"
    )
}

# aarch64_files: the sources that need no library of the target machine, relative to the root
aarch64_files() {
    (cd "$root" && find src/base src/kernel src/layer src/model src/optim -name '*.c' -not -path '*/amx/*' | sort)
}
