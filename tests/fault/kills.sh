#!/usr/bin/env bash
# kills.sh [COUNT [SEED]]: 200 random kills; all trainings end as one that was never hit. The seed repeats what is drawn; what
# a strike hits after so many seconds is the machine's matter. A few of them are among the tests of e2e.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "${SOURCE_DIR:?the folder of the project}/tests/e2e/common.bash"
count=${1:-200}
export MPIRUN=$launcher SCRATCH=$scratch
"$python" "$SOURCE_DIR/tests/fault/kills.py" "$count" "${BUILD_DIR:?the folder of the build}/kills-$count.csv" "${@:2}"
