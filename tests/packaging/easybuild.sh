#!/usr/bin/env bash
# EasyBuild's easyconfig: EasyBuild reads it, accepts its style, and has a recipe of its own for everything that it needs.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
[[ -r /usr/share/lmod/lmod/init/bash ]] || skip 'lmod is not installed'
packaging_python
PATH=${python%/*}:$PATH
export EASYBUILD_PREFIX=$scratch/easybuild EASYBUILD_MODULES_TOOL=Lmod LMOD_CMD=/usr/share/lmod/lmod/libexec/lmod
((EUID != 0)) || export EASYBUILD_ALLOW_USE_AS_ROOT_AND_ACCEPT_CONSEQUENCES=1

version=$("$MNIST_DIST" --version | sed -n '1s/^[^ ]* \([0-9.]*\).*/\1/p')
recipe=$(echo "$SOURCE_DIR"/packaging/easybuild/mnist_dist-"$version"-*.eb)
[[ -r $recipe ]] || die "no easyconfig of version $version"
eb --check-style "$recipe" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'style'; }
# resolves RECIPE: with all that it needs
resolves() { eb --dry-run --robot "$1" >"$scratch/output" 2>&1; }
resolves "$recipe" || { cat "$scratch/output"; die 'eb --dry-run'; }
for name in BLIS HDF5 OpenMPI Jansson xxHash random123 "mnist_dist/$version"; do
    says "(module: $name"
done

bad=$scratch/${recipe##*/}
sed "s/('BLIS', '[^']*')/('BLIS', '77.0')/" "$recipe" >"$bad"
! resolves "$bad" || die 'a BLIS that EasyBuild does not have passes'
says 'BLIS/77.0'
sed "s/^name = 'mnist_dist'/name='mnist_dist'/" "$recipe" >"$bad"
refused 1 'E225' eb --check-style "$bad"
