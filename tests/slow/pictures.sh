#!/usr/bin/env bash
# As e2e/pictures.sh, with 200 digits of each kind and the CNN of five epochs.
set -euo pipefail
export EPOCHS=5 LIMIT=0 DIGITS=200 LEAST=0.95
exec bash "$SOURCE_DIR/tests/e2e/pictures.sh"
