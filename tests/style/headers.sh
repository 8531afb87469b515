#!/usr/bin/env bash
# Each public header compiles alone, and its first line says its name and its room.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
compiler=${CC:-gcc}
need_command "$compiler"

# check_header ROOT HEADER
check_header() {
    local room first
    room=$(basename "$(dirname "$2")")
    first=$(head -n 1 "$1/$2")
    if [[ ! $first =~ ^/\*\ ${2##*/}\ -\ .*\ room:\ $room( |$) ]]; then
        echo "$2:1: the first line must be like: /* ${2##*/} - what it is for.    room: $room"
        return 1
    fi
    "$compiler" -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -Wall -Wextra -Werror \
        -fsyntax-only -x c -I "$1/include" "$1/$2"
}

sample include/base/alone.h <<<'/* alone.h - needs another header.   room: base */
size_t f(void);'
sample include/base/mute.h <<<'int f(void);'
sample include/base/wrong.h <<<'/* wrong.h - says another room.   room: kernel */'
must_catch 'size_t' check_header "$scratch" include/base/alone.h
must_catch 'the first line must be' check_header "$scratch" include/base/mute.h
must_catch 'the first line must be' check_header "$scratch" include/base/wrong.h

cd "$root"
mapfile -t headers < <(find include -name '*.h' | sort)
bad=0
for header in "${headers[@]}"; do
    check_header . "$header" || bad=$((bad + 1))
done
echo "${#headers[@]} headers, $bad bad"
((bad == 0))
