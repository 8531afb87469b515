#!/usr/bin/env bash
# predict sees digits as people draw, scan and photograph them; several digits on one sheet, and none, are said.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has numpy scipy PIL
[[ -n ${MNIST_DIR:-} ]] || skip "MNIST_DIR names no MNIST"

# $EPOCHS, $LIMIT, $DIGITS and $LEAST: of slow/pictures.sh
digits=${DIGITS:-40} least=${LEAST:-0.85}
train 1x2 run --data "$MNIST_DIR" --model cnn --epochs "${EPOCHS:-1}" --limit "${LIMIT:-24000}"
cd "$scratch"
"$python" "$here/draw_digits.py" "$MNIST_DIR" drawn "$digits"

# status 65, since some pictures have no class
"$MNIST_DIST" predict run drawn/*/*.png --format csv >answers.csv 2>err || [[ $? == 65 ]] || { cat err; die predict; }
"$python" "$here/draw_digits_score.py" answers.csv "$least"
cp answers.csv worse.csv
sed -i 's/\(shadow[^,]*\),[0-9]/\1,x/' worse.csv
refused 1 'shadow' "$python" "$here/draw_digits_score.py" worse.csv "$least"

# what has no class is said, for people, in tables and in JSON
first() {
    echo "drawn/$1/"*_7.png | cut -d ' ' -f 1
}
two=$(first two_digits) none=$(first empty) one=$(first white)
refused 65 "$two: 2 digits on one sheet" "$MNIST_DIST" predict run "$two"
refused 65 "$none: no digit is seen" "$MNIST_DIST" predict run "$one" "$none"
refused 65 "and 1 more pictures" "$MNIST_DIST" predict run "$one" "$none" "$two"
says 'no digit'
"$MNIST_DIST" predict run "$one" "$two" "$none" --format json >"$scratch/answers.json" 2>"$scratch/output" || true
"$python" - <<'END2'
import json
one, two, none = json.load(open("answers.json"))
assert one["class"] == 7 and len(one["probabilities"]) == 10 and "digits" not in one, one
assert two["class"] is two["probability"] is two["probabilities"] is None and two["digits"] == 2, two
assert none["class"] is None and none["digits"] == 0, none
END2

# --as-is takes pictures whole, as they are; a plain picture of the model's size is the same with and without it
"$MNIST_DIST" predict run "$two" "$none" --as-is --format csv >whole.csv
! grep -q ',,' whole.csv || die 'a picture that is taken whole has no class'
plain=(drawn/plain/*.png)
"$MNIST_DIST" predict run "${plain[@]}" --as-is --format csv >whole.csv
"$MNIST_DIST" predict run "${plain[@]}" --format csv >framed.csv
cmp whole.csv framed.csv || die 'framing changes pictures as MNIST has them'
