#!/usr/bin/env bash
# A run leaves all its files; other programs read them (h5dump, h5py, scikit-learn), and they agree with each other.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py numpy pandas sklearn matplotlib seaborn rich
command -v h5dump >/dev/null || skip "h5dump is not installed"

train 2x1 run --data synthetic --limit 3000 --epochs 3 --batch-size 100

expected='best.weights.h5 config.json confusion.csv last.weights.h5 metrics.h5 metrics.jsonl predictions.csv predictions.h5 prev.weights.h5'
expected+=' report.txt result.json'
found=$(cd "$scratch/run" && echo *)
[[ $found == "$expected" ]] || die "the run has $found, not $expected"

for file in best last prev; do
    h5dump -H "$scratch/run/$file.weights.h5" >"$scratch/output"
    says 'GROUP "layers"'
    says 'GROUP "optimizer"'
done
h5dump -H "$scratch/run/metrics.h5" >"$scratch/output"
says 'DATASET "epochs"'
says '"val_accuracy"'

"$python" "$here/run_directory.py" "$scratch/run" 27 3

# the checker can say no: one prediction changed, one line torn
cp -r "$scratch/run" "$scratch/bad"
sed -i '2s/,[0-9]*,[0-9]*,/,3,4,/' "$scratch/bad/predictions.csv"
refused 1 'confusion.csv' "$python" "$here/run_directory.py" "$scratch/bad" 27 3
cp "$scratch/run/predictions.csv" "$scratch/bad/"
change_row() {
    "$python" -c 'import h5py, sys
with h5py.File(sys.argv[1], "r+") as file: file["probabilities"][3] = file["probabilities"][3][::-1]' "$1"
}
change_row "$scratch/bad/predictions.h5"
refused 1 'predictions.h5' "$python" "$here/run_directory.py" "$scratch/bad" 27 3
cp "$scratch/run/predictions.h5" "$scratch/bad/"
truncate -s -5 "$scratch/bad/metrics.jsonl"
refused 1 'metrics.jsonl' "$python" "$here/run_directory.py" "$scratch/bad" 27 3

"$python" "$SOURCE_DIR/tools/report.py" "$scratch/run" --out "$scratch/drawn" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die "report.py"; }
for picture in curves.png confusion.png; do
    [[ $(stat -c %s "$scratch/drawn/$picture") -gt 5000 ]] || die "$picture is empty"
    head -c 8 "$scratch/drawn/$picture" | cmp - <(printf '\x89PNG\r\n\x1a\n')
done

# what another run with this configuration leaves is the same
on 3x1 train --config "$scratch/run/config.json" --out "$scratch/replayed"
same run replayed

# nothing stays in shared memory
[[ -z $(orphans) ]] || die "left in shared memory: $(orphans)"
