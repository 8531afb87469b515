#!/usr/bin/env bash
# Names and signs that people bring from Keras and other programs are taken where they mean one thing, and else answered with what
# to write; a suggestion never is another quantity.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
cd "$scratch"

# ---- taken ----
# taken KEY VALUE OPTION...: the run's config.json then has this value
taken() {
    rm -rf run
    "$MNIST_DIST" -d synthetic --limit 100 -m 'flatten; dense 10' --max-steps 1 -o run "${@:3}" >output 2>&1 || { cat output; die "${*:3}"; }
    [[ $("$python" -c 'import json, sys; print(json.load(open("run/config.json"))[sys.argv[1]])' "$1") == "$2" ]] || die "${*:3}"
}
taken batch-size 32 --batch_size 32
taken learning-rate 0.25 --learning_rate=0.25
taken monitor validation_accuracy --monitor val_accuracy
taken monitor validation_accuracy --monitor val_acc
taken monitor validation_loss --monitor val-loss
taken monitor accuracy --monitor acc
printf '{"batch_size": 16, "learning_rate": 0.5, "monitor": "val_accuracy", "validation_split": 0.25}' >keras.json
taken batch-size 16 --config keras.json
taken validation-split 0.25 --config keras.json

# ---- answered ----
# answers WORDS WORD...: exit code 64 and one line with these words
answers() {
    refused 64 "$1" "$MNIST_DIST" "${@:2}"
    [[ $(wc -l <output) == 1 ]] || { cat output; die 'more than one line'; }
}
answers "--monitor=val_acuracy: unknown; did you mean 'val_accuracy'?" --monitor val_acuracy
answers '--monitor=test_accuracy: unknown; known are' --monitor test_accuracy
answers "'relu,': the separator of layers is ';'" summary -m 'relu, maxpool 2'
answers "'relu,maxpool,2': the separator of layers is ';', that of words a blank" summary -m 'relu,maxpool,2'
answers "'flatten/dense': the separator of layers is ';'" summary -m 'flatten/dense 10'
answers "'flatten|dense': the separator of layers is ';'" summary -m 'flatten|dense'
answers "'Flatten()': without brackets" summary -m 'Flatten()'
answers "unknown model 'cnm'; did you mean 'cnn'?" summary -m cnm
answers "'3,': the separator of layers is ';'" summary -m 'conv2d 8 3, relu; flatten; dense 10'
answers "'->': the separator of layers is ';'" summary -m 'flatten -> dense 10'
answers "'2,': the separator is ';'" -d synthetic --augment 'shift 2, rotate 10'
answers "'cosine,': the separator of words is a blank" --schedule 'cosine, 0.1'
answers 'write blanks between a word and its numbers' summary -m 'conv2d(8, 3)'
answers "did you mean 'maxpool'? It is MaxPooling2D of Keras" summary -m 'MaxPooling2D 2'
answers 'an activation is a layer by its own name' summary -m 'Activation relu'
answers "mpirun starts the ranks: mpirun -n 4 $MNIST_DIST" -n 4
answers 'it belongs to train; leave it out' evaluate run --epochs 3
answers 'give --which best to evaluate' --restore_best_weights
answers "option '--out' has an empty value" --out ''
for file in x.onnx x.keras x.h5 x.weights.h5 x.PT; do
    answers "--out=$file: must be a folder, the run directory: train with -o runs/NAME; then mnist_dist export" -o "$file"
    [[ ! -e $file ]] || die "$file was made"
done
answers "--ranks and --hosts are of --dry-run and --write-trace; mpirun starts the ranks: mpirun -n 4 $MNIST_DIST" --ranks 4
answers "unknown command 'fit'; it is train here" fit
answers "unknown command 'test'; it is evaluate here" test run
answers "'--val-accuracy'; it is measured after each epoch" --val-accuracy
answers "'--num_epochs'; it is --epochs here" --num_epochs 2
answers "'--dropout'; it is a layer" --dropout 0.2
answers '--out=a\x0ab: holds a line break' -o $'a\nb'
"$MNIST_DIST" -d synthetic --limit 100 -m 'flatten; dense 10' --max-steps 1 -o -dash >output 2>&1 || { cat output; die '-o -dash'; }
says "next   $MNIST_DIST evaluate ./-dash"
answers 'ONNX is written by tools/export_onnx.py' export run -o x.onnx
answers 'such as model.weights.h5' export run -o weights.h5
answers 'end it with .weights.h5 or .keras' export run -o x.pt
[[ ! -e x.onnx && ! -e weights.h5 ]] || die 'a file that was refused is there'

# ---- a leaf larger than the batch: the same bits, and no more memory than one leaf needs ----
common=(-d synthetic --limit 300 -m 'flatten; dense 10' -b 50 -e 1)
train 1x2 one "${common[@]}" --grain 50
train 1x2 many "${common[@]}" --grain 65536
same one many
taken grain 8 -b 3
taken grain 100 -b 100 --grain 65536
memory() { "$MNIST_DIST" "${common[@]}" --dry-run "$@" | sed -n 's/^memory .*activations //p'; }
[[ $(memory --grain 65536) == "$(memory --grain 50)" ]] || die "memory: $(memory --grain 65536)"
