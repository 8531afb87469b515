#!/usr/bin/env bash
# tools/peers: a peer races only if its network is that of mnist_dist.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
python_has numpy h5py
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1

"$python" "$SOURCE_DIR/tests/tools/make_data.py" "$scratch/data"
"$python" "$SOURCE_DIR/tests/tools/networks.py" "$MNIST_DIST" "$scratch/data" "$scratch/reference"
