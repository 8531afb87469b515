#!/usr/bin/env bash
# CITATION.cff is valid, as cffconvert says, and has the version of the program.
set -euo pipefail
: "${SOURCE_DIR:?the folder of the project}" "${BUILD_DIR:?the build folder}" "${MNIST_DIST:?the program}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
venv=$BUILD_DIR/venv-citation
(
    flock 9
    [[ -e $venv/complete ]] && exit 0
    rm -rf "$venv"
    /usr/bin/python3 -m venv "$venv" >"$venv.log" 2>&1 &&
        "$venv/bin/pip" install --quiet --retries 1 --timeout 20 cffconvert==2.0.0 'setuptools<81' >>"$venv.log" 2>&1 &&
        touch "$venv/complete"
) 9>"$venv.lock" || { echo "SKIP: cffconvert could not be installed: $(tail -n 1 "$venv.log")"; exit 77; }

valid() {
    "$venv/bin/cffconvert" --validate -i "$1" >"$scratch/said" 2>&1
}
valid "$SOURCE_DIR/CITATION.cff" || { tail -n 5 "$scratch/said"; exit 1; }
grep -v '^authors:\|^  - name' "$SOURCE_DIR/CITATION.cff" >"$scratch/CITATION.cff"
! valid "$scratch/CITATION.cff" || { echo 'a citation without authors passes'; exit 1; }
version=$(sed -n 's/^version: //p' "$SOURCE_DIR/CITATION.cff")
[[ $("$MNIST_DIST" --version | head -n 1) == "mnist_dist $version, "* ]] || { echo "version $version is not the program's"; exit 1; }
"$venv/bin/cffconvert" -f bibtex -i "$SOURCE_DIR/CITATION.cff"
