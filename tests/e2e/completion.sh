#!/usr/bin/env bash
# bash's completion knows every command, every option of each command, and the words that options take; and those of a program
# that has others.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
# shellcheck source=../../share/bash-completion/completions/mnist_dist.bash
source "$SOURCE_DIR/share/bash-completion/completions/mnist_dist.bash"

# proposed WORD...: what is proposed for the last of these words of a line, sorted
proposed() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _mnist_dist
    printf '%s\n' "${COMPREPLY[@]}" | sort
}

# in_a_line: the words of standard input, sorted
in_a_line() {
    tr -s ' \n' '\n' | sed '/^$/d' | sort | paste -sd ' '
}

# expect WORDS WORD...: exactly these are proposed
expect() {
    local got
    got=$(proposed "${@:2}" | in_a_line)
    [[ $got == "$(in_a_line <<<"$1")" ]] || die "${*:2}: '$got', not '$1'"
}

[[ $(complete -p mnist_dist) == *'-F _mnist_dist mnist_dist' ]] || die 'the completion is not registered'
commands=$("$MNIST_DIST" --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p')
(($(wc -w <<<"$commands") >= 10)) || die "only these commands: $commands"
expect "$commands" "$MNIST_DIST" ''
expect "$commands" "$MNIST_DIST" help ''
expect evaluate "$MNIST_DIST" ev

# --usage comes from argp, not from the text that the completion reads
for command in $commands; do
    options=$("$MNIST_DIST" "$command" --usage | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u)
    [[ $command != train && $command != bench ]] || options+=$'\n--no-shuffle'
    expect "$options" "$MNIST_DIST" "$command" --
    [[ $command != train ]] || expect "$options" "$MNIST_DIST" --
done
expect '--batch-size' "$MNIST_DIST" -e 3 --ba

# words; bash takes --option=word for three words
expect 'last best' "$MNIST_DIST" evaluate run --which ''
expect 'last best' "$MNIST_DIST" evaluate run --which =
expect 'best' "$MNIST_DIST" evaluate run --which = b
expect 'adam adamw adamax' "$MNIST_DIST" --optimizer ad
expect 'validation_loss validation_accuracy loss accuracy' "$MNIST_DIST" --monitor ''
for name in cnn rnn lstm mlp lenet5; do
    proposed "$MNIST_DIST" --model '' | grep -qx "$name" || die "--model $name is not proposed"
done
expect '' "$MNIST_DIST" --beta1 ''
expect '' "$MNIST_DIST" --out ''
expect '' "$MNIST_DIST" evaluate ''

# it reads what the program says: an option more, and it is there; no program, and files are proposed
cat >"$scratch/other" <<'END'
#!/bin/sh
echo 'Usage: other'
echo '  -n, --new-option=one|two  Not in any other program'
END
chmod +x "$scratch/other"
expect --new-option "$scratch/other" --
expect 'one two' "$scratch/other" --new-option ''
expect '' "$scratch/absent" --
echo "$(wc -w <<<"$commands") commands"
