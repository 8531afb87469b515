#!/usr/bin/env bash
# On riscv64, in an emulator, the unit, reference and gradient tests pass, and the bits are the published ones: of trainings
# with few steps or few images, and of smaller recurrent layers.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
((EUID == 0)) || { echo 'SKIP: not root: the compiler and the libraries of riscv64 are installed first'; exit 77; }
"$here/../../tools/cross.sh" riscv64 cnn-begins lenet5-begins rnn-few recurrent-stack mlp
