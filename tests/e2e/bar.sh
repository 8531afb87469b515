#!/usr/bin/env bash
# The bar on terminals of 80 and of 40 columns, in locales with and without UTF-8, on a dumb terminal, in a file, and where the
# terminal changes its width: no line is wider than the terminal, and nothing has escape codes.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
command -v script >/dev/null || skip 'script is not installed'
cd "$scratch"
unset COLUMNS LINES

training=("$MNIST_DIST" -d synthetic --limit 9000 -e 2 -m cnn -t 1)

# recorded COLUMNS COMMAND...: what the command prints on a terminal of this width, in the file typescript
recorded() {
    script -qec "stty cols $1; $(printf '%q ' "${@:2}")" typescript >/dev/null </dev/null || { cat typescript; die "$*"; }
}

# frames COLUMNS LEAST: at least LEAST states of the line with the rate, none as wide as the terminal
frames() {
    "$python" - "$1" "$2" <<'END'
import sys
columns, least = map(int, sys.argv[1:])
text = open("typescript", encoding="utf-8", newline="").read().replace("\r\n", "\n")
frames = [f for line in text.split("\n") for f in line.split("\r") if "img/s" in f]
wide = [f for f in frames if len(f) >= columns]
if wide or len(frames) < least:
    sys.exit(f"{len(frames)} frames; too wide for {columns} columns: {wide[:3]}")
if "\x1b" in text:
    sys.exit("an escape code")
END
}

# has WORDS, has_not WORDS: in the typescript
has() {
    grep -qF -- "$1" typescript || { cat -v typescript; die "the terminal does not show '$1'"; }
}
has_not() {
    ! grep -qF -- "$1" typescript || { cat -v typescript; die "the terminal shows '$1'"; }
}

export TERM=xterm LC_ALL=C.UTF-8
recorded 80 "${training[@]}" -o wide
frames 80 4 || die 'the bar does not fit into 80 columns'
for words in '━' 'Epoch 1/2  ' ' img/s, loss ' ', accuracy 0.' ', ETA '; do has "$words"; done
has $'\n           val_loss '
! frames 40 4 2>/dev/null || die 'the check does not see that a line is too wide'

recorded 40 "${training[@]}" -o narrow
frames 40 4 || die 'the bar does not fit into 40 columns'
has 'Epoch 1/2  '

# $COLUMNS counts where it is smaller; the width is read anew for each line
recorded 80 env COLUMNS=50 "${training[@]}" -o variable
frames 50 4 || die 'the bar does not fit into COLUMNS'
begun='until grep -q "Epoch 1/3.*img/s" typescript; do sleep 0.02; done'
script -fqec "stty cols 100; $(printf '%q ' "${training[@]}" -e 3 -o resized) & $begun; stty cols 40; wait" typescript \
    >/dev/null </dev/null
"$python" - <<'END' || die 'the bar does not follow the width of the terminal'
text = open("typescript", encoding="utf-8", newline="").read()
last = [f for f in text.replace("\r\n", "\n").replace("\n", "\r").split("\r") if "img/s" in f][-1]
raise SystemExit(len(last) >= 40)
END

# without UTF-8
LC_ALL=C recorded 80 "${training[@]}" -o ascii
frames 80 4
has '=.'
! LC_ALL=C grep -qP '[\x80-\xff]' typescript || die 'not ASCII, in a locale that has nothing else'

# a dumb terminal, and what is no terminal: whole lines, without a carriage return
TERM=dumb recorded 80 "${training[@]}" -o dumb
has 'Epoch 2/2  '
[[ $(tr -d '\n' <typescript | tr -dc '\r' | wc -c) == $(grep -c $'\r$' typescript) ]] || die 'a bar on a dumb terminal'
has_not '━'
for style in auto plain; do
    "${training[@]}" -o "file-$style" --progress "$style" >typescript 2>&1
    ! LC_ALL=C grep -qP '[\r\x1b\x80-\xff]' typescript || die 'the bar goes into a file'
    has 'Epoch 2/2  '
done

# under mpirun on a terminal: whole lines
recorded 80 "$launcher" --oversubscribe --bind-to none -n 2 "${training[@]}" -o ranks
has 'Epoch 2/2  '
has_not '━'
echo "80 columns, 40, COLUMNS, resized, ASCII, dumb, a file"
