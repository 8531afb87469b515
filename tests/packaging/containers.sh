#!/usr/bin/env bash
# The images: Dockerfile and Apptainer's definition are those of the recipe, and do the same. buildah builds the image on a bare
# Debian that is made here, and the program trains in it to the bits of this build.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
recipes=$SOURCE_DIR/packaging/containers

# ---- the recipe ----

packaging_python
PATH=${python%/*}:$PATH
mkdir "$scratch/generated"
"$recipes/generate.sh" "$scratch/generated"
# generated FILE...: these files are what the recipe gives
generated() {
    local file
    for file; do
        diff "$file" "$scratch/generated/${file##*/}" >"$scratch/output" || return 1
    done
}
generated "$recipes"/{Dockerfile,mnist_dist.def} || { cat "$scratch/output"; die 'run packaging/containers/generate.sh'; }
mkdir "$scratch/bad"
sed 's/^FROM .*/FROM debian:old/' "$recipes/Dockerfile" >"$scratch/bad/Dockerfile"
! generated "$scratch/bad/Dockerfile" || die 'another Dockerfile passes'

# steps FILE: what it does in each stage, in the words that both have: files it copies, commands it runs
steps() {
    "$python" "$(dirname "${BASH_SOURCE[0]}")/steps.py" "$1"
}
steps "$recipes/Dockerfile" >"$scratch/steps"
((($(wc -l <"$scratch/steps")) > 20)) || die 'too few steps'
diff <(steps "$recipes/mnist_dist.def") "$scratch/steps" || die 'Dockerfile and definition do not do the same'
sed 's/--preset package/--preset release/' "$recipes/mnist_dist.def" >"$scratch/bad/mnist_dist.def"
! diff <(steps "$scratch/bad/mnist_dist.def") "$scratch/steps" >"$scratch/output" || die 'another definition passes'

# ---- the image ----

need_root
command -v buildah >/dev/null || skip 'buildah is not installed'
make_root
build() { buildah --root "$scratch/storage" --runroot "$scratch/run" "$@"; }
trap 'build rm --all >/dev/null 2>&1 || true; build rmi --all --force >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT
quietly() { build "$@" >"$scratch/output" 2>&1 || { tail -n 40 "$scratch/output"; die "buildah $1"; }; }

# the name that FROM takes, for the release of Debian of this machine
image=docker.io/library/$(sed -n '0,/^FROM/s/^FROM \([^ ]*\).*/\1/p' "$recipes/Dockerfile")
quietly from --name base scratch
quietly add --quiet base "$root" /
quietly commit --quiet base "$image"
quietly bud --isolation chroot --pull-never --tag mnist_dist --file "$recipes/Dockerfile" "$SOURCE_DIR"
quietly from --name here localhost/mnist_dist
[[ $(build inspect --format '{{.OCIv1.Config.Entrypoint}}' here) == '[mnist_dist]' ]] || die 'the image does not start mnist_dist'

# run COMMAND...: in the image
run() { quietly run --isolation chroot --workingdir /root here -- "$@"; }
small=(--data synthetic --limit 1000 --model cnn --max-steps 5 --threads 1)
run mnist_dist "${small[@]}" --out one
run mpirun --oversubscribe --bind-to none -n 2 mnist_dist "${small[@]}" --out two
run mnist_dist verify one two
train 1x1 built "${small[@]}"
cp -r "$(build mount here)/root/one" "$scratch/image"
[[ $(result built parameters_digest) == $(result image parameters_digest) ]] || die 'the image computes other bits than this build'
