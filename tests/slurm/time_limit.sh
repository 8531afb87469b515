#!/usr/bin/env bash
# The training job is warned before its time is over, and goes back into the queue by itself; or it is not, is ended at the
# limit, and submitted again: it ends with the bits of the uninterrupted run. SLURM looks every 30 s: so the ranks are halted
# until it has. Limits are moved there, so that a slow machine comes to the middle of the training before them.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
python_has h5py

train 1x2 whole "${training[@]}"

# halt RUN: in the middle of the training
halt() {
    in_the_middle "$1"
    signal_ranks STOP "$1"
}

submit warned --time=30 --signal=B:USR1@50
halt warned
submit ended --time=30 --signal=B:CONT@1 # CONT: no warning
halt ended
scontrol update JobId="${job[warned]}" EndTime=now+80
scontrol update JobId="${job[ended]}" EndTime=now

await 'USR1 to the job' logged warned '^+ USR1'
signal_ranks CONT warned
reaches warned PENDING
logged warned '^+ scontrol requeue' || fail_with_logs 'the job did not put itself back into the queue'
stopped warned
scontrol update JobId="${job[warned]}" TimeLimit=10

# Before SIGTERM, SLURM sends SIGCONT.
reaches ended TIMEOUT
! logged ended 'scontrol requeue' || fail_with_logs 'a job that was ended came back by itself'
stopped ended
submit ended --time=10 --nodes=1 --open-mode=append

finishes warned
finishes ended
