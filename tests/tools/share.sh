#!/usr/bin/env bash
# What is installed beside the program: the completion for bash, and the man pages, which name every command and every option.
set -euo pipefail
: "${BUILD_DIR:?the build folder}" "${MNIST_DIST:?the program}"
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

die() {
    echo "FAILED: $*"
    exit 1
}

cmake --install "$BUILD_DIR" --prefix "$prefix" >"$prefix/log" 2>&1 || { cat "$prefix/log"; die 'cmake --install'; }
bash -uc "source '$prefix/share/bash-completion/completions/mnist_dist'; complete -p mnist_dist" >/dev/null ||
    die 'the completion is not installed'
command -v help2man >/dev/null || { echo 'SKIP: help2man is not installed'; exit 77; }

# names PAGE WORD...: the page is there, and names each word
names() {
    local page=$prefix/share/man/man1/$1.1 word
    [[ -s $page ]] || die "$1.1 is not installed"
    sed 's/\\//g' "$page" >"$prefix/page"
    grep -q "^\.TH $1 \"1\"" "$prefix/page" || die "$1.1 has another title"
    for word in "${@:2}"; do grep -qF -e "$word" "$prefix/page" || return 1; done
}
commands=$("$MNIST_DIST" --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p')
# shellcheck disable=SC2086
names mnist_dist $commands || die 'mnist_dist.1 lacks a command'
! names mnist_dist --absent-option || die 'the check finds what is not there'
for command in $commands; do
    [[ $command != help ]] || continue
    # shellcheck disable=SC2046
    names "mnist_dist-$command" $("$MNIST_DIST" "$command" --usage | grep -oE -- '--[a-z][a-z0-9-]*') ||
        die "mnist_dist-$command.1 lacks an option"
done
echo "$(find "$prefix/share/man/man1" -name '*.1' | wc -l) pages"
