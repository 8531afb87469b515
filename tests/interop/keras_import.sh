#!/usr/bin/env bash
# Models that Keras itself has made and saved are read with their architecture: the same answers within 1e-5, or refused with
# the argument's name.
set -euo pipefail
# shellcheck source=python.bash
source "$SOURCE_DIR/tests/interop/python.bash"

[[ -x $MNIST_DIST ]] || interop_skip "$MNIST_DIST is not built"
interop_python
compile_quickly
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$python" "$SOURCE_DIR/tests/interop/keras_import.py" "$out" "$MNIST_DIST"
