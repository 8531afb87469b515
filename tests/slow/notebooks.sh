#!/usr/bin/env bash
# The notebooks on the whole of MNIST; and their first cell builds the program where it is missing.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
[[ -n ${MNIST_DIR-} ]] || skip "MNIST_DIR is not set: the folder of MNIST's four files"
NOTEBOOKS_DATA=$MNIST_DIR bash "$SOURCE_DIR/tests/tools/notebooks.sh"

# As on a machine that has only the files of the repository.
mkdir "$scratch/project"
(cd "$SOURCE_DIR" && git ls-files -z | tar -cf - --null -T -) | tar -xf - -C "$scratch/project"
cd "$scratch/project/tools/notebooks"
export CCACHE_BASEDIR=$scratch/project # what test.sh has compiled is found in its cache
env -u MNIST_DIST "$python" - <<'END' >"$scratch/output" 2>&1 || { tail -n 20 "$scratch/output"; die 'the first cell'; }
import json
import pathlib

cells = json.loads(pathlib.Path("cnn.ipynb").read_text())["cells"]
exec("".join(next(cell for cell in cells if cell["id"] == "prepare")["source"]))
END
says "The program is $scratch/project/build/release/mnist_dist"
"$scratch/project/build/release/mnist_dist" --version >/dev/null || die 'the program that was built'

# tools/quickstart.sh ends with the path of the page.
cd "$scratch/project"
unset MNIST_DIST
tools/quickstart.sh -- --epochs=1 --limit=2000 >"$scratch/output" 2>&1 || { tail -n 20 "$scratch/output"; die 'quickstart.sh'; }
tail -n 1 "$scratch/output" | grep -qx 'report  *runs/quickstart-1/report.html, open it in a browser' || die 'its last line'
[[ -s runs/quickstart-1/report.html ]] || die 'there is no page'
refused 64 'stands alone' tools/quickstart.sh --build-only --help
