#!/usr/bin/env bash
# predict says what training's own report says of the test set, the same on every number of threads, and sees one digit in
# PNG files of any kind, size and paper; bad files are refused in one line.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py numpy matplotlib

train 1x2 run --data synthetic --limit 1000 --epochs 2 --model "conv2d 4 3 relu; maxpool 2; flatten; dense 10"
train 1x1 exact --data synthetic --limit 500 --epochs 1 --exact-conv
cd "$scratch"

# predicted OPTION...: into the file output
predicted() {
    "$MNIST_DIST" predict "$@" >output 2>err || { cat output err; die "predict $*"; }
    [[ ! -s err ]] || die 'a good answer is silent on standard error'
}

# ---- the test set ----
predicted run --which last --format csv --threads 1
cp output test.csv
for threads in 2 3; do
    predicted run --which last --format csv --threads "$threads"
    cmp output test.csv || die "$threads threads predict something else"
done
"$python" - <<'END'
import csv
ours = list(csv.DictReader(open("test.csv")))
theirs = list(csv.DictReader(open("run/predictions.csv")))
assert len(ours) == len(theirs) == 2000
for i, (a, b) in enumerate(zip(ours, theirs)):
    assert a["image"] == f"test[{i}]" and a["class"] == b["predicted"], (a, b)
    assert abs(float(a["probability"]) - float(b["probability"])) < 5.1e-7, (a, b)
    all_of = [float(a[f"p{c}"]) for c in range(10)]
    assert max(all_of) == float(a["probability"]) and abs(sum(all_of) - 1) < 1e-5, a
END

# a run says whether it is without Winograd's algorithm; a plain file does not
predicted exact --which last --format json
cp output exact.json
"$MNIST_DIST" export exact --which last -o exact.weights.h5 >output
plain=(exact.weights.h5 --model cnn --data synthetic --format json)
predicted "${plain[@]}" --exact-conv
cmp output exact.json
predicted "${plain[@]}"
! cmp -s output exact.json || die '--exact-conv changes nothing: this proves nothing'

# ---- one digit in many files ----
"$python" - <<'END'
import gzip
import numpy as np
from matplotlib import image

random = np.random.default_rng(1)
digit = np.zeros((28, 28), np.uint8)
digit[4:24, 13:16] = 255
digit[10, 8:20] = 128
idx = np.array([0x803, 2, 28, 28], ">u4").tobytes() + digit.tobytes() + digit.T.tobytes()
open("two.idx", "wb").write(idx)
gzip.open("two.idx.gz", "wb").write(idx)
def save(name, pixels):
    image.imsave(name, pixels)
rgb = np.repeat(digit[:, :, None], 3, axis=2)
save("black, same size.png", rgb)
save("white.png", 255 - rgb)
save("large.png", np.kron(255 - rgb, np.ones((9, 9, 1), np.uint8)))
alpha = np.zeros((28, 28, 4), np.uint8)
alpha[:, :, 3] = digit
save("ink.png", alpha)
open("text.png", "w").write("no picture")
open("cut.png", "wb").write(open("large.png", "rb").read()[:300])
open("small.idx", "wb").write(np.array([0x803, 1, 4, 4], ">u4").tobytes() + bytes(16))
open("cut.idx", "wb").write(idx[:1000])
END
files=('black, same size.png' white.png large.png ink.png two.idx two.idx.gz)
predicted run "${files[@]}" --format json
"$python" - <<'END'
import json
answers = json.load(open("output"))
names = [a["image"] for a in answers]
assert names == ["black, same size.png", "white.png", "large.png", "ink.png",
                 "two.idx[0]", "two.idx[1]", "two.idx.gz[0]", "two.idx.gz[1]"], names
values = [a["probabilities"] for a in answers]
for i in 1, 2, 3, 4, 6:
    assert values[i] == values[0], names[i]
assert values[5] == values[7] != values[0]
for a in answers:
    assert a["probability"] == max(a["probabilities"]) == a["probabilities"][a["class"]], a
END
predicted run "${files[@]}" --format csv
says '"black, same size.png",'
predicted run white.png
[[ $(wc -l <output) == 3 ]] || die 'the weights, a head and a line were expected'
"$MNIST_DIST" export run -o plain.weights.h5 >output
predicted plain.weights.h5 white.png --model "conv2d 4 3 relu; maxpool 2; flatten; dense 10"

# ---- a picture that the camera stored turned or mirrored: the answer of the upright one ----
if "$python" -c 'import PIL' 2>/dev/null; then
    "$python" - <<'END'
from PIL import Image
import numpy as np

grey = np.full((120, 90), 255, np.uint8)
grey[20:100, 40:50], grey[20:30, 20:50], grey[90:100, 40:70] = 0, 0, 0
upright, exif = Image.fromarray(grey), Image.Exif()
upright.save("camera1.png")
T = Image.Transpose
stored = {2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270}
for value, how in stored.items():
    exif[0x0112] = value
    upright.transpose(how).save(f"camera{value}.png", exif=exif)
upright.transpose(T.ROTATE_90).save("camera9.png")
END
    predicted run camera?.png --format csv
    cut -d , -f 2- output | sed -n 2p >upright.csv
    for row in 3 4 5 6 7 8 9; do
        cut -d , -f 2- output | sed -n "${row}p" | cmp - upright.csv || die "orientation $((row - 1))"
    done
    ! cut -d , -f 2- output | sed -n 10p | cmp -s - upright.csv || die 'a turned picture that does not say so is the same'
fi

# ---- what is refused: nothing is printed but one line ----
# bad STATUS WORDS WORD...
bad() {
    refused "$1" "$2" "$MNIST_DIST" predict "${@:3}"
    [[ $(wc -l <output) == 1 ]] || { cat output; die 'more than one line'; }
}
bad 65 'text.png: neither a PNG' run white.png text.png
for row in 'jpg|\xff\xd8\xff|a JPEG' 'gif|GIF89a|a GIF' 'tif|II*|a TIFF' 'webp|RIFF|a WebP' 'heic|\0\0\0\x18ftypheic|a HEIC' 'pdf|%%PDF-1.7|a PDF'; do
    IFS='|' read -r ending begin what <<<"$row"
    # shellcheck disable=SC2059 # the first bytes are a format
    printf "$begin" >"foreign.$ending"
    bad 65 "foreign.$ending: $what" run "foreign.$ending"
    says ': save it as PNG, or write images as IDX'
done
bad 65 'cut.png: a damaged or cut PNG' run cut.png
bad 66 'absent.png' run absent.png white.png
bad 66 'folder' run run
bad 65 'small.idx: images of 4 x 4, the model wants 28 x 28' run small.idx
bad 65 'cut.idx' run cut.idx
mkfifo pipe.png
bad 66 'pipe.png: is no regular file' run white.png pipe.png
bad 66 'nowhere' nowhere white.png
bad 65 'text.png' text.png white.png
bad 64 'predict needs PATH'
bad 64 'known are text, csv, json' run white.png --format xml
bad 64 'add --model' plain.weights.h5 white.png
bad 66 'no_data' run --data no_data
cd - >/dev/null
