# Sourced by the other scripts: what this machine offers, and how Open MPI wants to be called on it.
# shellcheck shell=bash

# quota_below FOLDER PATH: the CPU quota in whole cores that the cgroup at FOLDER/PATH or a parent of it sets, rounded
# up; nothing where there is none. cgroup v2 has cpu.max ("quota period"), v1 a file for each.
quota_below() {
    local folder=$1 path=$2 quota period least=''
    while :; do
        quota=max
        if [[ -r $folder$path/cpu.max ]]; then
            read -r quota period <"$folder$path/cpu.max"
        elif [[ -r $folder$path/cpu.cfs_quota_us ]]; then
            read -r quota <"$folder$path/cpu.cfs_quota_us"
            read -r period <"$folder$path/cpu.cfs_period_us"
        fi
        if [[ $quota != max && $quota -gt 0 ]]; then
            quota=$(((quota + period - 1) / period))
            [[ -n $least && $least -le $quota ]] || least=$quota
        fi
        [[ -n $path && $path != / ]] || break
        path=${path%/*}
    done
    printf '%s' "$least"
}

# usable_cores: cores allowed by the affinity mask and by the cgroup's quota, which nproc does not know
usable_cores() {
    local cores quota line path
    cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
    while IFS= read -r line; do
        path=${line#*:*:}
        case $line in
        0::*) quota=$(quota_below /sys/fs/cgroup "$path") ;;
        *:cpu:* | *:cpu,* | *,cpu:*) quota=$(quota_below /sys/fs/cgroup/cpu "$path") ;;
        *) continue ;;
        esac
        [[ -z $quota || $quota -ge $cores ]] || cores=$quota
    done < <(cat /proc/self/cgroup 2>/dev/null)
    printf '%s\n' "$cores"
}

# prepare_mpi: sets mpirun (an array: program and options), and what Open MPI needs on this machine, for this process
# and its children alone
prepare_mpi() {
    # Where MPICH is installed too, the plain name may be its.
    local program
    program=$(command -v mpirun.openmpi || command -v mpirun) || {
        printf '%s: no mpirun on PATH\n' "${0##*/}" >&2
        return 69
    }
    # shellcheck disable=SC2034
    mpirun=("$program" --oversubscribe --bind-to none)
    if ((EUID == 0)); then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    # Containers often have 64 MB in /dev/shm; Open MPI dies on a full one.
    local free_kib
    free_kib=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1) || free_kib=0
    if ((free_kib < 128 * 1024)); then
        export OMPI_MCA_btl_vader_backing_directory=/tmp
    fi
    # Its session folder holds sockets, whose paths may have 107 characters.
    local folder=${TMPDIR:-/tmp}
    ((${#folder} <= 40)) || export TMPDIR=/tmp
}

# use_ccache: where ccache is installed, what one build folder has compiled is not compiled again in the next: the presets dev,
# mpich, release and package have most of their objects in common, apart from -Werror. What -Werror refuses is not stored.
use_ccache() {
    [[ -z ${CMAKE_C_COMPILER_LAUNCHER-} ]] && command -v ccache >/dev/null || return 0
    export CMAKE_C_COMPILER_LAUNCHER=ccache CCACHE_DIR=$PWD/build/ccache CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
    export CCACHE_IGNOREOPTIONS=-Werror CCACHE_SLOPPINESS=locale # tests have a locale of their own
}

# build_preset PRESET [OPTION...]: configures, its words shown only when it fails, and builds; OPTION: of cmake --build.
# Configured every time: it takes half a second, and an edited preset is not noticed otherwise.
build_preset() {
    local log=build/$1.configure.log
    mkdir -p build
    cmake --preset "$1" >"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
    cmake --build --preset "$1" --parallel "$(usable_cores)" "${@:2}"
}

# require_cmake: presets with workflows need CMake 3.25
require_cmake() {
    local version
    version=$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p')
    [[ $(printf '%s\n' 3.25 "${version:-0}" | sort -V | head -n 1) == 3.25 ]] && return 0
    cat >&2 <<END
${0##*/}: CMake ${version:-(none)} was found; 3.25 or newer is needed. A newer one, for this folder alone:
  python3 -m venv build/cmake && build/cmake/bin/pip install 'cmake>=3.25'
  PATH="\$PWD/build/cmake/bin:\$PATH" $0
END
    return 69
}
