#!/usr/bin/env bash
# The pages of tools/report.py in headless Chromium, at the width of a desk and of a phone, light, dark and printed: nothing
# is wider than the window, cut off, broken or fetched. Screenshots: build/dev/pages.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
python_has numpy h5py pandas matplotlib seaborn sklearn rich
command -v chromium chromium-browser google-chrome >/dev/null || skip 'chromium is not installed'
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1 MNIST_DIST
shots=$BUILD_DIR/pages
mkdir -p "$shots"

# look PAGE [OPTION...]
look() {
    timeout 240 "$python" "$SOURCE_DIR/tests/tools/browser.py" "$@" >"$scratch/output" 2>&1
}

# good NAME RUN... [OPTION...]: the page of the runs has no fault; it is kept as NAME.html beside its screenshots
good() {
    "$python" "$SOURCE_DIR/tools/report.py" "${@:2}" --out "$scratch/page" >"$scratch/output" 2>&1 || {
        cat "$scratch/output"
        die "report.py ${*:2}"
    }
    cp "$scratch/page/report.html" "$shots/$1.html"
    look "$shots/$1.html" --shots "$shots" --mode light --mode dark --mode print || { cat "$scratch/output"; die "the page of $1"; }
}

"$python" "$SOURCE_DIR/tests/tools/make_data.py" "$scratch/data"
train 2x1 cnn --data "$scratch/data" --epochs 3 --batch-size 50 --profile --schedule cosine
train 1x2 lstm --data "$scratch/data" --epochs 1 --model 'lstm 16; dense 10'

# Long names of classes, ROC curves and t-SNE.
cp -r "$scratch/cnn" "$scratch/named"
"$python" - "$scratch/named" <<'END'
import json, pathlib, sys

path = pathlib.Path(sys.argv[1])
names = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag".split() + ["Ankle boot & more <b>"]
result = json.loads((path / "result.json").read_text())
(path / "result.json").write_text(json.dumps(result | {"class_names": names}))
text = (path / "confusion.csv").read_text().splitlines()
rows = [",".join(["", *names])] + [",".join([name, *line.split(",")[1:]]) for name, line in zip(names, text[1:])]
(path / "confusion.csv").write_text("\n".join(rows) + "\n")
END

good cnn "$scratch/cnn"
good named "$scratch/named" --roc --tsne
good runs "$scratch/cnn" "$scratch/lstm"
good lstm "$scratch/lstm"

# ---- the checker says no ----
# spoiled WORDS WIDTH SED: the page after this change is refused with these words, in a window of this width
spoiled() {
    sed "$3" "$shots/cnn.html" >"$scratch/spoiled.html"
    ! look "$scratch/spoiled.html" --width "$2" --mode light || die "the checker lets pass: $3"
    says "$1"
}
spoiled 'the page is' 390 's|</main>|<div style="width:600px">wide</div></main>|'
spoiled 'overflow: div "wide"' 1280 's|</main>|<div style="position:relative;left:1200px;width:200px">wide</div></main>|'
spoiled 'broken image: img' 390 's|src="data:image/png;base64,....|src="data:image/png;base64,|'
spoiled 'broken image in a drawing' 1280 's|xlink:href="data:image/png;base64,[^"]*|xlink:href="data:image/png;base64,AAAA|'
spoiled 'cut off: text' 1280 's|<text |<text dx="-900" |'
spoiled 'asks for' 1280 's|</main>|<img src="http://127.0.0.1:9/x.png" alt="x"></main>|'
spoiled 'no height' 1280 's|svg.plot {|svg.plot { height: 0 !important;|'
