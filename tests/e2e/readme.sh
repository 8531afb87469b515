#!/usr/bin/env bash
# Runs every command in the `sh` blocks of the README and of docs/*.md, as a reader would from the top of a fresh clone: the
# blocks of a page in their order, in one new folder for each page. Also checks what pages.py can check of the pages.
# shellcheck disable=SC2016 # backticks are Markdown here
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=/usr/bin/python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
    echo "FAILED: $*"
    exit 1
}

# ---- what can be checked without running ----

# check ROOT: says what is wrong with the pages below ROOT
check() {
    "$python" "$here/pages.py" check "$1" "$work/help"
}

# copy_pages: the pages, and the files that they lead to, into a new folder $bad
copy_pages() {
    bad=$work/bad
    rm -rf "$bad"
    mkdir "$bad"
    cp -r "$SOURCE_DIR"/{README.md,LICENSE,docs} "$bad"
    local folder
    for folder in src include tests tools jobs cmake packaging; do
        mkdir "$bad/$folder"
        find "$SOURCE_DIR/$folder" -mindepth 1 -maxdepth 1 -exec ln -s {} "$bad/$folder" \;
    done
}

# must_see WORDS FILE TEXT: with TEXT at the end of FILE, the check fails and says WORDS
must_see() {
    copy_pages
    printf '%s\n' "$3" >>"$bad/$2"
    ! check "$bad" >"$work/seen" || die "the check of the pages does not see: $1"
    grep -qF -- "$1" "$work/seen" || { cat "$work/seen"; die "the check of the pages did not say: $1"; }
}

for command in '' train evaluate predict export summary inspect verify bench selftest env; do
    "${MNIST_DIST:?the program}" ${command:+"$command"} --help
done >"$work/help"
check "$SOURCE_DIR" || die 'these pages must be corrected'
must_see 'link absent.md: no such file' docs/keras.md '[a page](absent.md)'
must_see 'link models.md#absent: no such heading' docs/keras.md '[a heading](models.md#absent)'
must_see 'link docs/images/absent.png: no such file' README.md '<img src="docs/images/absent.png">'
must_see '`src/absent.c`: no such file' docs/keras.md '`src/absent.c`'
must_see '--absent-option: no such option' docs/keras.md '`--absent-option`'
must_see "a block with the label 'bash'" docs/keras.md $'```bash\ntrue\n```'
must_see 'a block without an end' docs/keras.md $'```sh\ntrue'
must_see 'README.md: ' README.md "$(seq 150)"
must_see 'docs/images/overview.png: ' docs/images/overview.png "$(head -c 100000 /dev/zero | tr '\0' x)"
echo '  --new-option' >>"$work/help"
! check "$SOURCE_DIR" >"$work/seen" || die 'an option that no page names is not seen'
grep -qx -- '--new-option: on no page' "$work/seen" || die 'an option that no page names is not said'
sed -i 's/momentum, nesterov/momentum, absent, nesterov/' "$work/help"
! check "$SOURCE_DIR" >"$work/seen" || die 'an optimiser that no page names is not seen'
grep -qx -- '--optimizer=NAME absent: on no page' "$work/seen" || die 'an optimiser that no page names is not said'

# ---- what is run ----

# run_page PAGE: its commands, in a new folder; fails where one of them fails
run_page() {
    local folder line
    folder=$(mktemp -d -p "$work")
    mkdir -p "$folder/build/release"
    ln -s "$MNIST_DIST" "$folder/build/release/mnist_dist"
    ln -s "$SOURCE_DIR/tools" "$folder/tools"
    "$python" "$here/pages.py" commands "$1" >"$folder/commands"
    while IFS= read -r line <&3; do
        echo "\$ $line"
        (cd "$folder" && timeout 300 bash -c "$line" >output 2>&1 </dev/null) || {
            echo "$1: exit status $? of: $line"
            cat "$folder/output"
            return 1
        }
    done 3<"$folder/commands"
    count=$((count + $(wc -l <"$folder/commands")))
    ran=$folder
}

# A small data set: the commands are the same, and slow/notebooks has the whole of MNIST.
"$python" "$SOURCE_DIR/tests/tools/make_data.py" "$work/data"
export MNIST_DIR=$work/data

count=0
printf '```sh\ntrue\nbuild/release/mnist_dist summary --model absent\n```\n' >"$work/bad.md"
! run_page "$work/bad.md" >"$work/seen" || die 'a page with a wrong command passes'
grep -q 'exit status 64 of: build/release/mnist_dist summary' "$work/seen" || die 'a wrong command is not named'

run_page "$SOURCE_DIR/README.md" || die 'README.md'
for picture in curves.png confusion.png overview.png; do
    head -c 8 "$ran/runs/laptop/$picture" | grep -q PNG || die "runs/laptop/$picture is no PNG"
done
for page in "$SOURCE_DIR"/docs/*.md; do
    run_page "$page" || die "$page"
done
((count >= 25)) || die "only $count commands were found"
echo "$count commands ran"
