#!/usr/bin/env bash
# One to four hosts, also with different numbers of ranks, compute the same bits, whatever the network does; and a run goes on
# on another number of hosts.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

train 1x1 alone "${small[@]}" --epochs 2

train_across h1:1,h2:1 two --epochs 2
says '2 hosts, 2 ranks'
same alone two
train_across h1:3,h2:1,h3:1 three --epochs 2
says '3 hosts, 5 ranks'
same alone three
train_across h1:1,h2:2,h3:1,h4:1 four --epochs 2
says '4 hosts, 5 ranks'
same alone four
train_across h1:1,h2:2,h3:1,h4:1 halves --epochs 2 --exchange halving
same alone halves

# on two hosts from the middle of the first epoch, on three from its end, on one at last
train_across h1:1,h2:1 moved --epochs 2 --max-steps 3
train_across h1:1,h2:1,h3:1 moved --epochs 1 --resume
says 'resumed at step 4'
train 2x1 moved "${small[@]}" --epochs 2 --resume
same_bits alone moved

network=(--delay 2 --loss 1)
train_across h1:1,h2:1,h3:1 slow --epochs 2 --hang-timeout 30s
same_bits alone slow
