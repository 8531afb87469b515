#!/usr/bin/env bash
# Builds for another kind of processor, and runs tests and selftest in an emulator.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=dependencies.sh
source tools/dependencies.sh
# shellcheck source=environment.sh
source tools/environment.sh

usage() {
    cat <<'END'
Usage: tools/cross.sh aarch64|riscv64 [NAME...]

Installs Debian's cross compiler, unpacks the libraries of the other machine and qemu into build/roots, builds build/MACHINE,
and runs in the emulator: the tests of the labels unit, ref and grad, then `mnist_dist selftest NAME...`. Exit code 0: all
tests pass, and the bits are the published ones. Works on Debian 12 and newer, as root or with sudo.

Without NAMEs the trainings are the presets that the emulator does in minutes.
END
}

libraries=(
    libc6-dev libgomp1 libopenmpi-dev libblis-openmp-dev libhdf5-dev libjansson-dev libxxhash-dev
    librandom123-dev zlib1g-dev libpng-dev libzip-dev libcmocka-dev
)

# make_root FOLDER ARCHITECTURE SUITE PACKAGE...: unpacks packages and what they need into build/roots/FOLDER, once
make_root() {
    local folder=build/roots/$1 name
    [[ ! -e $folder/complete ]] || return 0
    rm -rf "$folder"
    say "unpacking packages of Debian $3 for $2 into $folder"
    local IFS=,
    mmdebstrap --quiet --variant=extract --architectures="$2" --include="${*:4}" "$3" "$folder"
    # In Debian 13 the scripts of a package make these links.
    for name in bin lib sbin; do
        [[ -e $folder/$name ]] || ln -s "usr/$name" "$folder/$name"
    done
    # Links such as libm.so -> /lib/aarch64-linux-gnu/libm.so.6 would lead out of the folder.
    local link
    find "$folder" -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
        ln -sfn "$PWD/$folder$(readlink "$link")" "$link"
    done
    touch "$folder/complete"
}

main() {
    [[ ${1-} != -h && ${1-} != --help ]] || { usage && exit 0; }
    local machine=${1-} architecture suite
    local -a names
    # riscv64 is in no older Debian than 13; qemu of 13 takes half the time of that of 12
    case $machine in
    aarch64) architecture=arm64 suite=bookworm names=(cnn lstm rnn mlp lenet5) ;;
    riscv64) architecture=riscv64 suite=trixie names=(rnn mlp) ;;
    *) say "which machine? See --help" && exit 64 ;;
    esac
    (($# == 1)) || names=("${@:2}")
    install_packages build test cross
    require_cmake
    mkdir -p build/roots
    {
        flock 9
        make_root "$machine" "$architecture" "$suite" "${libraries[@]}"
        make_root qemu "$(dpkg --print-architecture)" trixie qemu-user
    } 9>build/roots/lock
    export PATH=$PWD/build/roots/qemu/usr/bin:$PATH
    build_preset "$machine"
    ctest --preset "$machine" --parallel "$(usable_cores)"
    "qemu-$machine" -L "build/roots/$machine" "build/$machine/mnist_dist" selftest -t 1 "${names[@]}"
}

main "$@"
