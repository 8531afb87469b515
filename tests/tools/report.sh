#!/usr/bin/env bash
# tools/report.py: what it writes, its numbers, runs that are not complete, and an exit code for each kind of failure.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
python_has numpy h5py pandas matplotlib seaborn sklearn rich
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1

report() {
    "$python" "$SOURCE_DIR/tools/report.py" "$@"
}

# fails STATUS WORDS ARGUMENT...: the tool leaves with STATUS, and one line that holds WORDS
fails() {
    refused "$1" "$2" report "${@:3}"
    [[ $(wc -l <"$scratch/output") == 1 ]] || { cat "$scratch/output"; die 'not one line'; }
}

"$python" "$SOURCE_DIR/tests/tools/make_data.py" "$scratch/data"
train 1x1 run --data "$scratch/data" --epochs 1 --model 'flatten; dense 10' --batch-size 100

# ---- a complete run ----
report "$scratch/run" >"$scratch/output" || die 'report.py'
says "$scratch/run/curves.png"
says "$scratch/run/confusion.png"
says "$scratch/run/overview.png"
says "$scratch/run/report.html"
for name in accuracy loss steps rate confusion classes mistakes calibration confidence filters answers speed phases curves overview; do
    head -c 8 "$scratch/run/pictures/$name.png" | cmp -s - <(printf '\x89PNG\r\n\x1a\n') || die "$name.png is no PNG"
    "$python" -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$scratch/run/pictures/$name.svg" || die "$name.svg"
    [[ $name =~ ^(curves|overview)$ ]] || grep -qF "id=\"$name\"" "$scratch/run/report.html" || die "$name is not in the page"
done
(($(stat -c %s "$scratch/run/report.html") < 3000000)) || die 'the page is larger than 3 MB'
! grep -qE '(src|href)="?https?:' "$scratch/run/report.html" || die 'the page needs a network'

# numbers CHECK: the page holds the figures of report.txt, confusion.csv and result.json; CHECK is the page
numbers() {
    "$python" - "$scratch/run" "$1" <<'END'
import csv, json, pathlib, re, sys

run, page = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text()
text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
result = json.loads((run / "result.json").read_text())
wanted = [f"{result['test_accuracy']:.2%}".replace("%", " %"), f"{result['test_loss']:.4f}", result["parameters_digest"]]
report = (run / "report.txt").read_text().rpartition("\nweights: ")[0].splitlines()
for line in report[2:12] + report[-2:]:
    wanted.append(" ".join(line.rsplit(maxsplit=4)).strip())
drawing = page[page.index('id="confusion"') : page.index('id="classes"')]
cells = [int(cell.replace(",", "")) for cell in re.findall(r">([0-9,]+)</text>", drawing)]
rows = [[int(cell) for cell in row[1:]] for row in list(csv.reader(open(run / "confusion.csv")))[1:]]
counts = [count for row in rows for count in row]
missing = [value for value in wanted if value not in text]
if missing or not any(cells[i : i + 100] == counts for i in range(len(cells))):
    sys.exit(f"not in the page: {missing or 'the confusion matrix'}")
END
}
numbers "$scratch/run/report.html" || die 'the figures of the page are not the program'"'"'s'
sed 's/id="table".*/&/; s/weighted avg<\/td><td>0\./weighted avg<\/td><td>1./' "$scratch/run/report.html" >"$scratch/wrong.html"
! numbers "$scratch/wrong.html" 2>/dev/null || die 'a wrong figure passes'

# ---- runs on their way ----
cp -r "$scratch/run" "$scratch/begun"
rm -r "$scratch/begun/"{result.json,report.txt,confusion.csv,predictions.*,pictures,report.html,curves.png,confusion.png,overview.png}
head -n 5 "$scratch/run/metrics.jsonl" >"$scratch/begun/metrics.jsonl"
printf '{"kind":"st' >>"$scratch/begun/metrics.jsonl"
report "$scratch/begun" >"$scratch/output" || die 'a run without an epoch'
grep -qF 'no epoch is complete yet' "$scratch/begun/report.html" || die 'it does not say what is missing'
[[ -e $scratch/begun/pictures/steps.png && ! -e $scratch/begun/curves.png ]] || die 'what can be drawn of it'
rm "$scratch/begun/"{metrics.jsonl,*.weights.h5}
report "$scratch/begun" >"$scratch/output" || die 'a run without a step'

# ---- several runs, into a folder of their own ----
report "$scratch/run" "$scratch/begun" --out "$scratch/both" >"$scratch/output" || die 'two runs'
grep -qF 'not complete' "$scratch/both/report.html" || die 'the table of two runs'
[[ -e $scratch/both/pictures/accuracy.svg ]] || die 'no pictures of two runs'

# ---- failures ----
fails 64 'usage: report.py'
fails 64 '--nonsense' "$scratch/run" --nonsense
fails 64 'name the folder' "$scratch/run" "$scratch/run"
fails 66 'no such folder' "$scratch/absent"
fails 66 'no run directory' "$scratch/data"
fails 73 'cannot make this folder' "$scratch/run" --out "$scratch/run/result.json/x"

# ---- damaged files: the page without them ----
# damaged FILE WORDS PART: with this file damaged, the page is drawn without PART, and both say why
damaged() {
    rm -rf "$scratch/damaged"
    cp -r "$scratch/run" "$scratch/damaged"
    rm "$scratch/damaged/report.html"
    head -c 60 "$scratch/run/$1" >"$scratch/damaged/$1"
    refused 65 "$2" report "$scratch/damaged"
    says "report.py: $scratch/damaged/$1"
    says "$scratch/damaged/report.html is drawn without it"
    grep -F 'Not shown: ' "$scratch/damaged/report.html" | grep -F "$3" | grep -qF "$2" || die "the page does not say that $3 is missing"
    grep -qF 'id="accuracy"' "$scratch/damaged/report.html" || die 'the page lacks more than it must'
}
damaged confusion.csv 'no confusion matrix' 'the confusion matrix'
damaged predictions.h5 'no predictions' 'the reliability curve'
damaged last.weights.h5 'no checkpoint' 'the first layer'
damaged result.json 'cannot be read' 'loss and accuracy of the end'
echo '{"model": "mlp"}' >"$scratch/run/result.json"
refused 65 'no result of a run' report "$scratch/run" --out "$scratch/out"
echo 'damaged' >"$scratch/run/metrics.jsonl"
fails 65 'line 1 is no record' "$scratch/run" --out "$scratch/out"
