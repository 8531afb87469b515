#!/usr/bin/env bash
# On aarch64, in an emulator, the unit, reference and gradient tests pass, and the bits are the published ones: of trainings
# with few steps or few images.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
((EUID == 0)) || { echo 'SKIP: not root: the compiler and the libraries of aarch64 are installed first'; exit 77; }
"$here/../../tools/cross.sh" aarch64 strong-begins cnn-few lstm-begins rnn-few lenet5-few mlp bf16-dense
