#!/usr/bin/env bash
# A run knows its data: evaluated, predicted and continued from any folder, it takes the data that it was trained on, by its digest;
# other data only where -d names it, and then says so.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
unset MNIST_DIR
make_data=$here/data_maker.py
start=$PWD
mkdir "$scratch/here" "$scratch/there"
cd "$scratch/here"
"$python" "$make_data" data/mnist
"$python" "$make_data" "$scratch/other" --shift 3

# value KEY: a member of the object in the file output
value() {
    "$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$scratch/output" "$1"
}

# evaluated WORD...: the accuracy is the run's, on the run's data
evaluated() {
    "$MNIST_DIST" evaluate "$@" --which last --json >"$scratch/output" || die "evaluate $*"
    [[ $(value test_accuracy) == "$accuracy" && $(value data_of_run) == True ]] || { cat "$scratch/output"; die "evaluate $*"; }
}

# ---- trained with data found in ./data, and used from another folder ----
model=(--model 'flatten; dense 10' --progress none --lr 0.01)
"$MNIST_DIST" "${model[@]}" --epochs 4 --out run >/dev/null
accuracy=$("$python" -c 'import json; print(json.load(open("run/result.json"))["test_accuracy"])')
"$python" - <<'END_OF_PYTHON'
import json, os
config, result = json.load(open("run/config.json")), json.load(open("run/result.json"))
assert config["data"] == result["data"] == os.path.join(os.getcwd(), "data/mnist"), config["data"]
data = config["dataset"]
assert data["digest"] == result["data_digest"] and data["classes"] == result["classes"] == 10, data
assert (data["name"], data["train"], data["test"], data["shape"]) == ("mnist", 300, 100, [28, 28, 1]), data
assert result["test_accuracy"] > 0.9, result
END_OF_PYTHON
cd ../there
evaluated ../here/run
evaluated ../here/run/last.weights.h5
mv ../here/run moved
evaluated moved
"$MNIST_DIST" predict moved --which last --format csv >predicted.csv
cmp -s <(cut -d , -f 2 predicted.csv | tail -n +2) <(cut -d , -f 3 moved/predictions.csv | tail -n +2) || die 'predict sees other images'
on 2x1 evaluate moved || die 'evaluate on two ranks'

# ---- $MNIST_DIR and data in this folder do not replace the run's ----
"$python" "$make_data" data/mnist --shift 3
MNIST_DIR=$scratch/other evaluated moved
rm -r data

# ---- the data went elsewhere ----
mv ../here/data ../here/kept
refused 66 'the data of this run, mnist, is not found: not in' "$MNIST_DIST" evaluate moved
says 'Give its folder with -d DIR'
refused 66 'the data of this run, mnist, is not found' "$MNIST_DIST" predict moved
refused 66 'the data of this run, mnist, is not found' "$MNIST_DIST" "${model[@]}" --epochs 5 --out moved --resume
evaluated moved -d ../here/kept/mnist
mkdir data && cp -r ../here/kept/mnist data/mnist
evaluated moved
MNIST_DIR=$scratch/here/kept/mnist evaluated moved
rm -r data

# ---- other data, asked for: said ----
"$MNIST_DIST" evaluate moved -d "$scratch/other" >"$scratch/output"
says 'note   this is not the data of the run'
"$MNIST_DIST" predict moved -d "$scratch/other" >"$scratch/output"
says 'note   this is not the data of the run'
"$MNIST_DIST" evaluate moved -d "$scratch/other" --json >"$scratch/output"
[[ $(value data_of_run) == False && $(value data) == "$scratch/other" ]] || die 'other data is not said in JSON'
# not asked for: the folder has other content now
mkdir ../here/data && cp -r "$scratch/other" ../here/data/mnist
refused 65 'holds other data now than when the run was trained (digest ' "$MNIST_DIST" evaluate moved
refused 65 'holds other data now' "$MNIST_DIST" predict moved
refused 64 'was trained on other data' "$MNIST_DIST" "${model[@]}" --epochs 5 --out moved --resume
rm -r ../here/data

# ---- the test set alone ----
mkdir test_set && cp ../here/kept/mnist/t10k-* test_set/
evaluated moved -d test_set
"$MNIST_DIST" evaluate moved -d test_set >"$scratch/output"
says 'holds a test set alone'
"$MNIST_DIST" predict moved -d test_set --which last --format csv | cmp -s - predicted.csv || die 'predict on the test set alone'
refused 66 'only a test set is here, nothing to train on' "$MNIST_DIST" -d test_set --out none

# ---- continued from another folder, and planned ----
mv ../here/kept ../here/data
"$MNIST_DIST" "${model[@]}" --epochs 5 --out moved --resume --dry-run >"$scratch/output"
says 'data   mnist: 270 train, 30 validation, 100 test'
"$MNIST_DIST" "${model[@]}" --epochs 5 --out moved --resume >/dev/null
"$MNIST_DIST" "${model[@]}" --epochs 5 --out from --resume-from moved >/dev/null
"$MNIST_DIST" --config moved/config.json --out again --progress none >/dev/null
for run in from again; do
    grep -q "$(grep parameters_digest moved/result.json)" "$run/result.json" || die "$run has other bits"
    grep -qF "\"data\": \"$scratch/here/data/mnist\"" "$run/config.json" || die "$run names other data"
done

# ---- weights of a run begin a new one: on the run's data ----
"$MNIST_DIST" "${model[@]}" --epochs 1 --weights moved --out tuned >/dev/null
grep -qF "\"data\": \"$scratch/here/data/mnist\"" tuned/config.json || die '--weights took other data'

# ---- weights that say nothing about their data ----
"$MNIST_DIST" export moved -o plain.weights.h5 >/dev/null
mkdir empty && cd empty
if [[ ! -e /usr/share/datasets ]]; then
    refused 66 'no data set is found, and the weights do not say what they were trained on' \
        "$MNIST_DIST" evaluate ../plain.weights.h5 --model 'flatten; dense 10'
fi
"$MNIST_DIST" evaluate ../plain.weights.h5 --model 'flatten; dense 10' -d synthetic >"$scratch/output"
says 'built-in digits'
cd ..

# ---- folders whose names are not UTF-8, or long ----
letters=$(printf 'рукописные-%.0s' 1 2 3 4 5 6)
for name in $'z\xfcrich' "x$letters" '100%FC'; do
    "$python" "$make_data" "$scratch/$name"
    rm -rf named
    "$MNIST_DIST" "${model[@]}" -d "$scratch/$name" --epochs 4 --out named >/dev/null
    "$python" - "$scratch/$name" <<'END_OF_PYTHON'
import json, os, sys, urllib.parse
config, result = (json.load(open(f"named/{name}.json", encoding="utf-8")) for name in ("config", "result"))
for text in config["data"], result["data"]:
    assert urllib.parse.unquote_to_bytes(text) == os.fsencode(sys.argv[1]), text
name = urllib.parse.unquote_to_bytes(result["dataset"])
folder = os.fsencode(os.path.basename(sys.argv[1]))
assert folder.startswith(name) and (len(folder) < 64) == (name == folder), name
if len(folder) >= 64:
    name.decode("utf-8")  # cut between characters
END_OF_PYTHON
    evaluated named
done
cd "$start"
