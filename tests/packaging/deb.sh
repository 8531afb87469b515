#!/usr/bin/env bash
# The .deb: lintian accepts it; on a bare Debian apt installs it with all that it needs, a user trains there to the bits of this
# build, alone and on two ranks; and apt removes it without a trace.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
need_root
command -v lintian >/dev/null || skip 'lintian is not installed'

# ---- the package ----

cd "$SOURCE_DIR"
rm -f build/package/*.deb
cmake --workflow --preset package >"$scratch/output" 2>&1 || { tail -n 40 "$scratch/output"; die 'cmake --workflow --preset package'; }
deb=$(echo build/package/mnist-dist_*_"$(dpkg --print-architecture)".deb)
[[ -s $deb ]] || die "no package: $deb"

# clean DEB: lintian finds no error and nothing to warn of
clean() {
    lintian --allow-root --fail-on error,warning "$1" >"$scratch/output" 2>&1
}
clean "$deb" || { cat "$scratch/output"; die 'lintian'; }
dpkg-deb --raw-extract "$deb" "$scratch/bad"
gunzip "$scratch/bad/usr/share/man/man1/mnist_dist.1.gz"
rm "$scratch/bad/usr/share/doc/mnist-dist/copyright" "$scratch/bad/usr/share/lintian/overrides/mnist-dist"
dpkg-deb --build "$scratch/bad" "$scratch/bad.deb" >/dev/null
! clean "$scratch/bad.deb" || die 'lintian lets a bad package pass'
for tag in uncompressed-manual-page no-copyright-file bogus-mail-host; do
    says "$tag"
done
! readelf -d "$scratch/bad/usr/bin/mnist_dist" | grep -E 'R(UN)?PATH' || die 'a path to libraries'

# ---- a bare Debian ----

make_root
installed() { dpkg-query --root="$root" -W -f '${Package} ${db:Status-Status}\n'; }
files() { (cd "$root" && find . -xdev -iname '*mnist*' ! -path './home/*'); }
must apt-get update
must useradd --create-home user
before=$(installed)
cp "$deb" "$root/home/mnist-dist.deb"
must apt-get install --yes --no-install-recommends /home/mnist-dist.deb
must dpkg --verify mnist-dist
for file in usr/share/man/man1/mnist_dist-train.1.gz usr/share/bash-completion/completions/mnist_dist \
    usr/share/doc/mnist-dist/{copyright,changelog.gz,README.md,docs/training.md} usr/share/mnist_dist/jobs/train.sbatch; do
    [[ -s $root/$file ]] || die "$file is not installed"
done

small=(--data synthetic --limit 1000 --model cnn --max-steps 5)
must su user -c "cd && mnist_dist ${small[*]} --threads 1 --out one"
must su user -c "cd && mpirun --oversubscribe --bind-to none -n 2 mnist_dist ${small[*]} --threads 1 --out two"
must su user -c 'cd && mnist_dist verify one two'
train 1x1 here "${small[@]}"
cp -r "$root/home/user/one" "$scratch/there"
[[ $(result here parameters_digest) == $(result there parameters_digest) ]] || die 'the package computes other bits than this build'
must su user -c 'cd && mnist_dist export one -o one.keras'
# the job files find the program that was installed with them
# shellcheck disable=SC2016 # expanded there
must su user -c 'bash -euo pipefail -c "JOB_PROJECT=/usr/share/mnist_dist
    source \$JOB_PROJECT/jobs/common.sh && prepare_job && cd / && \$JOB_PROGRAM --version"'
says 'mnist_dist '

must apt-get purge --yes --autoremove mnist-dist
[[ $(installed) == "$before" ]] || { diff <(echo "$before") <(installed); die 'packages are left'; }
[[ -z $(files) ]] || { files; die 'files are left'; }
