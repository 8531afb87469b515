#!/usr/bin/env bash
# Forty steps of each preset, optimiser, schedule and kind of layer give the parameters whose digests stand in the table of this
# numerics number, with the command selftest and with train. A change that is not meant to change a result leaves that table as it is; one that
# is takes the next number.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
number=$(sed -n 's/^ *NUMERICS = \([0-9]*\),.*/\1/p' "$SOURCE_DIR/include/train/numerics.h")
table=$SOURCE_DIR/src/train/numerics_$number.inc

usage() {
    echo "Usage: tests/e2e/golden.sh [--print]     --print: writes names and digests of this program to standard output"
}

# one NAME SETTING...: trains 40 steps on the built-in digits; prints NAME and the digest of the parameters
one() {
    local setting options=()
    for setting in "${@:2}"; do options+=("--${setting%=yes}"); done
    train 1x2 "$1" --data synthetic --limit 1000 --batch-size 64 --epochs 3 --max-steps 40 "${options[@]}"
    printf '%s %s\n' "$1" "$(result "$1" parameters_digest)"
    [[ $(result "$1" numerics) == "$number" ]] || die "result.json of $1 has another number than $number"
}

# trained: the presets and the chains; the others are trainings of mlp, of which the plateau's watches the validation
trained() {
    local row
    while IFS=$'\t' read -r -a row; do
        [[ ${row[0]} == *-* && ${row[0]} != schedule-plateau ]] || one "${row[0]}" "${row[@]:2}" </dev/null
    done < <("$python" "$here/golden_rows.py" "$table")
}

# computed: names and digests of all trainings, by selftest
computed() {
    { "$MNIST_DIST" selftest --json --threads 2 2>"$scratch/output" || true; } |
        "$python" -c 'import json, sys; [print(r["name"], r["digest"]) for r in json.load(sys.stdin)["rows"]]'
}

case ${1-} in
-h | --help) usage && exit 0 ;;
--print) computed && exit 0 ;;
esac

"$MNIST_DIST" --version >"$scratch/version"
grep -qF ", numerics $number (" "$scratch/version" || die "--version does not say numerics $number"
"$python" "$here/golden_rows.py" "$table" | awk -F '\t' '{ print $1, $2 }' >"$scratch/published"
computed >"$scratch/computed"
# a table with one digit changed must be refused
sed '1s/.$/x/' "$scratch/published" >"$scratch/wrong"
! diff -q "$scratch/wrong" "$scratch/computed" >/dev/null || die "the comparison does not see a changed digest"
diff "$scratch/published" "$scratch/computed" ||
    die "the parameters after 40 steps are not those of numerics $number: if that is meant, take the next number"
trained >"$scratch/trained"
[[ -z $(comm -13 <(sort "$scratch/published") <(sort "$scratch/trained")) ]] || { cat "$scratch/trained"; die "train and selftest differ"; }
echo "$(wc -l <"$scratch/published") digests as in ${table##*/}, $(wc -l <"$scratch/trained") of them also by the command train"
