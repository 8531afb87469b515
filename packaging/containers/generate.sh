#!/usr/bin/env bash
# Writes Dockerfile and mnist_dist.def from recipe.py.
set -euo pipefail

if [[ ${1-} == -* ]]; then
    cat <<'END'
Usage: packaging/containers/generate.sh [FOLDER]

Writes Dockerfile, and mnist_dist.def for Apptainer, from recipe.py into FOLDER (where the recipe lies). Needs HPCCM:
pip install hpccm
END
    [[ $1 == --help ]] && exit 0 || exit 64
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(cd "${1-$here}" && pwd)
command -v hpccm >/dev/null || {
    echo 'hpccm was not found: pip install hpccm' >&2
    exit 69
}
cd "$here/../.."
hpccm --recipe packaging/containers/recipe.py --format docker >"$folder/Dockerfile"
hpccm --recipe packaging/containers/recipe.py --format singularity --singularity-version 3.8 >"$folder/mnist_dist.def"
