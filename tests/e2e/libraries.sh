#!/usr/bin/env bash
# Libraries are found wherever they lie: by pkg-config, by CMake's configuration, in a prefix, and where modules say; those of the
# user go before the system's. What is missing is told with its package; what is optional is left out, with what this costs.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# without FILE...: a folder of .pc files for pkg-config that lacks these
without() {
    local folder
    rm -rf "$scratch/pc"
    mkdir "$scratch/pc"
    for folder in $(pkg-config --variable pc_path pkg-config | tr : ' '); do
        [[ ! -d $folder ]] || find "$folder" -name '*.pc' -exec ln -sf -t "$scratch/pc" {} +
    done
    (cd "$scratch/pc" && rm -f "$@")
}

# configure OPTION...: a new build folder, from these .pc files
configure() {
    rm -rf "$scratch/build"
    PKG_CONFIG_LIBDIR="$scratch/pc" PKG_CONFIG_PATH='' cmake -S "$SOURCE_DIR" -B "$scratch/build" "$@" >"$scratch/output" 2>&1
}
# the same without tests, which must succeed; finds OPTION... -- WORDS...: and then says these
finds() {
    local -a options=()
    while [[ $1 != -- ]]; do options+=("$1") && shift; done
    configure -D MNIST_DIST_TESTS=OFF "${options[@]}" || { cat "$scratch/output"; die "not configured: ${options[*]}"; }
    shift
    for words; do says "$words"; done
}
unset HDF5_ROOT CPATH C_INCLUDE_PATH LIBRARY_PATH CMAKE_PREFIX_PATH

# ---- what is missing ----

gone=(-D CMOCKA_INCLUDE_DIR=OFF -D PNG_INCLUDE_DIR=OFF -D ZIP_INCLUDE_DIR=OFF -D CMAKE_DISABLE_FIND_PACKAGE_cmocka=ON
    -D CMAKE_DISABLE_FIND_PACKAGE_libzip=ON -D CMAKE_DISABLE_FIND_PACKAGE_PNG=ON)
without cmocka.pc
refused 1 'cmocka was not found' configure "${gone[@]}"
says 'apt-get install libcmocka-dev'
says 'dnf install libcmocka-devel'
says 'MNIST_DIST_TESTS=OFF'
says 'CMAKE_PREFIX_PATH'
says 'PKG_CONFIG_PATH'

# libpng and libzip are optional for the program, not for its tests
without cmocka.pc libpng.pc libpng16.pc libzip.pc libdeflate.pc
finds "${gone[@]}" -D DEFLATE_INCLUDE_DIR=OFF -- 'png was not found: predict will read no PNG pictures' 'dnf install libpng-devel' \
    'zip was not found: it will write and read no .keras files' 'apt-get install libzip-dev' \
    'deflate was not found: it will unpack .gz files at half the speed' 'apt-get install libdeflate-dev'
refused 1 'png was not found' configure "${gone[@]}"
says 'MNIST_DIST_TESTS=OFF'

# ---- HDF5 has many names ----

without
find "$scratch/pc" -name 'hdf5*.pc' -delete
if command -v h5cc >/dev/null; then
    finds --
    grep -qE 'HDF5 [0-9.]+ .FindHDF5' "$scratch/output" || { cat "$scratch/output"; die 'HDF5 by h5cc'; }
fi
serial=$(pkg-config --variable pcfiledir hdf5-serial)/hdf5-serial.pc
[[ -e $serial ]] || skip 'hdf5-serial.pc is not installed: the rest is written for the packages of Debian'
ln -sf "$serial" "$scratch/pc/hdf5.pc"
finds -- '(hdf5.pc), serial'
# one that is linked with another MPI is passed over, with the reason
without
other=$(find "$scratch/pc" -name hdf5-mpich.pc)
if [[ $("$launcher" --version) =~ Open\ ?MPI|OpenRTE && -n $other ]]; then
    find "$scratch/pc" -name 'hdf5*.pc' ! -name hdf5-mpich.pc ! -name hdf5-openmpi.pc -delete
    mv "$scratch/pc/hdf5-mpich.pc" "$scratch/pc/hdf5.pc"
    finds -- 'HDF5 of hdf5.pc needs libmpich.so' '(hdf5-openmpi.pc), parallel'
