#!/usr/bin/env bash
# A SLURM of our own for as long as one command runs: four virtual nodes on this machine, nothing installed, nothing left.
# Functions that a trap calls look unreachable.
# shellcheck disable=SC2317
set -euo pipefail
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=dependencies.sh
source "$tools/dependencies.sh"

nodes=4
cpus_per_node=8

usage() {
    cat <<'END'
Usage: tools/slurm_sandbox.sh [-- COMMAND ARGUMENT...]
       tools/slurm_sandbox.sh --help

Starts SLURM (munged, slurmctld, four slurmd) in a temporary folder on free ports, runs COMMAND, or a shell, with sbatch,
squeue, scontrol and scancel talking to it, and stops all of it again: daemons, and jobs that still run. The exit code is
COMMAND's. Root is needed, systemd is not, and a SLURM that this machine has already is not touched.

  nodes        n1 to n4, 8 CPUs each, however many cores there are
  partitions   low (the default); a job in high preempts those in low: USR1 if they asked for it (--signal), 5 s later
               the end and back into the queue
  for tests    a requeued job waits 9 s; a job that is to end has 10 s between SIGTERM and SIGKILL

COMMAND's environment has SLURM_CONF, TMPDIR, Open MPI's settings for several nodes on one host, and SLURM_SANDBOX, the
folder: log/ has the daemons' logs, and is printed when they do not start.

  tools/slurm_sandbox.sh -- bash -c 'sbatch --wait --output=job.log jobs/train.sbatch --data=synthetic; cat job.log'

Exit codes: 69 not root, or packages are missing; 70 SLURM did not start; 128 + N after signal N; else COMMAND's.
END
}

# ---- the processes below this one ----

# A daemon that leaves its parent becomes a child of this process: so all that were started here stay below it.
become_subreaper() {
    [[ ${SLURM_SANDBOX_REAPER-} != "$$" ]] || return 0
    export SLURM_SANDBOX_REAPER=$$
    exec python3 -c 'import ctypes, os, sys
PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0): sys.exit("no subreaper on this system")
os.execv(sys.argv[1], sys.argv[1:])' "$BASH" "$tools/slurm_sandbox.sh" "$@"
}

