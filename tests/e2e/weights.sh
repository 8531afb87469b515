#!/usr/bin/env bash
# --weights starts a new run from a file's parameters: the same run from every file that holds them, on every layout; what
# does not fit is refused in one line, before a folder is made.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

common=(--data synthetic --limit 600 --batch-size 50 --model "conv2d 4 3 stride 2 relu; flatten; dense 10")
train 1x1 first "${common[@]}" --epochs 2
cd "$scratch"

# A Keras file without anything of this program, and the same parameters in Keras 2's layout.
"$MNIST_DIST" export first -o plain.weights.h5 >output 2>&1 || { cat output; die 'export'; }
"$python" - <<'END'
import h5py
with h5py.File("plain.weights.h5") as new, h5py.File("old.h5", "w") as old:
    old.attrs["layer_names"] = [b"a", b"pooling", b"b"]
    for name, key in (("a", "conv2d"), ("b", "dense")):
        group = old.create_group(name)
        weights = ["x/kernel:0", "x/bias:0"]
        group.attrs["weight_names"] = [weight.encode() for weight in weights]
        for i, weight in enumerate(weights):
            group[weight] = new[f"layers/{key}/vars/{i}"][()]
    old.create_group("pooling").attrs["weight_names"] = []
END

# ---- the same start, whatever holds it ----
train 1x1 by_run "${common[@]}" --epochs 1 --weights first
for path in first/best.weights.h5 plain.weights.h5 old.h5; do
    name=by_${path%%.*}
    name=${name//\//_}
    train 2x1 "$name" "${common[@]}" --epochs 1 --weights "$path"
    for file in last.weights.h5 best.weights.h5; do
        cmp "by_run/$file" "$name/$file" || die "--weights=$path gave another run"
    done
done
train 3x2 wide "${common[@]}" --epochs 1 --weights old.h5
cmp by_run/last.weights.h5 wide/last.weights.h5 || die 'another layout gave another run'
train 1x1 by_seed "${common[@]}" --epochs 1
! cmp -s by_run/last.weights.h5 by_seed/last.weights.h5 || die '--weights changed nothing'
[[ $("$python" -c 'import json; print(json.load(open("by_run/config.json"))["weights"])') == first ]] ||
    die 'config.json does not say where the parameters came from'

# Training on without a step: evaluation finds what the weights are worth.
on 1x1 evaluate old.h5 --model "${common[-1]}" --data synthetic --json || { cat output; die 'evaluate'; }
without_place() { sed -E 's/"weights":"[^"]*","step":[^,]*,|,"data_of_run":[a-z]*//g' output; }
without_place >old.json
on 1x1 evaluate first --json || { cat output; die 'evaluate'; }
without_place | cmp - old.json || die 'evaluate finds other figures in the file of Keras 2'

# ---- a script that is started again: the run goes on, and does not begin anew ----
train 1x1 script "${common[@]}" --epochs 1 --weights plain.weights.h5 --resume
cmp by_run/last.weights.h5 script/last.weights.h5 || die '--resume in a new folder began elsewhere'
train 2x1 script "${common[@]}" --epochs 2 --weights plain.weights.h5 --resume
train 1x1 whole "${common[@]}" --epochs 2 --weights plain.weights.h5
cmp whole/last.weights.h5 script/last.weights.h5 || die 'the continued run differs from the whole one'

# ---- what is refused ----
"$python" - <<'END'
import h5py
for name, link in ("soft", h5py.SoftLink("/layers/dense/vars/1")), ("external", h5py.ExternalLink("old.h5", "/b/x/bias:0")):
    with h5py.File("plain.weights.h5") as good, h5py.File(f"{name}.weights.h5", "w") as bad:
        for key in good:
            good.copy(key, bad)
        del bad["layers/dense/vars/1"]
        bad["layers/dense/vars/1"] = link
END
head -c 3000 plain.weights.h5 >cut.weights.h5
printf 'no weights' >text.weights.h5

# bad STATUS WORDS OPTION...
layout=1x1
bad() {
    refused "$1" "$2" on "$layout" train --data synthetic --out made "${@:3}"
    [[ $(grep -c '^mnist_dist: ' output) == 1 ]] || { cat output; die 'more than one line'; }
    [[ ! -e made ]] || die "a folder was made for $2"
}
bad 66 'nowhere' --weights nowhere
bad 66 'no checkpoint' --weights .
bad 65 'cut.weights.h5' --weights cut.weights.h5 "${common[@]}"
bad 65 'text.weights.h5' --weights text.weights.h5 "${common[@]}"
bad 65 'soft link' --weights soft.weights.h5 "${common[@]}"
bad 65 'external link' --weights external.weights.h5 "${common[@]}"
bad 65 'layer dense, tensor 0) has shape (676, 10), the model wants (784, 10)' --weights plain.weights.h5 --model 'flatten; dense 10'
bad 65 '2 layers with weights, the model has 1' --weights old.h5 --model 'flatten; dense 10'
bad 64 'exclude each other' --weights plain.weights.h5 --resume-from first
layout=2x1
bad 66 'nowhere' --weights nowhere
bad 65 'layer dense' --weights plain.weights.h5 --model 'flatten; dense 10'
cd - >/dev/null
