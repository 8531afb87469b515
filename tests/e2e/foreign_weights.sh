#!/usr/bin/env bash
# Weights files of other people: values that are not finite, too large or not float32, and files that stand for more than they
# hold.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py numpy
cd "$scratch"

"$python" - <<'END_OF_PYTHON'
import h5py
import numpy as np

draw = np.random.default_rng(7)
KERNEL, BIAS = draw.normal(size=(784, 10)).astype("f4"), np.zeros(10, "f4")


def write(name, kernel=KERNEL, bias=BIAS, convert=lambda a: a):
    with h5py.File(name + ".weights.h5", "w") as file:
        group = file.create_group("layers/dense/vars")
        for number, array in enumerate((kernel, bias)):
            dataset = group.create_dataset(str(number), data=convert(array))
            if name.startswith("bfloat16"):
                dataset.attrs["dtype"] = "bfloat16"
        file.create_group("vars")


def changed(place, value):
    kernel = KERNEL.copy()
    kernel[place] = value
    return kernel


write("plain")
write("nan", changed((5, 3), np.nan))
write("wide", changed((5, 3), 0.0), convert=lambda a: np.where(a == 0, 1e300, a.astype("f8")))
write("large", np.sign(KERNEL) * np.float32(3e38))
write("inf", KERNEL, np.float32([0, 0, np.inf, 0, 0, 0, 0, 0, 0, 0]))
for kind in ("f8", "f2"):
    write(kind, convert=lambda a: a.astype(kind))
    write(kind + "_other", changed((1, 2), 0.5), convert=lambda a: a.astype(kind))
write("i4", convert=lambda a: (a * 1000).astype("i4"))
write("i4_other", changed((1, 2), -5), convert=lambda a: (a * 1000).astype("i4"))
with h5py.File("empty.weights.h5", "w") as file:
    file.create_group("layers")
with h5py.File("names.weights.h5", "w") as file:
    group = file.create_group("layers/dense/vars")
    group["0"] = KERNEL
    for number in range(1, 2000):
        group[str(number)] = group["0"]
END_OF_PYTHON

dense=(--model "flatten; dense 10")
is() {
    "$MNIST_DIST" "$@" >output 2>&1
}

# not finite: named by every command that would use the values; inspect shows where they are
for command in "predict nan.weights.h5" "evaluate nan.weights.h5 -d synthetic" "export nan.weights.h5 -o x.keras" \
    "train -d synthetic --limit 100 -e 1 -o never --weights nan.weights.h5"; do
    # shellcheck disable=SC2086 # words of a command
    refused 65 "/layers/dense/vars/0 (layer dense, tensor 0): element [5, 3] is nan: weights must be finite" \
        "$MNIST_DIST" $command "${dense[@]}"
done
refused 65 '/layers/dense/vars/1 (layer dense, tensor 1): element [2] is inf' "$MNIST_DIST" predict inf.weights.h5 "${dense[@]}"
refused 65 '/layers/dense/vars/0 (layer dense, tensor 0): element [5, 3] is inf' "$MNIST_DIST" predict wide.weights.h5 "${dense[@]}"
is inspect nan.weights.h5
says '1 not finite, the first at [5, 3]: nan'

# finite, but the sums overflow: images without a class, the same words on every processor
overflow='the probabilities of 2000 of 2000 images are no numbers: sums of the model overflow, the weights are too large'
large=(large.weights.h5 "${dense[@]}" -d synthetic)
refused 65 "$overflow" "$MNIST_DIST" predict "${large[@]}"
says 'test[7]                              -    no number'
refused 65 "$overflow" "$MNIST_DIST" predict "${large[@]}" --format csv
says 'test[7],,,,,,,,,,,,,'
refused 65 "$overflow" "$MNIST_DIST" predict "${large[@]}" --format json
says '{"image":"test[7]","class":null,"name":null,"probability":null,"probabilities":null,"digits":1}'
! grep -i nan output || die 'a NaN is no JSON'
is evaluate "${large[@]}"
says 'loss 1048576.0000'
says 'the losses of 2000 of 2000 images are infinite, NaN or above 1048576'
is train -d synthetic --limit 100 --max-steps 1 -o report --model mlp --optimizer sgd --lr 3e35
says 'loss 1048576.0000'
"$python" - <<'END_OF_PYTHON'
import csv
import h5py
import numpy as np

with h5py.File("report/predictions.h5") as file:
    values = file["probabilities"][()]
assert np.isnan(values).sum() > 1000 and set(values[np.isnan(values)].view("u4")) == {0x7FC00000}, values
rows = list(csv.DictReader(open("report/predictions.csv")))
assert {row["probability"] for row, of_row in zip(rows, values) if np.isnan(of_row[0])} == {"nan"}
END_OF_PYTHON

# verify compares numbers of every type, and nothing is never "the same bits"
is verify plain.weights.h5 plain.weights.h5
says '7,850 values in 2 tensors'
for kind in f8 f2 i4; do
    is verify $kind.weights.h5 $kind.weights.h5
    says '7,850 values in 2 tensors'
    refused 1 '1 of 7840 elements differ; the first is [1, 2]: ' is verify $kind.weights.h5 ${kind}_other.weights.h5
done
refused 1 '/layers/dense/vars/0: (784, 10), float32 and (784, 10), float64' is verify plain.weights.h5 f8.weights.h5
refused 65 'nothing to compare' is verify empty.weights.h5 empty.weights.h5

# 2,000 names of one dataset; a file that goes on for a gigabyte behind its end
small() {
    (ulimit -v 3000000 && "$MNIST_DIST" "$@")
}
refused 65 'has more than one name (hard link)' small verify names.weights.h5 names.weights.h5
cp plain.weights.h5 long.weights.h5
truncate -s 1G long.weights.h5
refused 65 'its HDF5 head says' small inspect long.weights.h5
