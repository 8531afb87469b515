#!/usr/bin/env bash
# The program is installed to a prefix, and runs from there without the build's environment.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
: "${BUILD_DIR:?the build folder}"
prefix=$scratch/prefix

cmake --install "$BUILD_DIR" --prefix "$prefix" >"$scratch/output" 2>&1 || { cat "$scratch/output"; die 'cmake --install'; }
mkdir "$scratch/home"
bare=(env -i PATH=/usr/bin:/bin HOME="$scratch/home" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
cd "$scratch/home"
"${bare[@]}" "$prefix/bin/mnist_dist" --data synthetic --limit 400 --epochs 1 --model mlp --threads 1 --out run >"$scratch/output" 2>&1 ||
    { cat "$scratch/output"; die 'the installed program'; }
"${bare[@]}" "$prefix/bin/mnist_dist" evaluate run >"$scratch/output" 2>&1 || die 'evaluate, installed'

# The folders of libraries outside of the system's own, such as Debian's BLIS.
blis=$(sed -n 's/^BLIS_LIBRARY:[A-Z]*=//p' "$BUILD_DIR/CMakeCache.txt")
if command -v readelf >/dev/null && [[ $(dirname "$blis") != /usr/lib* || $blis == */blis-openmp/* ]]; then
    readelf -d "$prefix/bin/mnist_dist" | grep -E 'R(UN)?PATH' | grep -qF "$(dirname "$blis")" || die 'the path to BLIS is not kept'
fi
for file in share/doc/mnist_dist/README.md share/doc/mnist_dist/docs/training.md share/mnist_dist/jobs/train.sbatch; do
    [[ -s $prefix/$file ]] || die "$file is not installed"
done
code=0
"$prefix/share/mnist_dist/tools/report.py" --help >"$scratch/output" 2>&1 || code=$?
[[ $code == 0 || $code == 66 ]] || { cat "$scratch/output"; die 'report.py, installed'; }
# the job files find the program that was installed with them
JOB_PROJECT=$prefix/share/mnist_dist bash -euo pipefail -c 'source "$JOB_PROJECT/jobs/common.sh"; prepare_job; "$JOB_PROGRAM" --version' \
    >"$scratch/output" || die 'jobs, installed'
