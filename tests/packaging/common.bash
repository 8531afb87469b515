# Sourced first by the scripts of this folder: a bare Debian in a folder, in which packages are installed and recipes are run.
# shellcheck shell=bash

# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
: "${BUILD_DIR:?the build folder}"
# shellcheck source=../interop/python.bash
source "$SOURCE_DIR/tests/interop/python.bash"
# shellcheck source=../../tools/dependencies.sh
source "$SOURCE_DIR/tools/dependencies.sh"
root=$scratch/root
export LC_ALL=C.UTF-8

# packaging_python: sets $python to one that has HPCCM and EasyBuild
packaging_python() {
    venv_python packaging "$SOURCE_DIR/tests/packaging/requirements.txt"
}

# need_root: skips where no Debian can be made
need_root() {
    ((EUID == 0)) || skip 'only root can make a Debian in a folder'
    command -v mmdebstrap >/dev/null || skip 'mmdebstrap is not installed'
    # shellcheck source=/dev/null
    suite=$(. /etc/os-release && [[ $ID == debian ]] && echo "$VERSION_CODENAME") || skip 'this is not Debian'
}

# make_root: unpacks the host's release of Debian, with its essential packages and apt alone, to $root. It is made once, from the
# server of the host's own packages.
make_root() {
    local archive=$BUILD_DIR/packaging/$suite.tar
    local -a mirror
    if [[ ! -s $archive ]]; then
        mkdir -p "$BUILD_DIR/packaging"
        debian_mirror "$suite"
        mmdebstrap --variant=minbase --mode=root --aptopt='Acquire::Retries "3"' "$suite" "$archive.partial.tar" "${mirror[@]}" \
            >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'mmdebstrap'; }
        mv "$archive.partial.tar" "$archive"
    fi
    mkdir "$root"
    tar --extract --file "$archive" --directory "$root" --numeric-owner
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no daemon is started
    chmod 755 "$root/usr/sbin/policy-rc.d"
}

# inside COMMAND...: runs it in $root, with processes, mounts and shared memory of its own, which end with it
inside() {
    # shellcheck disable=SC2016 # expanded there
    unshare --mount --pid --ipc --fork --kill-child bash -euc '
        mount -t proc proc "$0/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm"
        exec chroot "$0" "$@"' "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        "${proxies[@]}" "$@" >"$scratch/output" 2>&1 </dev/null
}
mapfile -t proxies < <(env | grep -iE '^(http|https|no)_proxy=' || true)

# must COMMAND...: inside, and it must succeed
must() {
    inside "$@" || { tail -n 40 "$scratch/output"; die "in the bare Debian: $*"; }
}