else
    echo 'no HDF5 for MPICH is installed: not tried'
fi

# ---- folders of the user ----

# A prefix without .pc files: HDF5, BLIS as AMD calls it, and libpng. The system's .pc files are there, too.
prefix=$scratch/prefix
mkdir -p "$prefix/lib" "$prefix/include/blis"
include=$(pkg-config --cflags-only-I hdf5-serial | sed 's/-I//; s/ *$//') library=$(pkg-config --libs-only-L hdf5-serial | sed 's/-L//; s/ *$//')
cp "$include"/*.h "$prefix/include"
ln -s "$(realpath "$library/libhdf5.so")" "$prefix/lib/libhdf5.so"
blis=$(sed -n 's/^BLIS_LIBRARY:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
cp "$(sed -n 's/^BLIS_INCLUDE_DIR:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")/blis.h" "$prefix/include/blis"
ln -s "$(realpath "$blis")" "$prefix/lib/libblis-mt.so"
png=$(pkg-config --variable libdir libpng)/libpng.so
cp "$(pkg-config --variable includedir libpng)"/png*.h "$prefix/include"
ln -s "$(realpath "$png")" "$prefix/lib/libpng.so"
rm -rf "$scratch/pc"
# in_prefix OPTION...: the three are taken from there, the others from the system
in_prefix() {
    rm -rf "$scratch/build"
    cmake -G 'Unix Makefiles' -S "$SOURCE_DIR" -B "$scratch/build" -D MNIST_DIST_TESTS=OFF "$@" >"$scratch/output" 2>&1 ||
        { cat "$scratch/output"; die "a prefix: $*"; }
    says "blis ($prefix/lib/libblis-mt.so)"
    says "png ($prefix/lib/libpng.so)"
    says '(FindHDF5), serial'
    says '(jansson.pc)'
    grep -q "^HDF5_C_INCLUDE_DIR:PATH=$prefix/include" "$scratch/build/CMakeCache.txt" || die 'another HDF5'
}
in_prefix -D CMAKE_PREFIX_PATH="$prefix"
CPATH=$prefix/include LIBRARY_PATH=$prefix/lib in_prefix
# the folder of LIBRARY_PATH is kept in the program, for the loader
grep -q "rpath,[^ ]*$prefix/lib" "$scratch/build/src/CMakeFiles/mnist_dist.dir/link.txt" || die 'the prefix is not in the RPATH'

# a .pc file in PKG_CONFIG_PATH goes before the system's, under whatever name
mkdir "$scratch/module"
sed 's/^Version: .*/Version: 9.8.7/' "$serial" >"$scratch/module/hdf5.pc"
rm -rf "$scratch/build"
PKG_CONFIG_PATH=$scratch/module cmake -S "$SOURCE_DIR" -B "$scratch/build" -D MNIST_DIST_TESTS=OFF >"$scratch/output" 2>&1 ||
    { cat "$scratch/output"; die 'PKG_CONFIG_PATH'; }
says 'HDF5 9.8.7 (hdf5.pc)'

# without pkg-config all are found all the same
without
finds -D CMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON -- 'jansson (/' 'zip (/' '(FindHDF5)'

# ---- MPI: the mpicc of a module, which stands first in PATH, and that of MPI_HOME; its launcher with it ----

mkdir -p "$scratch/module/bin"
ln -s "$(command -v mpicc.openmpi || command -v mpicc)" "$scratch/module/bin/mpicc"
ln -s "$(command -v mpiexec.openmpi || command -v mpiexec)" "$scratch/module/bin/mpiexec"
PATH=$scratch/module/bin:$PATH finds -- "($scratch/module/bin/mpicc)"
MPI_HOME=$scratch/module finds -- "($scratch/module/bin/mpicc)"
grep -q "^MPIEXEC_EXECUTABLE:FILEPATH=$scratch/module/bin/mpiexec" "$scratch/build/CMakeCache.txt" || die 'the launcher of another MPI'
