#!/usr/bin/env bash
# The Python package: it opens finished, unfinished, foreign and broken runs, starts runs, and its figures are the program's.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
python_has numpy h5py pandas matplotlib seaborn sklearn rich
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1 MNIST_DIST
unset MNIST_DIR

"$python" "$SOURCE_DIR/tests/tools/make_data.py" "$scratch/data"
cd "$scratch"
"$python" "$SOURCE_DIR/tests/tools/package.py" "$scratch/data" || die 'the package'

# It can be installed: with Debian's setuptools, no network.
"$python" -c 'import setuptools, venv, ensurepip, wheel' 2>/dev/null || skip 'python3-venv, -setuptools or -wheel is not installed'
cp -r "$SOURCE_DIR/tools/mnist_dist_tools" "$scratch/package"
install() {
    "$python" -m venv --system-site-packages "$scratch/venv" &&
        "$scratch/venv/bin/pip" install --no-index --no-build-isolation --no-deps "$scratch/package"
}
install >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'pip install'; }
unset PYTHONPATH
"$scratch/venv/bin/mnist-dist-watch" --help >"$scratch/output"
says 'usage: watch.py'
"$scratch/venv/bin/python" -c 'import mnist_dist_tools.page as p; print(len(p.page("t", "h", [], "f")))' >/dev/null ||
    die 'the installed package lacks its style sheet'
