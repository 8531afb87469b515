#!/usr/bin/env bash
# classes.txt in the data folder names the classes: in report.txt, evaluate, predict, result.json,
# config.json and predictions.h5; a wrong one is refused before a run folder is made.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has numpy sklearn h5py
cd "$scratch"
"$python" - <<'END2'
import pathlib
import numpy as np
random = np.random.default_rng(1)
folder = pathlib.Path("animals")
folder.mkdir()
for name, count in ("train", 300), ("t10k", 60):
    labels = random.integers(0, 3, count).astype(np.uint8)
    pixels = (labels[:, None, None] * 80 + random.integers(0, 30, (count, 8, 8))).astype(np.uint8)
    head = np.array([0x803, count, 8, 8], ">u4").tobytes()
    (folder / f"{name}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(np.array([0x801, count], ">u4").tobytes() + labels.tobytes())
(folder / "classes.txt").write_text("cat\nguinea pig in a box\nb\u00e4r\n", encoding="utf-8")
END2
options=(--data "$scratch/animals" --model "flatten; dense 3" --epochs 1 --batch-size 50)
train 1x1 run "${options[@]}"
"$python" - <<'END2'
import csv
import json
import h5py
from sklearn.metrics import classification_report
names = ["cat", "guinea pig in a box", "b\u00e4r"]
assert json.load(open("run/result.json"))["class_names"] == names
assert json.load(open("run/config.json"))["dataset"]["class_names"] == names
assert list(h5py.File("run/predictions.h5")["class_names"].asstr()) == names
rows = list(csv.DictReader(open("run/predictions.csv")))
truth, answers = ([int(r[key]) for r in rows] for key in ("true", "predicted"))
theirs = classification_report(truth, answers, digits=4, zero_division=0, target_names=names)
ours = open("run/report.txt", encoding="utf-8").read()
assert ours.startswith(theirs), f"{ours}\nscikit-learn has\n{theirs}"
END2
on 1x1 evaluate "$scratch/run"
says '                cat    0 '
says 'guinea pig in a box    1 '
on 2x1 train --out "$scratch/two" "${options[@]}"
cmp run/predictions.h5 two/predictions.h5 || die 'other bytes of predictions.h5 on two ranks'

# predict has the names of the run, also where the data is gone
mv animals elsewhere
test_set=elsewhere/t10k-images-idx3-ubyte
for format in text csv json; do
    "$MNIST_DIST" predict run "$test_set" --format "$format" >"answers.$format"
done
"$python" - <<'END2'
import csv
import json
names = ["cat", "guinea pig in a box", "b\u00e4r"]
rows = list(csv.DictReader(open("answers.csv", encoding="utf-8")))
assert len(rows) == 60 and all(r["name"] == names[int(r["class"])] for r in rows), rows[0]
assert list(rows[0]) == ["image", "class", "probability", "p0", "p1", "p2", "name"], rows[0]
answers = json.load(open("answers.json", encoding="utf-8"))
assert all(a["name"] == names[a["class"]] for a in answers), answers[0]
lines = [line for line in open("answers.text", encoding="utf-8") if "t10k" in line]
assert all(line.rstrip("\n").endswith("  " + names[a["class"]]) for line, a in zip(lines, answers)), lines[0]
END2
mv elsewhere animals
"$MNIST_DIST" evaluate run --json | "$python" -c '
import json, sys
assert json.load(sys.stdin)["class_names"] == ["cat", "guinea pig in a box", "b\u00e4r"]'

echo hen >>animals/classes.txt
refused 65 'classes.txt: more than 3 names, but the data has 3 classes' "$MNIST_DIST" train --out "$scratch/bad" "${options[@]}"
[[ ! -e bad ]] || die 'there is a run folder'
on 2x1 train --out "$scratch/bad" "${options[@]}" && die 'two ranks took it'
says 'more than 3 names'
"$MNIST_DIST" evaluate run >output
says 'more than 3 names'

train 1x1 digits --data synthetic --limit 200 --epochs 1 --model mlp
[[ $(result digits class_names) == "['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']" ]] || die 'digits have no names'
"$MNIST_DIST" predict digits --data synthetic --format csv >answers.csv
[[ $(head -n 1 answers.csv) == image,class,probability,p0,*,p9,name && $(sed 1d answers.csv | awk -F, '$2 != $14' | wc -l) == 0 ]] ||
    die 'a digit is not its own name'
"$MNIST_DIST" predict digits --data synthetic >answers.text
! grep -q name answers.text || die 'digits need no names beside them'