# find_descendants: sets `descendants` to all processes below this one, however deep; zombies are left out. It starts no
# process, which would be one of them.
find_descendants() {
    local stat pid rest state found=yes
    local -A parent=() below=([$$]=1)
    for stat in /proc/[0-9]*/stat; do
        { read -r rest <"$stat"; } 2>/dev/null || continue
        pid=${stat//[!0-9]/}
        read -r state rest _ <<<"${rest##*) }" # the name before may have spaces and brackets
        [[ $state == Z ]] || parent[$pid]=$rest
    done
    descendants=()
    while [[ $found == yes ]]; do
        found=no
        for pid in "${!parent[@]}"; do
            [[ -n ${below[${parent[$pid]}]-} && -z ${below[$pid]-} ]] || continue
            below[$pid]=1 found=yes
            descendants+=("$pid")
        done
    done
}

# stop_descendants: first asks, after 2 s insists
stop_descendants() {
    local signal=TERM
    local -i deadline=$((SECONDS + 2))
    find_descendants
    while ((${#descendants[@]})); do
        ((SECONDS < deadline)) || signal=KILL
        kill -s "$signal" "${descendants[@]}" 2>/dev/null || true
        pause 0.1
        find_descendants
    done
}

# pause SECONDS: like sleep, without a process
pause() {
    read -r -t "$1" <>"$pipe" || true
}

# ---- SLURM ----

# need: says what is missing, exit 69
need() {
    local -a missing
    mapfile -t missing < <(
        for program in munged munge slurmctld slurmd sbatch scontrol python3; do
            command -v "$program" >/dev/null || echo "$program"
        done
    )
    if ((${#missing[@]})); then
        say "not here: ${missing[*]}. As root: apt-get install --no-install-recommends $(packages_of slurm | xargs) python3"
        exit 69
    fi
    ((EUID == 0)) || { say 'root is needed: SLURM starts jobs as other users'; exit 69; }
}

# free_ports COUNT: sets `port` to the first of COUNT consecutive ports that no program uses
free_ports() {
    local -i i
    while :; do
        port=$((10000 + RANDOM % 20000))
        for ((i = 0; i < $1; i++)); do
            ! (: <"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null || continue 2
        done
        return 0
    done
}

configure() {
    local host
    host=$(uname -n)
    host=${host%%.*}
    mkdir "$folder"/{log,state,spool,tmp}
    head -c 1024 /dev/urandom >"$folder/munge.key"
    chmod 600 "$folder/munge.key"
    free_ports $((nodes + 1))
    # A node's jobs have a TMPDIR of their own, as on nodes that are machines: daemons of Open MPI that start at the same
    # moment with the same folder fail now and then.
    cat >"$folder/task_prolog" <<END
#!/bin/sh
mkdir -p "$folder/tmp/\$SLURMD_NODENAME-\$SLURM_JOB_ID"
echo "export TMPDIR=$folder/tmp/\$SLURMD_NODENAME-\$SLURM_JOB_ID"
END
    chmod +x "$folder/task_prolog"
    cat >"$folder/slurm.conf" <<END
ClusterName=sandbox
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/log/slurmctld
StateSaveLocation=$folder/state
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmdSpoolDir=$folder/spool/%n
SlurmdLogFile=$folder/log/slurmd-%n
SlurmdParameters=config_overrides
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=8
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog=$folder/task_prolog
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
JobRequeue=1
KillWait=10
ReturnToService=2
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1))-$((port + nodes)) CPUs=$cpus_per_node RealMemory=1000
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 GraceTime=5
PartitionName=high Nodes=ALL MaxTime=INFINITE PriorityTier=2 PreemptMode=OFF
END
}

# start NAME PROGRAM ARGUMENT...: a daemon, in the foreground of a background process
start() {
    "${@:2}" >"$folder/log/$1.out" 2>&1 </dev/null &
}

# wait_until WORDS COMMAND...: waits for the command to succeed; after 60 s, or when a daemon has ended, gives up
wait_until() {
    local -i deadline=$((SECONDS + 60))
    until "${@:2}" >/dev/null 2>&1; do
        if ((SECONDS > deadline || $(jobs -pr | wc -l) < $(jobs -p | wc -l))); then
            say "$1"
            tail -n 20 "$folder"/log/* >&2
            exit 70
        fi
        pause 0.1
    done
}

nodes_are_idle() {
    [[ $(sinfo --noheader --partition=low --format=%D:%T) == "$nodes:idle" ]]
}

start_slurm() {
    local -i n
    start munged munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
        --pid-file="$folder/munged.pid" --log-file="$folder/log/munged" --seed-file="$folder/munged.seed"
    wait_until 'munged did not start' munge --no-input --socket="$folder/munge.socket"
    start slurmctld slurmctld -D
    wait_until 'slurmctld did not start' scontrol ping
    for ((n = 1; n <= nodes; n++)); do
        start "slurmd-n$n" slurmd -D -N "n$n"
    done
    wait_until 'not all nodes came up' nodes_are_idle
}

settings() {
    export SLURM_SANDBOX=$folder SLURM_CONF=$folder/slurm.conf TMPDIR=$folder/tmp
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    # Nodes that share a host mislead the transport through shared memory.
    export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
    export OMPI_MCA_osc_sm_backing_directory=$folder/tmp
    unset "${!SLURM_JOB@}" SLURM_SANDBOX_REAPER
}

finish() {
    trap - EXIT
    trap '' INT TERM HUP
    stop_descendants
    rm -rf "$folder"
    exit "$1"
}

# A command in the background can be waited for, and the wait be ended by a signal; a shell wants the terminal.
run_command() {
    local code=0
    if (($#)); then
        "$@" <&3 3<&- &
        wait $! || code=$?
    else
        say "SLURM with $nodes nodes; 'exit' stops it"
        "${SHELL:-bash}" 3<&- || code=$?
    fi
    return "$code"
}

main() {
    case ${1-} in
    -h | --help) usage && exit 0 ;;
    --) ;;
    '') (($# == 0)) || { say "the command comes after --; see --help"; exit 64; } ;;
    *) say "unknown option '$1': the command comes after --; see --help" && exit 64 ;;
    esac
    need
    become_subreaper "$@"
    folder=$(mktemp -d /tmp/slurm.XXXXXX)
    pipe=$folder/pipe
    trap 'finish $?' EXIT
    trap 'finish 129' HUP
    trap 'finish 130' INT
    trap 'finish 143' TERM
    mkfifo "$pipe"
    configure
    settings
    start_slurm
    local code=0
    run_command "${@:2}" 3<&0 || code=$?
    exit "$code"
}

main "$@"
