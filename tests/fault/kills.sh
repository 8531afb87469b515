#!/usr/bin/env bash
# kills.sh [COUNT [SEED]]: 200 random kills; all trainings end as one without a kill. The same seed draws the same kills; what a
# run is doing after the drawn number of seconds depends on the machine. e2e/kills has a few of them.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "${SOURCE_DIR:?the folder of the project}/tests/e2e/common.bash"
count=${1:-200}
export MPIRUN="$launcher ${spread[*]}" SCRATCH=$scratch
"$python" "$SOURCE_DIR/tests/fault/kills.py" "$count" "${BUILD_DIR:?the folder of the build}/kills-$count.csv" "${@:2}"
