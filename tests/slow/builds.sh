#!/usr/bin/env bash
# Builds as sites make them give the same bits: another compiler, generator, build type, BLIS and HDF5, and no libpng and libzip,
# whose commands then say what is missing. The libraries lie in a prefix of their own; what is installed finds them there.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"

compiler=$(command -v gcc-11) || skip 'gcc-11 is not installed'
folder=$(dirname "$(sed -n 's/^BLIS_LIBRARY:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")")
[[ -e ${folder/openmp/serial}/libblis.so ]] || skip 'libblis-serial-dev is not installed'
pkg-config --exists hdf5-openmpi || skip 'libhdf5-openmpi-dev is not installed'
prefix=$scratch/prefix
mkdir -p "$prefix/lib/pkgconfig" "$prefix/include/blis"
cp "$(find /usr/include -path '*blis-serial/blis.h')" "$prefix/include/blis"
cp "${folder/openmp/serial}/libblis.so.4" "$prefix/lib/libblis.so.4"
ln -s libblis.so.4 "$prefix/lib/libblis.so"
cp "$(pkg-config --variable pcfiledir hdf5-openmpi)/hdf5-openmpi.pc" "$prefix/lib/pkgconfig/hdf5.pc"

build=$scratch/build
cmake -G 'Unix Makefiles' -S "$SOURCE_DIR" -B "$build" -D CMAKE_C_COMPILER="$compiler" -D CMAKE_BUILD_TYPE=Debug \
    -D CMAKE_PREFIX_PATH="$prefix" -D MNIST_DIST_TESTS=OFF -D MNIST_DIST_PNG=OFF -D MNIST_DIST_ZIP=OFF -D MNIST_DIST_WERROR=ON \
    >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'not configured'; }
says "blis ($prefix/lib/libblis.so)"
says '(hdf5.pc), parallel'
cmake --build "$build" --parallel "$(nproc)" >"$scratch/output" 2>&1 || { tail -n 30 "$scratch/output"; die 'not built'; }
cmake --install "$build" --prefix "$scratch/installed" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'not installed'; }
ldd "$scratch/installed/bin/mnist_dist" >"$scratch/output"
says "$prefix/lib/libblis.so.4"

training=(--data synthetic --max-steps 40 --model cnn)
train 1x2 here "${training[@]}"
MNIST_DIST=$scratch/installed/bin/mnist_dist
train 2x1 there "${training[@]}"
[[ $(result here parameters_digest) == $(result there parameters_digest) ]] || die 'another build, other bits'
echo "the same bits: $(result here parameters_digest)"

# what was left out
on 1x1 --version || die '--version'
says 'without  libpng and libzip: no PNG pictures, no .keras files'
refused 64 'was built without libpng' "$MNIST_DIST" predict "$scratch/there" "$SOURCE_DIR/docs/images/overview.png"
refused 64 'was built without libzip' "$MNIST_DIST" export "$scratch/there" -o "$scratch/there.keras"
[[ ! -e $scratch/there.keras ]] || die 'a .keras file'
printf 'PK\003\004' >"$scratch/archive.keras"
refused 64 'was built without libzip' "$MNIST_DIST" evaluate "$scratch/archive.keras"
"$MNIST_DIST" export "$scratch/there" -o "$scratch/there.weights.h5" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'export to .weights.h5'; }
