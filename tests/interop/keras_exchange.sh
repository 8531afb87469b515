#!/usr/bin/env bash
# Exports open in Keras without the model's code and answer as this program does, so does ONNX, and what Keras saves comes
# back to the bit: for every kind of layer.
set -eu
# shellcheck source=python.bash
. "$SOURCE_DIR/tests/interop/python.bash"

[ -x "$MNIST_DIST" ] || interop_skip "$MNIST_DIST is not built"
interop_python
compile_quickly
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
exchange=$SOURCE_DIR/tests/interop/keras_exchange.py

quietly() {
  "$@" >log 2>&1 || { echo "failed: $*"; tail -n 20 log; exit 1; }
}

quietly "$python" "$exchange" write "$out"
"$MNIST_DIST" predict own.weights.h5 images.idx --model cnn --format csv >probabilities.csv
"$python" "$exchange" compare "$out"

# results: the parts of an answer of evaluate that do not name a file
results() {
  grep -oE '"(test_[a-z]*|parameters_digest)":[^,]*'
}

# again FILE: the file that Keras saved gives the export's very bytes
again() {
  quietly "$MNIST_DIST" export "$1" --model "$spec" -o back.weights.h5 --force
  cmp back.weights.h5 model.weights.h5 || { echo "$spec: $1 came back with other weights"; exit 1; }
}

mapfile -t specs <<'SPECS'
cnn
mlp
rnn
lstm
gru 24; dense 10
conv2d 8 3 same tanh; avgpool 2; layer_norm; conv2d 8 3 stride 2 leaky_relu; global_avgpool; dense 16 sigmoid; dropout 0.3; dense 10
lstm 16 sequence; gru 12 sequence; simple_rnn 8; dense 12; relu; dense 10
conv2d 4 3 stride 2 same; leaky_relu 0.1; prelu; maxpool 3 stride 2 same; tanh; lstm 8; sigmoid; dense 10
conv2d 10 28 relu; flatten
flatten; dense 24 leaky_relu; dense 10 relu
SPECS

# Each model has a folder of its own: Keras, which takes seconds to start, is started once for all.
for i in "${!specs[@]}"; do
  spec=${specs[i]}
  mkdir "$out/$i"
  cd "$out/$i"
  quietly "$MNIST_DIST" --model "$spec" --data synthetic --limit 256 --epochs 1 --out run
  quietly "$MNIST_DIST" export run -o model.keras
  quietly "$MNIST_DIST" export run -o model.weights.h5
  "$MNIST_DIST" predict run ../images.idx --format csv >probabilities.csv
  quietly "$python" "$SOURCE_DIR/tools/export_onnx.py" run -o model.onnx --program "$MNIST_DIST"
  echo "$spec" >spec
done

"$python" "$exchange" check "$out" "${!specs[@]}"

for i in "${!specs[@]}"; do
  spec=${specs[i]}
  cd "$out/$i"
  for file in model.weights.h5 model.keras again.weights.h5 again.keras whole.h5 fixed.h5 variable.h5; do again "$file"; done
  quietly "$MNIST_DIST" evaluate fixed.h5 --model "$spec" --data synthetic --json
  results <log >fixed.json
  quietly "$MNIST_DIST" evaluate run --data synthetic --json
  results <log | cmp - fixed.json || { echo "$spec: evaluating fixed.h5 gives other figures than the run"; exit 1; }
done
