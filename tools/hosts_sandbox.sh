#!/usr/bin/env bash
# Several hosts on this machine for as long as one command runs: nothing installed, nothing left.
# Functions that a trap calls look unreachable.
# shellcheck disable=SC2317
set -euo pipefail
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=dependencies.sh
source "$tools/dependencies.sh"
python=/usr/bin/python3 # another one in PATH may be a script that changes the environment

usage() {
    cat <<'END'
Usage: tools/hosts_sandbox.sh N [OPTION...] -- COMMAND ARGUMENT...
       tools/hosts_sandbox.sh --help

Starts N hosts, runs COMMAND on the first one, h1, and ends all hosts with all that runs there, however this script itself
ends. The exit code is COMMAND's. Root is needed.

Each host has a name (h1 to hN), a network (eth0, 10.77.0.1 to 10.77.0.N), processes, System V IPC, mounts, /dev/shm and
TMPDIR of its own: Linux namespaces. All other files are shared, as on a cluster with a parallel file system.

  --delay MS         a packet takes MS milliseconds from host to host
  --loss PERCENT     and this share of the packets is lost
  --private FOLDER   each host has this folder, empty at first, for itself; may be repeated
  --shm SIZE         the size of each /dev/shm, 512m by default

COMMAND's environment makes mpirun start ranks on all hosts over TCP: Open MPI's, where a host has 16 slots, and MPICH's.
It finds in PATH:
  on HOST COMMAND...    runs a shell command on another host, with an environment of its own, like ssh
  host HOST stop        stops all processes of a host; continue lets them go on
  host HOST cut         pulls its network cable; join plugs it in
  host HOST kill        ends all its processes: others see closed connections
  host HOST off         cuts it, then kills it: others see nothing

  tools/hosts_sandbox.sh 3 -- mpirun -n 6 --map-by node build/release/mnist_dist env
  tools/hosts_sandbox.sh 2 --delay 1 --loss 0.1 -- mpirun -n 2 --map-by node build/release/mnist_dist bench

Exit codes: 64 usage; 69 not root, or packages are missing; 70 the hosts did not start; 128 + N after signal N;
else COMMAND's.
END
}

refuse() {
    say "$1; see --help"
    exit 64
}

is_number() {
    [[ $1 =~ ^[0-9]+([.][0-9]+)?$ ]] || refuse "'$1' is not a number"
}

# parse ARGUMENT...: sets count, delay, loss, shm, private and command
parse() {
    count=0 delay=0 loss=0 shm=512m private=() command=()
    while (($#)); do
        case $1 in
        -h | --help) usage && exit 0 ;;
        --delay) is_number "${2-}" && delay=$2 && shift ;;
        --loss) is_number "${2-}" && loss=$2 && shift ;;
        --private)
            [[ -d ${2-} ]] || refuse "--private '${2-}': there is no such folder"
            private+=("$(cd "$2" && pwd)") && shift
            ;;
        --shm) shm=${2:?--shm needs a size} && shift ;;
        --) command=("${@:2}") && break ;;
        *)
            [[ $1 =~ ^[1-9][0-9]?$ && $count == 0 ]] || refuse "unknown argument '$1'"
            count=$1
            ;;
        esac
        shift
    done
    ((count)) || refuse 'how many hosts?'
    ((${#command[@]})) || refuse 'the command comes after --'
}

# need: says what is missing, exit 69
need() {
    local -a missing
    mapfile -t missing < <(
        for program in ip unshare nsenter setpriv pgrep "$python"; do
            command -v "$program" >/dev/null || echo "$program"
        done
    )
    if ((${#missing[@]})); then
        say "not here: ${missing[*]}. As root: apt-get install --no-install-recommends $(packages_of hosts | xargs)"
        exit 69
    fi
    ((EUID == 0)) || { say 'root is needed: namespaces are made'; exit 69; }
    unshare --net --uts --ipc --mount --pid --fork true 2>/dev/null ||
        { say 'this machine allows no namespaces'; exit 69; }
}

# ---- what COMMAND finds ----

write_programs() {
    mkdir "$folder/bin"
    cat >"$folder/bin/run_on" <<END
#!/bin/sh
exec $python "$tools/hosts/run.py" "$folder" "\$@"
END
    cat >"$folder/bin/on" <<END
#!/usr/bin/env bash
name=\$1
shift
exec env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LC_ALL=C.UTF-8 TMPDIR="$folder/tmp" \\
    PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$folder/bin" \\
    "$folder/bin/run_on" "\$name" / bash -c "\$*"
END
    cat >"$folder/bin/host" <<END
#!/usr/bin/env bash
first=\$(cat "$folder/\$1.pid") || exit 64
outside() { "$folder/bin/run_on" outside / "\$@"; }
cable() { outside nsenter --net="/proc/\$first/ns/net" ip link set eth0 "\$1"; }
case \${2-} in
stop) "$folder/bin/on" "\$1" 'kill -STOP -1' ;;
continue) "$folder/bin/on" "\$1" 'kill -CONT -1' ;;
cut) cable down ;;
join) cable up ;;
kill) outside kill -KILL "\$first" ;;
off)
    cable down
    : >"$folder/\$1.off"
    outside kill -KILL "\$first"
    ;;
