#!/usr/bin/env bash
# The images of the test set with the highest losses are those with doubtful labels: of the 15 whose label most people reject
# (C. Northcutt, A. Athalye, J. Mueller, "Pervasive label errors in test sets destabilize machine learning benchmarks", NeurIPS
# 2021), at least 10 are among the 50 highest losses of the cnn after 5 epochs at batch 32, seed 1. Seed 2 finds 7, seed 3 finds 9.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$(dirname "${BASH_SOURCE[0]}")/../e2e/common.bash"
python_has numpy h5py pandas sklearn rich

[[ -n ${MNIST_DIR:-} ]] || skip "MNIST_DIR is not set: the folder of MNIST's four files"
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1
train 2x1 run --data "$MNIST_DIR" --epochs 5 --batch-size 32 --seed 1
[[ $(result run dataset) == MNIST ]] || skip "$MNIST_DIR holds $(result run dataset), not MNIST"
"$python" - "$scratch/run" "$MNIST_DIR" <<'END' || die 'too few of them'
import sys

import numpy as np

import mnist_dist_tools as tools
from mnist_dist_tools.predictions import of_probabilities

REJECTED = [947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729]
run = tools.Run(sys.argv[1])
answers = run.predictions
if answers.probabilities is None:
    probabilities = tools.predict(run.path, which="last", data=sys.argv[2]).probabilities
    answers = of_probabilities(probabilities, answers.labels, answers.class_names)
highest = np.argsort(-answers.losses())[:50]
found = sorted(set(REJECTED) & set(highest.tolist()))
print(f"{len(found)} of {len(REJECTED)} among the 50 highest losses: {found}")
sys.exit(len(found) < 10)
END
