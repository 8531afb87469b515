#!/usr/bin/env bash
# Data sets in the forms in which people have them: what means the same is read as the same, to the digest of its content; what cannot
# be read is refused by what it is. And classes, batches and configurations that are not those of MNIST.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
unset MNIST_DIR
cd "$scratch"
model=(--model 'flatten; dense 10' --progress plain)
make() { "$python" "$here/data_maker.py" "$@"; }

# digest RUN: of the data that it took
digest() {
    "$python" -c 'import json, sys; print(json.load(open(sys.argv[1] + "/config.json"))["dataset"]["digest"])' "$1"
}

make plain
on 1x1 "${model[@]}" -d plain --max-steps 1 --out of_plain || die 'the plain data set'
for row in 'emnist|note   EMNIST'\''s images lie on their side: turned upright' 'kaggle|data   kaggle: 270 train' \
    'torchvision|data   MNIST: 270 train' 'qmnist|note   labels are rows of 8 32-bit integers, read as classes' \
    'onehot|note   labels are rows of 10 bytes, read as classes' 'float|note   pixels are 32-bit floats, read as bytes' \
    'little|note   images have a little-endian header' 'members|data   members: 270 train' 'trailer|data   trailer: 270 train'; do
    kind=${row%%|*}
    make "$kind" --as "$kind"
    on 1x1 "${model[@]}" -d "$kind" --max-steps 1 --out "of_$kind" || { cat output; die "$kind is refused"; }
    says "${row#*|}"
    [[ $(digest "of_$kind") == "$(digest of_plain)" ]] || die "$kind is read as other data"
