#!/usr/bin/env bash
# Files of Keras as people have them: saved by other versions, packed again, of other types. Each gives the answers of the
# plain file, or is refused with the reason.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py numpy
cd "$scratch"
"$python" "$here/keras_maker.py" .
"$python" - <<'END'
import numpy as np
pixels = np.random.default_rng(3).integers(0, 256, (40, 28, 28), np.uint8)
open("images.idx", "wb").write(np.array([0x803, 40, 28, 28], ">u4").tobytes() + pixels.tobytes())
END
model=(--model "conv2d 4 3 relu; maxpool 2; flatten; dense 10")

# answers FILE OPTION...: the probabilities of all images, in output
answers() {
    "$MNIST_DIST" predict "$1" images.idx --format csv "${@:2}" >output 2>&1 || { cat output; die "predict of $1"; }
}

# alike FILE OTHER: the same answers
alike() {
    answers "$2" "${model[@]}"
    cp output expected
    answers "$1" "${@:3}"
    cmp output expected || die "$1 gives other answers than $2"
}

# ---- weights alone ----
for name in latest gzip chunks big_endian float64 keras_2_13 windows dropout augmented compiled; do
    alike $name.weights.h5 plain.weights.h5 "${model[@]}"
done
alike float16.weights.h5 halved.weights.h5 "${model[@]}"
alike bfloat16.weights.h5 cut.weights.h5 "${model[@]}"
"$MNIST_DIST" predict bfloat16.weights.h5 images.idx "${model[@]}" >output
says 'bfloat16.weights.h5: /layers/conv2d/vars/0 is bfloat16: read as float32'
echo '{"metadata": {}, "weight_map": {"/layers/conv2d/vars": "model_00000.weights.h5"}}' >model.weights.json
refused 65 'without max_shard_size' "$MNIST_DIST" predict model.weights.json images.idx "${model[@]}"
refused 65 'packed by the filter lzf' "$MNIST_DIST" predict lzf.weights.h5 images.idx "${model[@]}"
refused 65 'layers without bias' "$MNIST_DIST" predict no_bias.weights.h5 images.idx "${model[@]}"
refused 65 'a model that is a class of its own' "$MNIST_DIST" predict own_class.weights.h5 images.idx "${model[@]}"
alike weights_inside.keras plain.weights.h5 "${model[@]}"

# ---- whole models: without --model, and with one that computes the same ----
for file in {plain,deflated,folder,keras2,no_input,dropout,random,bytes,functional}.keras whole.h5 whole_text.h5 archive_inside.h5; do
    alike "$file" plain.weights.h5
    alike "$file" plain.weights.h5 "${model[@]}"
done
answers tanh.keras
! cmp -s output expected || die 'tanh.keras was read as relu'
"$MNIST_DIST" predict bytes.keras images.idx >output
says 'layer rescaling (Rescaling) is for pixels of 0..255: adapted to pixels of 0..1'

# refuses FILE WORDS OPTION...: 65, one line that names the file
refuses() {
    refused 65 "$1: $2" "$MNIST_DIST" predict "$1" images.idx "${@:3}"
    [[ $(wc -l <output) == 1 ]] || { cat output; die 'more than one line'; }
}
refuses tanh.keras 'layer 2, kind: the file has "tanh", --model has "relu"' "${model[@]}"
refuses dilated.keras 'layer conv2d (Conv2D): dilation_rate is [2,2]'
refuses unknown.keras 'layer permute (Permute): this program has no such layer'
refuses argument.keras 'layer conv2d (Conv2D): turned is 3: this argument is not known here'
refuses sigmoid.keras 'layer dense (Dense): activation is "sigmoid"'
refuses broken.keras 'the configuration of its model is not JSON'
refuses subclass.keras 'the model is of class MyModel'
refuses heads.keras 'layer other (Dense): dense (Dense) also reads layer flatten'
refuses merged.keras 'layer add (Add): conv2d (Conv2D) also reads layer inputlayer'

# ---- the other commands ----
short=(--data synthetic --limit 200 --epochs 1)
"$MNIST_DIST" evaluate plain.keras --data synthetic --json | sed 's/"weights":"[^"]*",//' >one
"$MNIST_DIST" evaluate plain.weights.h5 --data synthetic "${model[@]}" --json | sed 's/"weights":"[^"]*",//' >other
cmp one other || die 'evaluate differs'
"$MNIST_DIST" export bytes.keras -o back.keras >output
alike back.keras plain.weights.h5
"$MNIST_DIST" train "${short[@]}" --out by_file --weights plain.keras >output 2>&1 || { cat output; die 'train'; }
"$MNIST_DIST" train "${short[@]}" --out by_model --weights plain.weights.h5 "${model[@]}" >output 2>&1 || { cat output; die 'train'; }
cmp by_file/last.weights.h5 by_model/last.weights.h5 || die 'a training from plain.keras had another model'
refused 65 'tanh.keras: layer 2' "$MNIST_DIST" train "${short[@]}" --out never --weights tanh.keras "${model[@]}"
refused 65 'dilation_rate is [2,2]' "$MNIST_DIST" train "${short[@]}" --out never --weights dilated.keras
[[ ! -e never ]] || die 'a folder was made'
"$MNIST_DIST" inspect dilated.keras >output || die 'inspect shows what is in every file'
