# Sourced by the other scripts: Debian and Ubuntu packages in tiers, and their installation.
# shellcheck shell=bash

# Not every tier is named by every script that sources this.
# shellcheck disable=SC2034
{
    tier_build=(
        gcc libc6-dev cmake ninja-build pkg-config libopenmpi-dev openmpi-bin libblis-openmp-dev
        libhdf5-dev librandom123-dev libxxhash-dev libjansson-dev zlib1g-dev
        libdeflate-dev libpng-dev libzip-dev
    )
    tier_data=(curl ca-certificates gzip)
    tier_fashion=(dataset-fashion-mnist)
    tier_report=(
        python3 python3-h5py python3-numpy python3-pandas python3-matplotlib python3-seaborn
        python3-sklearn python3-scipy python3-pil python3-rich
    )
    tier_test=(
        git libcmocka-dev python3-venv python3-pip python3-setuptools python3-wheel hdf5-tools
        clang-format shellcheck help2man make
    )
    tier_extra=(
        mpich libmpich-dev libhdf5-openmpi-dev libhdf5-mpich-dev libblis-serial-dev gcc-11 ccache
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross clang clang-tidy libomp-dev
        valgrind chromium libsimgrid-dev
    )
    tier_cross=(
        mmdebstrap debian-archive-keyring gcc-aarch64-linux-gnu libc6-dev-arm64-cross
        gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
    )
    tier_slurm=(slurmctld slurmd slurm-client munge)
    tier_hosts=(iproute2 util-linux procps python3)
    tier_deb=(dpkg-dev file help2man)
    tier_packaging=(lintian mmdebstrap buildah util-linux binutils lmod tcl python3-venv)
}

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# packages_of TIER...: the packages of these tiers, one a line
packages_of() {
    local tier
    for tier in "$@"; do
        local -n packages="tier_$tier"
        printf '%s\n' "${packages[@]}"
    done
}

# missing_packages PACKAGE...: those that are not installed. Asks dpkg's data base alone: no network, no lock.
missing_packages() {
    local package state
    for package in "$@"; do
        state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=absent
        [[ $state == installed ]] || printf '%s\n' "$package"
    done
}

# become_root: sets as_root to what makes a command run as root; fails where there is no way
become_root() {
    as_root=()
    ((EUID == 0)) && return 0
    command -v sudo >/dev/null || return 1
    as_root=(sudo)
    # Without a terminal a password prompt would wait for ever.
    sudo -n true 2>/dev/null || [[ -t 0 ]]
}

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
        -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 \
        -o Acquire::Retries=2 "$@" </dev/null
}

# debian_mirror SUITE: sets `mirror` to the line of sources.list with which apt of this machine gets Debian; empty where it
# gets another system
debian_mirror() {
    local uri
    # shellcheck disable=SC2016 # apt replaces them
    uri=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian Debian //p' | sort -u | sed -n 1p)
    mirror=()
    [[ -z $uri ]] || mirror=("deb $uri $1 main")
}

# install_packages TIER...: makes the tiers complete. 0: they are; 69: no right to install; 1: apt failed.
install_packages() {
    local -a wanted missing
    mapfile -t wanted < <(packages_of "$@")
    if ! command -v dpkg-query >/dev/null; then
        say "no dpkg here: the following, under this system's names, must be installed: ${wanted[*]}"
        return 0
    fi
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    ((${#missing[@]})) || return 0
    if ! become_root; then
        say "packages are missing, and there is neither root nor sudo to install them. As root:"
        printf 'apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2
        return 69
    fi
    say "installing ${missing[*]}"
    apt_get update || say "warning: apt-get update failed; going on with the package lists that are here"
    apt_get install --no-install-recommends "${missing[@]}" >/dev/null && return 0
    say "apt-get could not install: ${missing[*]}"
    return 1
}