done
# one of several sets in a folder is chosen by its prefix, and the run finds it again
for file in emnist/*; do cp "$file" "${file/letters/digits}"; done
refused 66 'emnist: holds 2 data sets: choose one by -d emnist/emnist-' "$MNIST_DIST" "${model[@]}" -d emnist --out none
on 1x1 evaluate of_emnist --json
says '"data_of_run":true'

for row in 'lfs|a Git LFS pointer, not the file itself: get it with git lfs pull' 'html|an HTML page, not an IDX file' \
    'empty|an empty file' 'behind|extra bytes at the end' 'twice|compressed twice: unpack it once with gzip -d'; do
    kind=${row%%|*}
    make "$kind" --as "$kind"
    refused 65 "$kind/t10k-images-idx3-ubyte" "$MNIST_DIST" "${model[@]}" -d "$kind" --out none
    says "${row#*|}"
done

# ---- classes: those of the labels, and of the weights ----
make nine --classes 9
make one --classes 1
on 1x1 --model cnn -d nine --dry-run
says 'model  cnn, 224,905 parameters'
on 1x1 summary --model cnn -d nine
says '224,905'
refused 64 'end with dense 9' "$MNIST_DIST" "${model[@]}" -d nine --dry-run
on 1x1 evaluate of_plain -d nine
says 'of the run: other images or labels'
on 1x1 "${model[@]}" -d nine --weights of_plain --max-steps 1 --out from_ten
on 1x1 "${model[@]}" -d nine --max-steps 2 --out from_ten --resume
refused 65 'expected 0 to 8 (9 classes), as --classes or the weights say' "$MNIST_DIST" evaluate of_plain -d plain --classes 9
cp plain/t10k-* nine/
refused 65 'Is it a class without training images? Then give --classes 10' "$MNIST_DIST" "${model[@]}" -d nine --out none
on 1x1 "${model[@]}" -d nine --classes 10 --max-steps 1 --out of_nine
refused 65 'all 300 labels are 0: with one class there is nothing to tell apart' "$MNIST_DIST" "${model[@]}" -d one --out none

# ---- images that are not 28 x 28: in runs, and in files of Keras, which do not say for which images they are ----
chain='conv2d 4 3 relu; maxpool 2; flatten; dense 10'
for sides in 32x32 20x28; do
    make "$sides" --size "$sides"
    on 1x1 --model "$chain" --progress none -d "$sides" --max-steps 2 --out "run_$sides" || { cat output; die "$sides"; }
    on 1x1 predict "run_$sides" --format csv || die "predict of $sides"
    cp output "$sides.csv"
    "$MNIST_DIST" export "run_$sides" -o "$sides.weights.h5" >output
    on 1x1 evaluate "$sides.weights.h5" --model "$chain" -d "$sides"
done
"$MNIST_DIST" predict 32x32.weights.h5 --model "$chain" -d 32x32 --format csv | cmp -s - 32x32.csv || die 'plain weights of 32 x 32'
"$MNIST_DIST" predict 32x32.weights.h5 --model "$chain" -d 32x32 >output
says 'note   the file does not say for which images it is: its tensors fit images of 32 x 32'
"$MNIST_DIST" export 32x32.weights.h5 --model "$chain" -o 32x32.keras >output
says 'its tensors fit images of 32 x 32'
refused 65 'of another model' "$MNIST_DIST" export 20x28.weights.h5 --model "$chain" -o 20x28.keras

# ---- a folder, or a file, of another form ----
for row in 'mnist.zip|unpack it' 'mnist.tar.gz|unpack it' 't10k-images-idx3-ubyte.bz2|unpack it with bzip2 -d' \
    't10k-images-idx3-ubyte.GZ|its name must end with .gz' 'T10K-IMAGES-IDX3-UBYTE|its name must have small letters' \
    'mnist.npz|write its arrays to IDX files' 'train.csv|write its rows to IDX files'; do
    rm -rf form && mkdir form && touch "form/${row%|*}"
    refused 66 "no data is in this folder, it holds ${row%|*}: ${row#*|}" "$MNIST_DIST" "${model[@]}" -d form --out none
done
touch mnist.zip
refused 66 'mnist.zip: this is a file: unpack it, and name the folder of the data' "$MNIST_DIST" "${model[@]}" -d mnist.zip --out none

# ---- an IDX file of floats for predict ----
"$MNIST_DIST" predict of_plain plain/t10k-images-idx3-ubyte --format csv | cut -d , -f 2- >bytes.csv
"$MNIST_DIST" predict of_plain float/t10k-images-idx3-ubyte --format csv | cut -d , -f 2- | cmp -s - bytes.csv || die 'predict of floats'

# ---- weights of a run begin another one with its model ----
on 1x1 --weights run_32x32 --progress none --max-steps 1 --out tuned --resume
on 1x1 --weights run_32x32 --progress none --max-steps 2 --out tuned --resume || { cat output; die 'the same command again'; }
[[ $(result tuned model) == "$chain" && $(digest tuned) == "$(digest run_32x32)" ]] || die '--weights takes another model or data'

# ---- a batch that is larger than the data: the learning rate is that of the batch that is taken ----
on 1x1 "${model[@]}" -d plain --batch-size 10000 --lr-scaling linear --max-steps 1 --out large
says 'note   --batch-size 10,000 is more than the 270 training images: each step takes all of them'
says 'lr 0.001 x 2.109375 (--lr-scaling=linear)'
on 1x1 "${model[@]}" -d plain --batch-size 270 --lr-scaling linear --max-steps 1 --out fits
[[ $(result large parameters_digest) == $(result fits parameters_digest) ]] || die 'the learning rate is not that of the batch'
on 1x1 "${model[@]}" -d plain --batch-size 10000 --lr-scaling linear --dry-run
says 'lr 0.001 x 2.109375'

# ---- configurations from other editors ----
{ printf '\xef\xbb\xbf' && cat of_plain/config.json; } >marked.json
on 1x1 --config marked.json --progress none --out of_marked
[[ $(digest of_marked) == "$(digest of_plain)" ]] || die 'a configuration with a byte order mark is read as another'
{ cat of_plain/config.json && printf '\0 {}'; } >zero.json
refused 64 'zero.json: holds a 0 byte at position' "$MNIST_DIST" --config zero.json --out none
iconv -f UTF-8 -t UTF-16 of_plain/config.json >wide.json
refused 64 'wide.json: is UTF-16: save it as UTF-8' "$MNIST_DIST" --config wide.json --out none
[[ ! -e none ]] || die 'a refused run left a folder'
cd - >/dev/null
