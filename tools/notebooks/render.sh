#!/usr/bin/env bash
# Runs the notebooks and writes them, with what they printed and drew, as pages for the browser.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'END'
Usage: tools/notebooks/render.sh [--help] [--out DIR] [NAME...]

Runs the notebooks from start to end, and writes DIR/NAME.html, one file that needs no network, and DIR/NAME.ipynb with
all outputs. Without NAME, all: cnn rnn lstm same_bits keras. DIR is build/notebooks where it is not given. The notebooks
themselves stay without outputs. Their runs go to the folder runs, as always.

$PYTHON names the Python (python3): one with the packages of tools/notebooks/requirements.txt.
Exit codes: 0 done; 1 a notebook stopped with an error; 64 usage; 66 a notebook or a package is missing; 73 cannot write.
END
}

# refuse STATUS WORDS
refuse() {
    printf 'render.sh: %s\n' "$2" >&2
    exit "$1"
}

parse() {
    out=${here%/tools/notebooks}/build/notebooks
    names=()
    while (($#)); do
        case $1 in
        -h | --help) usage && exit 0 ;;
        --out) (($# > 1)) || refuse 64 '--out needs a folder' && out=$2 && shift ;;
        -*) refuse 64 "unknown option '$1'; see --help" ;;
        *) names+=("${1%.ipynb}") ;;
        esac
        shift
    done
    ((${#names[@]})) || names=(cnn rnn lstm same_bits keras)
    local name
    for name in "${names[@]}"; do
        [[ -f $here/$name.ipynb ]] || refuse 66 "$name: no such notebook: cnn, rnn, lstm, same_bits and keras are there"
    done
}

# render NAME: the notebook with its outputs, then the page
render() {
    "$python" -m nbconvert --log-level ERROR --execute --to notebook --output-dir "$out" "$here/$1.ipynb" || refuse 1 "$1: stopped with an error"
    "$python" -m nbconvert --log-level ERROR --to html --output-dir "$out" --template page \
        --TemplateExporter.extra_template_basedirs="$here" --HTMLExporter.embed_images=True "$out/$1.ipynb" ||
        refuse 1 "$1: nbconvert cannot write the page"
    printf '%s\n' "$out/$1.html"
}

parse "$@"
python=${PYTHON:-python3}
"$python" -c 'import nbconvert, ipykernel' 2>/dev/null ||
    refuse 66 "$python has no nbconvert or ipykernel: pip install -r tools/notebooks/requirements.txt, in a virtual environment; PYTHON names its python"
mkdir -p "$out" 2>/dev/null || refuse 73 "$out: cannot make this folder"
for name in "${names[@]}"; do
    render "$name"
done
