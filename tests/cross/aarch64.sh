#!/usr/bin/env bash
# On aarch64, in an emulator, the unit, reference and gradient tests pass, and the bits are the published ones.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
((EUID == 0)) || { echo 'SKIP: not root: the compiler and the libraries of aarch64 are installed first'; exit 77; }
"$here/../../tools/cross.sh" aarch64
