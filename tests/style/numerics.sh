#!/usr/bin/env bash
# The table of a numerics number is a promise: a row that was committed once is never changed or removed. The program includes
# the table of its number, and the pages name this number.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
rows=$root/tests/e2e/golden_rows.py

# lost FOLDER: rows of any commit of FOLDER's history that its tables lack now
lost() {
    local file commit
    git -C "$1" log --format= --name-only -- 'src/train/numerics_*.inc' | sort -u | while read -r file; do
        [[ ! -f $1/$file ]] || python3 "$rows" "$1/$file"
    done | sort >"$scratch/now"
    git -C "$1" log --format='%H' -- 'src/train/numerics_*.inc' | while read -r commit; do
        git -C "$1" ls-tree -r --name-only "$commit" -- src/train | grep -E '/numerics_[0-9]+\.inc$' | while read -r file; do
            git -C "$1" show "$commit:$file" >"$scratch/then.inc"
            python3 "$rows" "$scratch/then.inc"
        done
    done | sort -u >"$scratch/ever"
    # a row is the same in whatever lines it is written
    comm -13 "$scratch/now" "$scratch/ever"
}

# A project in which rows were added, and then one was changed.
project=$scratch/project
mkdir -p "$project/src/train"
commit() {
    git -C "$project" add -A && git -C "$project" -c user.name=a -c user.email=a@b commit -qm "$1"
}
git -C "$project" init -q
printf 'ROW("a", "00", "model=cnn")\n' >"$project/src/train/numerics_1.inc" && commit one
printf 'ROW("a", "00",\n    "model=" "cnn")\nROW("b", "11", "model=mlp")\n' >"$project/src/train/numerics_1.inc" && commit two
[[ -z $(lost "$project") ]] || { echo "an added row is taken for a changed one"; exit 1; }
sed -i 's/11/12/' "$project/src/train/numerics_1.inc" && commit three
[[ $(lost "$project") == $'b\t11\tmodel=mlp' ]] || { echo "a changed digest is not found"; exit 1; }
git -C "$project" rm -q src/train/numerics_1.inc && commit four
[[ $(lost "$project" | wc -l) == 3 ]] || { echo "a removed table is not found"; exit 1; }

number=$(sed -n 's/^ *NUMERICS = \([0-9]*\),.*/\1/p' "$root/include/train/numerics.h")
[[ $number -ge 1 ]] || { echo "include/train/numerics.h: no NUMERICS = N"; exit 1; }
grep -qF "#include \"numerics_$number.inc\"" "$root/src/train/numerics.c" ||
    { echo "src/train/numerics.c does not include numerics_$number.inc"; exit 1; }
grep -qF "numerics $number" "$root/README.md" || { echo "README.md does not say 'numerics $number'"; exit 1; }
for ((i = 1; i <= number; i++)); do
    [[ -f $root/src/train/numerics_$i.inc ]] || { echo "the table of numerics $i is missing"; exit 1; }
    grep -qE "^\| $i \|" "$root/docs/reproducibility.md" || { echo "docs/reproducibility.md: no row of numerics $i"; exit 1; }
done
if ! git -C "$root" rev-parse -q --verify HEAD >/dev/null 2>&1; then
    echo "no history here: rows cannot be compared with what was committed"
    exit 0
fi
changed=$(lost "$root")
[[ -z $changed ]] || { printf 'rows that were published have changed: take the next number\n%s\n' "$changed"; exit 1; }
echo "numerics $number: no row has changed in $(git -C "$root" rev-list --count HEAD) commits"
