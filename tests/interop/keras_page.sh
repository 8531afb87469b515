#!/usr/bin/env bash
# The python blocks of docs/keras.md run in Keras, after the page's sh blocks have made their files.
set -eu
# shellcheck source=python.bash
. "$SOURCE_DIR/tests/interop/python.bash"

[ -x "$MNIST_DIST" ] || interop_skip "$MNIST_DIST is not built"
interop_python
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
page=$SOURCE_DIR/docs/keras.md
pages=$SOURCE_DIR/tests/e2e/pages.py

mkdir -p build/release
ln -s "$MNIST_DIST" build/release/mnist_dist
/usr/bin/python3 "$pages" commands "$page" >commands.sh
/usr/bin/python3 "$pages" python "$page" >page.py
bash -e commands.sh >log 2>&1 || { tail -n 20 log; echo "a command of docs/keras.md fails"; exit 1; }

# The page says that without the optimizer's build its state is not loaded.
sed '/optimizer.build/d' page.py >unbuilt.py
"$python" page.py >page.log 2>&1 || { tail -n 20 page.log; echo "the Python of docs/keras.md fails"; exit 1; }
"$python" unbuilt.py >unbuilt.log 2>&1 || { tail -n 20 unbuilt.log; exit 1; }
grep -qx 15 page.log || { cat page.log; echo "the state of the optimizer was not loaded"; exit 1; }
if ! grep -qx 0 unbuilt.log || ! grep -q 'Skipping variable loading' unbuilt.log; then
  cat unbuilt.log
  echo "without optimizer.build the state was loaded, or not warned of"
  exit 1
fi

# What the page saves at its end comes back.
"$MNIST_DIST" evaluate from_keras.weights.h5 --model cnn >evaluated
"$MNIST_DIST" evaluate laptop.weights.h5 --model cnn >exported
diff <(sed 1d exported) <(sed 1d evaluated)
echo "docs/keras.md: $(wc -l <page.py) lines of Python ran"
