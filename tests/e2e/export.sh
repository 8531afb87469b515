#!/usr/bin/env bash
# export writes files for Keras: the same bytes for the same weights, in the layout that Keras reads, whole or not at all.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

common=(--data synthetic --limit 300 --model "conv2d 4 3 relu; maxpool 2; flatten; dense 10")
train 1x1 run "${common[@]}" --epochs 2
cd "$scratch"

# export_ok OPERAND FILE OPTION...
export_ok() {
    "$MNIST_DIST" export "$1" -o "$2" "${@:3}" >output 2>&1 || { cat output; die "export of $1"; }
}

export_ok run a.weights.h5
says 'a.weights.h5: conv2d 4 3 relu; maxpool 2; flatten; dense 10, 6,810 parameters, of run/last.weights.h5 (2 epochs, step 6)'
export_ok run a.keras
TZ=Pacific/Auckland export_ok run b.keras
cmp a.keras b.keras || die 'the same weights gave other bytes'
export_ok run b.weights.h5 --which best
for path in a.weights.h5 a.keras; do # what was exported can be exported
    export_ok "$path" c.weights.h5 --model "${common[-1]}" --force
    cmp a.weights.h5 c.weights.h5 || die "$path changed on its way"
done

"$python" - <<'END'
import json, zipfile
import h5py
import numpy as np

with h5py.File("a.weights.h5") as a, h5py.File("b.weights.h5") as b, h5py.File("run/best.weights.h5") as best, \
        h5py.File("run/last.weights.h5") as last:
    assert sorted(a) == ["layers", "vars"], sorted(a)
    assert a.userblock_size == 0
    for file, source in (a, last), (b, best):
        for key in "conv2d", "dense":
            for i in "01":
                path = f"layers/{key}/vars/{i}"
                assert file[path].dtype == "<f4" and np.array_equal(file[path][()], source[path][()]), path
    assert a["layers/dense/vars"].attrs["name"] == "dense"
with zipfile.ZipFile("a.keras") as archive:
    assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
    assert archive.read("model.weights.h5") == open("a.weights.h5", "rb").read()
    assert "keras_version" in json.loads(archive.read("metadata.json"))
    layers = json.loads(archive.read("config.json"))["config"]["layers"]
    assert [layer["class_name"] for layer in layers] == ["InputLayer", "Conv2D", "MaxPooling2D", "Flatten", "Dense"]
    assert layers[0]["config"]["batch_shape"] == [None, 28, 28, 1]
    assert layers[-1]["config"]["activation"] == "softmax"
END

# ---- two at once: the file is whole; without --force one of them has written it, and the other says so ----
# at_once OPTION...: sets codes, the lower one first
at_once() {
    local first=0 second=0 one
    "$MNIST_DIST" export run -o twice.keras "$@" >output.one 2>&1 &
    one=$!
    "$MNIST_DIST" export run -o twice.keras "$@" >output 2>&1 || second=$?
    wait "$one" || first=$?
    cat output.one >>output
    codes="$((first < second ? first : second)) $((first < second ? second : first))"
    cmp a.keras twice.keras || die "two exports at once left another file"
    [[ -z $(compgen -G 'twice.keras.*') ]] || die "left behind: $(echo twice.keras.*)"
}
for ((i = 0; i < 5; i++)); do
    rm -f twice.keras
    at_once
    [[ $codes == '0 73' ]] || { cat output; die "two exports at once: status $codes"; }
    says 'twice.keras: is there already'
    at_once --force
    [[ $codes == '0 0' ]] || { cat output; die "two exports with --force at once: status $codes"; }
done

# ---- what is refused ----
# bad STATUS WORDS WORD...
bad() {
    refused "$1" "$2" "$MNIST_DIST" export "${@:3}"
    [[ $(grep -c '^mnist_dist: ' output) == 1 ]] || { cat output; die 'more than one line'; }
}
before=$(sha256sum a.keras)
bad 73 'a.keras: is there already' run -o a.keras
[[ $(sha256sum a.keras) == "$before" ]] || die 'the file that was there was changed'
bad 64 '-o NAME' run
bad 64 '.weights.h5 or .keras' run -o model.h5
bad 64 'export needs PATH' -o x.keras
bad 64 'add --model' a.weights.h5 -o x.keras
bad 65 'another model' a.weights.h5 -o x.keras --model mlp
bad 66 'nowhere' nowhere -o x.keras
bad 73 '/proc/self/x.keras' run -o /proc/self/x.keras
head -c 5000 a.keras >cut.keras
bad 65 'cut.keras' cut.keras -o x.keras --model "${common[-1]}"
[[ ! -e x.keras && ! -e x.keras.partial ]] || die 'something was left behind'
cd - >/dev/null
