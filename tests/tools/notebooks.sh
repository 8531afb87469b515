#!/usr/bin/env bash
# The notebooks: stored without outputs; they run from start to end in an environment of their requirements.txt; the figures
# that they print are the program's; and their pages are looked at in headless Chromium. $NOTEBOOKS_DATA names MNIST's folder;
# without it they read a small data set. Pages and screenshots: build/dev/notebooks.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
# shellcheck source=../interop/python.bash
source "$SOURCE_DIR/tests/interop/python.bash"
system=$python
check() {
    "$system" "$SOURCE_DIR/tests/tools/notebooks.py" "$@"
}
check stored "$SOURCE_DIR/tools/notebooks" || die 'the notebooks as they are stored'
venv_python notebooks "$SOURCE_DIR/tools/notebooks/requirements.txt" "$SOURCE_DIR/tests/tools/notebooks_constraints.txt"
unset KERAS_BACKEND

MNIST_DIR=${NOTEBOOKS_DATA-}
if [[ -z $MNIST_DIR ]]; then
    MNIST_DIR=$scratch/data
    "$system" "$SOURCE_DIR/tests/tools/make_data.py" "$MNIST_DIR"
fi
export MNIST_DIR MNIST_DIST PYTHON=$python
pages=$BUILD_DIR/notebooks
rm -rf "$pages"

# A copy of the tools, since the notebooks' runs lie beside them.
mkdir "$scratch/project"
cp -r "$SOURCE_DIR/tools" "$scratch/project"
render=$scratch/project/tools/notebooks/render.sh
"$render" --out "$pages" >"$scratch/output" 2>&1 || { tail -n 40 "$scratch/output"; die 'render.sh'; }
check executed "$pages" "$scratch/project/runs" || die 'the notebooks after they ran'
check stored "$scratch/project/tools/notebooks" || die 'render.sh changed a notebook'
for name in cnn rnn lstm same_bits keras; do
    says "$pages/$name.html"
    command -v chromium chromium-browser google-chrome >/dev/null || continue
    timeout 240 "$system" "$SOURCE_DIR/tests/tools/browser.py" "$pages/$name.html" --shots "$pages" --mode light \
        >"$scratch/seen" 2>&1 || { cat "$scratch/seen"; die "the page of $name.ipynb"; }
done

# ---- the checks say no ----
# spoiled WORDS FOLDER NAME SED CHECK...: a folder of notebooks of which one was changed is refused with these words
spoiled() {
    rm -rf "$scratch/spoiled"
    cp -r "$2" "$scratch/spoiled"
    sed -i "$4" "$scratch/spoiled/$3.ipynb"
    refused 1 "$3.ipynb: $1" check "${@:5}"
}
stored=(stored "$scratch/spoiled")
spoiled 'cell import has outputs' "$SOURCE_DIR/tools/notebooks" cnn '0,/"execution_count": null/s//"execution_count": 1/' "${stored[@]}"
spoiled 'cell import imports torch' "$SOURCE_DIR/tools/notebooks" cnn 's/import seaborn as sns/import torch as sns/' "${stored[@]}"
spoiled 'the steps are not' "$SOURCE_DIR/tools/notebooks" rnn 's/"id": "confusion"/"id": "heatmap"/' "${stored[@]}"
executed=(executed "$scratch/spoiled" "$scratch/project/runs")
spoiled "does not print 'test loss" "$pages" lstm 's/"test loss [0-9.]*/"test loss 9.1234/' "${executed[@]}"
spoiled 'cell train: NameError' "$pages" cnn 's/"output_type": "execute_result"/"output_type": "error", "ename": "NameError"/' "${executed[@]}"

# ---- failures of render.sh ----
refused 0 "Usage: tools/notebooks/render.sh" "$render" --help
refused 64 'unknown option' "$render" --nonsense
refused 66 'no such notebook' "$render" absent
refused 66 'has no nbconvert' env PYTHON=/bin/false "$render"
refused 73 'cannot make this folder' "$render" --out "$scratch/output/x"
sed -i 's/"print(\\"The program is\\"/"nonsense(\\"The program is\\"/' "$scratch/project/tools/notebooks/same_bits.ipynb"
refused 1 'same_bits: stopped with an error' "$render" --out "$scratch/out" same_bits
