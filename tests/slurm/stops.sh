#!/usr/bin/env bash
# The training job runs through; is preempted; is put back into the queue while it runs; is cancelled and submitted again,
# on another layout: it always ends with the bits of the uninterrupted run.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
python_has h5py

train 1x2 whole "${training[@]}"

# as the file has it: 2 nodes, 4 ranks each, 2 threads
submit through --ntasks-per-node=4 --cpus-per-task=2
finishes through
[[ $(result through ranks)x$(result through threads) == 8x2 ]] || die "through ran on another layout"

# a job in the other partition wants all nodes
submit preempted --nodes=4
in_the_middle preempted
urgent=$(sbatch --parsable --partition=high --nodes=4 --exclusive --output="$scratch/urgent.log" --wrap 'echo urgent')
reaches preempted PENDING
stopped preempted
await 'the urgent job ran' grep -qs urgent "$scratch/urgent.log"
job[urgent]=$urgent
reaches urgent COMPLETED

submit requeued
in_the_middle requeued
scontrol requeue "${job[requeued]}"
reaches requeued PENDING
stopped requeued

# cancelled: it stays out of the queue; another job may go on, on three ranks
submit cancelled
in_the_middle cancelled
scancel "${job[cancelled]}"
reaches cancelled CANCELLED
! logged cancelled 'scontrol requeue' || fail_with_logs 'a cancelled job came back by itself'
stopped cancelled
submit cancelled --nodes=1 --ntasks-per-node=3 --open-mode=append
finishes cancelled
[[ $(result cancelled ranks) == 3 ]] || die "cancelled went on with $(result cancelled ranks) ranks"

finishes preempted
finishes requeued
