#!/usr/bin/env bash
# Images with three channels: trained to the same bits on every layout, evaluated and predicted; grey pictures are refused.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

# 300 and 100 images of 10 x 12 pixels; the class is the place of a bright square, over noise, and two of four its colour.
"$python" - "$scratch/colour" "$scratch/picture.png" <<'END'
import os, random, struct, sys, zlib

random.seed(3)
CLASSES, HEIGHT, WIDTH, CHANNELS = 4, 10, 12, 3


def image(label):
    pixels = [[[random.randrange(60) for _ in range(CHANNELS)] for _ in range(WIDTH)] for _ in range(HEIGHT)]
    for y in range(3):
        for x in range(3):
            pixels[y + 3 * (label // 2)][x + 1][label % 2] = 200 + random.randrange(56)
    return bytes(value for row in pixels for pixel in row for value in pixel)


def write(folder, name, head, body):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(struct.pack(f">{len(head)}i", *head) + body)


os.makedirs(sys.argv[1])
for stem, count in ("train", 300), ("t10k", 100):
    labels = [random.randrange(CLASSES) for _ in range(count)]
    write(sys.argv[1], f"{stem}-images-idx4-ubyte", (0x804, count, HEIGHT, WIDTH, CHANNELS), b"".join(map(image, labels)))
    write(sys.argv[1], f"{stem}-labels-idx1-ubyte", (0x801, count), bytes(labels))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


with open(sys.argv[2], "wb") as file:
    head = struct.pack(">2I5B", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(WIDTH * CHANNELS) for _ in range(HEIGHT))
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
END

data=(--data "$scratch/colour")
chain='conv2d 8 3 relu; maxpool 2; conv2d 16 3 relu; flatten; dense 4'
options=("${data[@]}" --model "$chain" --batch-size 20 --epochs 8 --learning-rate 0.01 --augment 'shift 1; rotate 5; erase 2')
train 1x1 whole "${options[@]}"
for layout in 2x1 1x2 3x1; do
    train "$layout" "$layout" "${options[@]}"
    same whole "$layout"
done
accuracy=$(result whole test_accuracy)
"$python" -c "import sys; sys.exit(not float('$accuracy') > 0.9)" || die "test accuracy $accuracy: the four classes are easy"
"$python" - "$scratch/whole/last.weights.h5" <<'END'
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    assert file["layers/conv2d/vars/0"].shape == (3, 3, 3, 8), "a kernel of three channels"
END

# A stopped run goes on to the same bits.
train 2x1 stopped "${options[@]}" --max-steps 50
train 1x1 stopped "${options[@]}" --resume
[[ $(result stopped parameters_digest) == $(result whole parameters_digest) ]] || die 'a resumed run has other bits'

# Each preset trains on them; a recurrent layer reads rows of width x channels.
for model in cnn lstm; do
    train 1x1 "$model-1" "${data[@]}" --model "$model" --max-steps 5
    train 2x1 "$model-2" "${data[@]}" --model "$model" --max-steps 5
    [[ $(result "$model-1" parameters_digest) == $(result "$model-2" parameters_digest) ]] || die "$model: 2x1 has other bits"
done

# evaluate and predict see what training saw: of the test set, of an IDX file, and of what is no such image.
mkdir "$scratch/evaluated"
"$MNIST_DIST" evaluate "${data[@]}" --which last --json "$scratch/whole" >"$scratch/evaluated/result.json"
[[ $(result evaluated test_loss) == $(result whole test_loss) ]] || die 'evaluate finds another loss'
"$MNIST_DIST" predict "${data[@]}" --which last --format csv "$scratch/whole" >"$scratch/test.csv"
"$MNIST_DIST" predict --which last --format csv "$scratch/whole" "$scratch/colour/t10k-images-idx4-ubyte" >"$scratch/file.csv"
cmp -s <(cut -d , -f 2- "$scratch/test.csv") <(cut -d , -f 2- "$scratch/file.csv") || die 'predict: the test set and its file differ'
cmp -s <(tail -n +2 "$scratch/test.csv" | cut -d , -f 2) <(tail -n +2 "$scratch/whole/predictions.csv" | cut -d , -f 3) ||
    die 'predict and predictions.csv differ'
refused 64 'picture.png: the model wants images of 10 x 12 x 3: a PNG is read as a grey picture' \
    "$MNIST_DIST" predict "$scratch/whole" "$scratch/picture.png"
refused 65 'images of 28 x 28, the model wants 10 x 12 x 3' "$MNIST_DIST" predict "$scratch/whole" --data synthetic
"$MNIST_DIST" env "${data[@]}" >"$scratch/output" 2>&1
says 'colour: 300 training and 100 test images of 10 x 12 x 3'
echo "$(result whole parameters_digest) on 1x1 2x1 1x2 3x1, test accuracy $accuracy"
