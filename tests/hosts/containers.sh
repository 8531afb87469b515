#!/usr/bin/env bash
# Two ranks of one host that do not see each other's processes, as in containers: they share no memory, touch no file of another
# process, and compute the same bits.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

export OMPI_MCA_btl=tcp,self
"$launcher" --oversubscribe --bind-to none -n 2 unshare --pid --fork --mount-proc "$MNIST_DIST" train --out "$scratch/apart" \
    "${small[@]}" --epochs 1 --hang-timeout 30s >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'ranks in containers'; }
says 'shared memory'
says 'cannot be opened'
train 2x1 together "${small[@]}" --epochs 1
same_bits apart together
