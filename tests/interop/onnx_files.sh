#!/usr/bin/env bash
# tools/export_onnx.py on Keras files of other origin: the graph gives the answers of mnist_dist, or there is no graph.
set -euo pipefail
# shellcheck source=python.bash
source "$SOURCE_DIR/tests/interop/python.bash"

[[ -x $MNIST_DIST ]] || interop_skip "$MNIST_DIST is not built"
interop_python
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$out"
"$python" "$SOURCE_DIR/tests/e2e/keras_maker.py" .
tool=$SOURCE_DIR/tools/export_onnx.py

# ends STATUS WORDS COMMAND...: with this status and these words, and model.onnx is there only after 0
ends() {
    local got=0
    rm -f model.onnx
    "${@:3}" >log 2>&1 || got=$?
    if [[ $got != "$1" ]] || ! grep -qF -- "$2" log; then
        cat log
        echo "FAILED: status $got, expected $1 and '$2': ${*:3}"
        exit 1
    fi
    if [[ $got == 0 && ! -s model.onnx || $got != 0 && -e model.onnx ]]; then
        echo "FAILED: model.onnx after status $got"
        exit 1
    fi
}

for name in plain deflated keras2 dropout random tanh functional; do
    ends 0 'of mnist_dist predict' "$python" "$tool" $name.keras -o model.onnx
done
ends 65 'layer conv2d (Conv2D): dilation_rate is [2,2]' "$python" "$tool" dilated.keras -o model.onnx
ends 65 'layer permute (Permute)' "$python" "$tool" unknown.keras -o model.onnx
ends 65 'layer dense (Dense): activation is "sigmoid"' "$python" "$tool" sigmoid.keras -o model.onnx
ends 65 'also reads layer flatten' "$python" "$tool" heads.keras -o model.onnx
ends 65 'also reads layer inputlayer' "$python" "$tool" merged.keras -o model.onnx
ends 65 'is not JSON' "$python" "$tool" broken.keras -o model.onnx
ends 66 'absent.keras' "$python" "$tool" absent.keras -o model.onnx

# A wrong graph is found: tanh where the file says relu.
cat >wrong.py <<'END'
import sys

sys.path.insert(0, sys.argv[1])
import export_onnx

export_onnx.ACTIVATIONS["relu"] = export_onnx.ACTIVATIONS["tanh"]
sys.argv[1:] = sys.argv[2:]
try:
    export_onnx.main()
except export_onnx.Failure as failure:
    print(failure)
    sys.exit(failure.code)
END
ends 1 "differ from the program's by" "$python" wrong.py "$SOURCE_DIR/tools" plain.keras -o model.onnx
