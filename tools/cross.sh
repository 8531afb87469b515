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
and runs in the emulator: the tests of the labels unit, ref and grad, of long sweeps a part, then `mnist_dist selftest` for each
NAME. Exit code 0: all tests pass, and the bits are the published ones. Works on Debian 12 and newer, as root or with sudo.

Without NAMEs the trainings are those that the emulator does in minutes: each preset for 40 steps, of some with few images a step.
END
}

libraries=(
    libc6-dev libgomp1 libopenmpi-dev libblis-openmp-dev libhdf5-dev libjansson-dev libxxhash-dev
    librandom123-dev zlib1g-dev libpng-dev libzip-dev libcmocka-dev
)

# make_root FOLDER ARCHITECTURE SUITE PACKAGE...: unpacks packages and what they need into build/roots/FOLDER, once. They are
# those of the release as it is; its updates are on servers that a mirror may lack, or have of another day.
make_root() {
    local folder=build/roots/$1 log=build/roots/$1.log name
    local -a mirror
    [[ ! -e $folder/complete ]] || return 0
    rm -rf "$folder"
    say "unpacking packages of Debian $3 for $2 into $folder"
    debian_mirror "$3"
    local IFS=,
    mmdebstrap --variant=extract --aptopt='Acquire::Retries "3"' --architectures="$2" --include="${*:4}" "$3" "$folder" \
        "${mirror[@]}" >"$log" 2>&1 || { tail -n 30 "$log" >&2 && return 1; }
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

# train MACHINE NAME: one training of selftest
train() {
    local log=build/$1/selftest-$2.log
    "qemu-$1" -L "build/roots/$1" "build/$1/mnist_dist" selftest -t 1 "$2" >"$log" 2>&1 || { cat "$log" && return 1; }
    tail -n 2 "$log"
}

main() {
    [[ ${1-} != -h && ${1-} != --help ]] || { usage && exit 0; }
    local machine=${1-} architecture suite cores lock failed=0
    local -a names
    # The longest first. riscv64 is in no older Debian than 13; qemu of 13 takes half the time of that of 12.
    case $machine in
    aarch64) architecture=arm64 suite=bookworm names=(strong-few cnn lenet5 rnn lstm-few chain bf16-mlp mlp bf16-dense) ;;
    riscv64) architecture=riscv64 suite=trixie names=(strong-few lstm-few mlp cnn-few rnn-few lenet5-few) ;;
    *) say "which machine? See --help" && exit 64 ;;
    esac
    (($# == 1)) || names=("${@:2}")
    install_packages build test cross
    require_cmake
    mkdir -p build/roots
    exec {lock}>build/roots/lock # above 9: the descriptors below are those that apt's scripts can name
    flock "$lock"
    make_root "$machine" "$architecture" "$suite" "${libraries[@]}"
    make_root qemu "$(dpkg --print-architecture)" trixie qemu-user
    exec {lock}>&-
    export PATH=$PWD/build/roots/qemu/usr/bin:$PATH
    build_preset "$machine"
    cores=$(usable_cores)
    ctest --preset "$machine" --parallel "$cores" || failed=1
    # an older processor, which flushes denormals before it rounds; qemu's own flushes as x86 does
    [[ $machine != aarch64 ]] || QEMU_CPU=neoverse-n1 ctest --preset "$machine" -R 'ref/(kernel|model)_flush' || failed=1
    export -f train
    # shellcheck disable=SC2016 # expanded there
    printf '%s\n' "${names[@]}" | xargs --max-args=1 --max-procs="$cores" bash -c 'train "$0" "$1"' "$machine" || failed=1
    return "$failed"
}

main "$@"
