#!/usr/bin/env bash
# Spack's recipe, as far as it can be tried without Spack: it names every library that CMake looks for, with the variants that leave
# some out, and its arguments configure this project.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
recipe=$SOURCE_DIR/packaging/spack/mnist_dist/package.py
read_recipe() { "$python" "$SOURCE_DIR/tests/packaging/spack_recipe.py" "$@"; }

# needed: the libraries that CMake looks for, by their names in Spack
needed() {
    { echo hdf5 && echo mpi && sed -n 's/^ *library(\([a-z0-9]*\).*/\1/p' "$SOURCE_DIR/cmake/Dependencies.cmake"; } |
        grep -vx cmocka | sed 's/^deflate$/libdeflate/; s/^png$/libpng/; s/^zip$/libzip/; s/^zlib$/zlib-api/' | sort
}
tools='^(c|cmake|pkgconfig|help2man)$'
libraries() { read_recipe "$@" | grep -vE "$tools" | sort; }
diff <(needed) <(libraries "$recipe" depends) || die 'other libraries than those of CMake'
diff <(needed | grep -vE '^lib(png|zip)$') <(libraries "$recipe" depends png keras) || die 'variants leave out other libraries'
sed '/"jansson"/d' "$recipe" >"$scratch/bad.py"
! diff <(needed) <(libraries "$scratch/bad.py" depends) >"$scratch/output" || die 'a recipe without a library passes'
refused 1 'no variant absent' read_recipe "$recipe" depends absent

# configure RECIPE VARIANT...: with its arguments, all of which CMake must know
configure() {
    local -a arguments
    mapfile -t arguments < <(read_recipe "$1" args "${@:2}")
    rm -rf "$scratch/build"
    cmake -S "$SOURCE_DIR" -B "$scratch/build" "${arguments[@]}" -D MPI_C_COMPILER="$mpicc" >"$scratch/output" 2>&1 &&
        ! grep -A3 'not used by the project' "$scratch/output"
}
mpicc=$(sed -n 's/^MPI_C_COMPILER:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
configure "$recipe" || { cat "$scratch/output"; die 'the arguments for CMake'; }
says 'libpng.pc'
configure "$recipe" png keras || { cat "$scratch/output"; die 'the arguments for CMake, without variants'; }
! grep -E 'libpng.pc|libzip.pc|cmocka' "$scratch/output" || die 'what was switched off is used'
sed 's/MNIST_DIST_PNG/MNIST_DIST_ABSENT/' "$recipe" >"$scratch/bad.py"
! configure "$scratch/bad.py" >"$scratch/seen" || die 'an unknown option of CMake passes'
