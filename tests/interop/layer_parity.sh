#!/bin/bash
# Each kind of layer gives in Keras, with the same weights, the same probabilities and the same step of SGD.
set -eu
# shellcheck source=python.bash
. "$SOURCE_DIR/tests/interop/python.bash"

[ -x "$MNIST_DIST" ] || interop_skip "$MNIST_DIST is not built"
interop_python
compile_quickly
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$python" "$SOURCE_DIR/tests/interop/layer_parity.py" "$MNIST_DIST" "$out"