*)
    echo "usage: host HOST stop|continue|cut|join|kill|off" >&2
    exit 64
    ;;
esac
END
    chmod +x "$folder"/bin/*
}

write_host_files() {
    local -i i
    echo '127.0.0.1 localhost' >"$folder/hosts"
    for ((i = 1; i <= count; i++)); do
        echo "10.77.0.$i h$i" >>"$folder/hosts"
        echo "h$i slots=16" >>"$folder/openmpi"
        echo "h$i:16" >>"$folder/mpich"
    done
}

settings() {
    export PATH="$folder/bin:$PATH" TMPDIR=$folder/tmp HOSTS_SANDBOX=$folder
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_MCA_plm_rsh_agent=$folder/bin/on OMPI_MCA_orte_default_hostfile=$folder/openmpi
    export OMPI_MCA_btl=tcp,self,vader OMPI_MCA_btl_tcp_if_include=eth0 OMPI_MCA_oob_tcp_if_include=eth0
    export OMPI_MCA_hwloc_base_binding_policy=none
    export HYDRA_LAUNCHER=rsh HYDRA_LAUNCHER_EXEC=$folder/bin/on HYDRA_IFACE=eth0 HYDRA_HOST_FILE=$folder/mpich
}

# ---- the hosts ----

# await WORDS COMMAND...: waits for the command to succeed, 20 s at most
await() {
    local -i deadline=$((SECONDS + 20))
    until "${@:2}" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || { say "$1" && cat "$folder"/*.log >&2 && exit 70; }
        sleep 0.05
    done
}

# hold NAME COMMAND...: starts below COMMAND the program that runs commands at the place NAME (hosts/serve.py); it ends with this
# script. The file NAME.pid gets its process.
hold() {
    local -i parent
    setpriv --pdeathsig KILL "${@:2}" "$python" "$tools/hosts/serve.py" "$folder" "$1" "$shm" "${private[@]}" \
        </dev/null >"$folder/$1.log" 2>&1 &
    parent=$!
    helpers+=("$parent")
    await "$1 did not start" test -e "$folder/$1.ready"
    pgrep --parent "$parent" >"$folder/$1.pid" || echo "$parent" >"$folder/$1.pid"
}

# in_network NAME COMMAND...
in_network() {
    nsenter --net="/proc/$(<"$folder/$1.pid")/ns/net" "${@:2}"
}

# All hosts hang on one bridge, in a network namespace of its own.
connect_by_bridge() {
    local -i i
    hold switch unshare --net
    in_network switch ip link add bridge type bridge
    in_network switch ip link set bridge up
    for ((i = 1; i <= count; i++)); do
        in_network switch ip link add "port$i" type veth peer name eth0 netns "$(<"$folder/h$i.pid")"
        in_network switch ip link set "port$i" master bridge up
    done
}

# A program moves the packets, so that it can delay and lose them: not every kernel has the queue "netem".
connect_by_program() {
    local -a networks=()
    local -i i
    for ((i = 1; i <= count; i++)); do
        networks+=("/proc/$(<"$folder/h$i.pid")/ns/net")
    done
    setpriv --pdeathsig KILL "$python" "$tools/hosts/switch.py" "$delay" "$loss" "${networks[@]}" \
        </dev/null >"$folder/switch.log" 2>&1 &
    helpers+=("$!")
    for ((i = 1; i <= count; i++)); do
        await "h$i has no network" in_network "h$i" ip link show eth0
    done
}

start_hosts() {
    local -i i
    mkdir "$folder/tmp"
    hold outside env
    for ((i = 1; i <= count; i++)); do
        hold "h$i" unshare --net --uts --ipc --mount --pid --fork --kill-child=KILL --mount-proc
    done
    if [[ $delay == 0 && $loss == 0 ]]; then
        connect_by_bridge
    else
        connect_by_program
    fi
    for ((i = 1; i <= count; i++)); do
        in_network "h$i" ip addr add "10.77.0.$i/24" dev eth0
        in_network "h$i" ip link set eth0 up
    done
}

finish() {
    trap - EXIT
    trap '' INT TERM HUP
    # the end of a host's first process is the end of all others there
    kill -KILL "${helpers[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
    exit "$1"
}

# If this script is killed, its hosts end with it; this process removes the folder.
start_cleaner() {
    # shellcheck disable=SC2016 # the other shell's
    setsid bash -c 'tail --pid="$1" --follow /dev/null; sleep 0.5; rm -rf "$2"' cleaner $$ "$folder" \
        </dev/null >/dev/null 2>&1 &
    disown
}

main() {
    parse "$@"
    need
    helpers=()
    folder=$(mktemp -d /tmp/hosts.XXXXXX)
    trap 'finish $?' EXIT
    trap 'finish 129' HUP
    trap 'finish 130' INT
    trap 'finish 143' TERM
    start_cleaner
    write_programs
    write_host_files
    start_hosts
    settings
    local code=0
    # in the background, so that a signal ends the wait
    setpriv --pdeathsig KILL "$folder/bin/run_on" h1 "$PWD" "${command[@]}" <&0 &
    helpers+=("$!")
    wait $! || code=$?
    exit "$code"
}

main "$@"
