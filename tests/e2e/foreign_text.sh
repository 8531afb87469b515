#!/usr/bin/env bash
# Escape codes in names and files from outside are never printed: \x1b stands for them. What the program proposes can be pasted,
# also where its own path and the run's have blanks.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py matplotlib
cd "$scratch"

esc=$'\e[31m\xc2\x9b1mred\x7f'
shown='\x1b[31m\xc2\x9b1mred\x7f'

# quiet_terminal: the last output has no control character but newlines and tabs, and no U+009B
quiet_terminal() {
    ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "${1:-output}" || {
        cat -v "${1:-output}"
        die "a control character went to the terminal: $what"
    }
}
printf 'a\eb\n' >bad
what='a bad sample'
(quiet_terminal bad) >/dev/null && die 'the check sees no escape code'

# prints STATUS COMMAND...: its output has no control character, and says \x1b
prints() {
    local got=0
    what=${*:2}
    "${@:2}" >output 2>&1 || got=$?
    [[ $got == "$1" ]] || { cat -v output; die "status $got, not $1: $what"; }
    quiet_terminal
    says "$shown"
}
run="run $esc" small=(--data synthetic --limit 300 --model 'flatten; dense 10' --epochs 1)
prints 0 "$MNIST_DIST" "${small[@]}" --out "$run" --progress plain
prints 0 "$MNIST_DIST" "${small[@]}" --out "x $esc" --dry-run
prints 73 "$MNIST_DIST" "${small[@]}" --out "$run"
prints 0 "$MNIST_DIST" evaluate "$run"
prints 0 "$MNIST_DIST" inspect "$run"
prints 0 "$MNIST_DIST" export "$run" -o "a $esc.keras"
prints 0 "$MNIST_DIST" verify "$run" "$run"
prints 64 "$MNIST_DIST" "$esc"
prints 64 "$MNIST_DIST" "--$esc"
prints 64 "$MNIST_DIST" --optimizer "$esc"
prints 64 "$MNIST_DIST" --model "$esc" -d synthetic
prints 66 "$MNIST_DIST" --data "$esc"
prints 66 "$MNIST_DIST" evaluate "$esc"$'\n'"mnist_dist: a line of its own"
[[ $(wc -l <output) == 1 ]] || die 'a newline in a name begins a line'

# a checkpoint's own texts
cp "$run/last.weights.h5" plain.weights.h5
"$MNIST_DIST" export plain.weights.h5 -o keras.weights.h5 >output
"$python" -c 'import h5py, sys
with h5py.File("keras.weights.h5", "a") as file: file.move("layers/dense", "layers/" + sys.argv[1])' "$esc"
prints 0 "$MNIST_DIST" inspect keras.weights.h5
prints 1 "$MNIST_DIST" verify keras.weights.h5 plain.weights.h5

# pictures: as text, as JSON, and as CSV, whose bytes are those of the name in a file, but not on a terminal
"$python" -c 'import sys; from matplotlib import image; import numpy as np
d = np.zeros((28, 28, 3), np.uint8); d[4:24, 13:16] = 255; image.imsave(sys.argv[1], d)' "one $esc.png"
prints 0 "$MNIST_DIST" predict "$run" "one $esc.png"
"$MNIST_DIST" predict "$run" "one $esc.png" --format json >output
quiet_terminal
"$python" -c 'import json, sys; assert json.load(open("output"))[0]["image"] == sys.argv[1]' "one $esc.png"
"$MNIST_DIST" predict "$run" "one $esc.png" --format csv >output
[[ $(tail -n 1 output | cut -d, -f1) == "one $esc.png" ]] || die 'CSV has another name'
script -qec "$(printf '%q ' "$MNIST_DIST" predict "$run" "one $esc.png" --format csv)" typescript >/dev/null </dev/null
tail -n +2 typescript | grep -F ',0.' | tr -d '\r' >output
what='CSV on a terminal'
quiet_terminal
says "$shown"

# ---- what is proposed can be pasted ----
runs=0
mkdir 'my programs' 'my runs'
ln -s "$MNIST_DIST" 'my programs/mnist_dist'
for program in "$MNIST_DIST" './my programs/mnist_dist'; do
    name="my runs/it's $((++runs))"
    "$program" "${small[@]}" --out "$name" --progress plain >output
    next=$(sed -n 's/^next   //p' output)
    bash -c "$next" >output 2>&1 || { cat output; die "it does not run: $next"; }
    says "weights $name/last.weights.h5"
    refused 64 'a command comes before a path' "$program" "$name"
    proposed=$(sed 's/.*a command comes before a path: //' output)
    bash -c "$proposed" >output 2>&1 || die "it does not run: $proposed"
    says "weights $name/last.weights.h5"
    refused 64 'unknown option' "$program" --nonsense
    proposed=$(sed 's/.*; see //' output)
    bash -c "$proposed" >output 2>&1 || die "it does not run: $proposed"
    says 'Usage: mnist_dist [train]'
done
echo "next: $next; a path for a command: $proposed"
