#!/usr/bin/env bash
# A model that Keras has trained for some steps and saved whole goes on here with the optimiser's state, and ends where Keras
# ends. Random images; no data set needed.
set -euo pipefail
# shellcheck source=python.bash
source "$SOURCE_DIR/tests/interop/python.bash"

[[ -x $MNIST_DIST ]] || interop_skip "$MNIST_DIST is not built"
interop_python
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$python" "$SOURCE_DIR/tests/interop/optimizer_state.py" "$out" "$MNIST_DIST"
