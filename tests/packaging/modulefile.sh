#!/usr/bin/env bash
# The modulefile that is installed: Lmod and Environment Modules load it, the program runs, and it is unloaded.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

cmake --install "$BUILD_DIR" --prefix "$scratch/prefix" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'cmake --install'; }
modules=$scratch/prefix/share/mnist_dist/modulefiles
version=$("$MNIST_DIST" --version | sed -n '1s/^[^ ]* \([0-9.]*\).*/\1/p')

# check TOOL INIT: in a new shell, with the function `module` that INIT defines
check() {
    env -i PATH=/usr/bin:/bin HOME="$scratch" MODULEPATH='' bash --norc -c "
        $2
        set -e
        before=\$PATH
        module use $modules
        module load mnist_dist
        [[ \$(type -P mnist_dist) == $scratch/prefix/bin/mnist_dist && \$MANPATH == *$scratch/prefix/share/man* ]]
        [[ \$MNIST_DIST_ROOT == $scratch/prefix ]]
        mnist_dist --version
        module whatis mnist_dist 2>&1
        module help mnist_dist 2>&1
        module unload mnist_dist
        [[ \$PATH == \"\$before\" && -z \${MNIST_DIST_ROOT-} ]]
        echo unloaded
    " >"$scratch/output" 2>&1 || { cat "$scratch/output"; die "$1"; }
    says "mnist_dist $version"
    says "mnist_dist $version: data-parallel"
    says "$scratch/prefix/share/mnist_dist/jobs"
    says unloaded
}
lmod=/usr/share/lmod/lmod/init/bash
[[ -r $lmod ]] || skip 'lmod is not installed'
check Lmod "source $lmod"

# The packages of the two exclude each other: that of Environment Modules is only unpacked.
command -v tclsh >/dev/null || skip 'tclsh is not installed'
(cd "$scratch" && apt-get download environment-modules && dpkg-deb --extract environment-modules_*.deb unpacked) >"$scratch/output" 2>&1 ||
    { cat "$scratch/output"; skip 'environment-modules cannot be had'; }
tcl=$(echo "$scratch"/unpacked/usr/lib/*/modulecmd.tcl)
# shellcheck disable=SC2016 # expanded there
check 'Environment Modules' "module() { eval \"\$(tclsh $tcl bash \"\$@\")\"; }"
