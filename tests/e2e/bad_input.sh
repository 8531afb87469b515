#!/usr/bin/env bash
# Bad files, options and folders: each case ends all ranks, on 1 and on 3 ranks, with its exit code and one line that names what
# is wrong, and leaves no file that is half written.
set -euo pipefail
: "${MNIST_DIST:?the program}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=run.bash
source "${BASH_SOURCE[0]%/*}/run.bash"
cd "$scratch"
unset MNIST_DIR OMP_NUM_THREADS
ranks=(mpirun --oversubscribe --bind-to none -n 3)

# A folder with a small data set, 300 and 100 images of 4 x 4, and copies of it, each with one fault.
python3 - <<'END'
import gzip, os, random, struct

random.seed(1)
NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def images(count, side=4, magic=0x803):
    return struct.pack(">4i", magic, count, side, side) + bytes(random.randrange(256) for _ in range(count * side * side))


def labels(count, magic=0x801, largest=9):
    values = [i % 10 for i in range(count)]
    values[count // 2] = largest
    return struct.pack(">2i", magic, count) + bytes(values)


GOOD = [images(300), labels(300), images(100), labels(100)]


def folder(name, changes, suffix=""):
    os.makedirs(name)
    for i, stem in enumerate(NAMES):
        data = changes.get(i, GOOD[i])
        if data is not None:
            with open(f"{name}/{stem}{suffix}", "wb") as file:
                file.write(data)


folder("good", {})
folder("missing", {2: None})
folder("truncated", {0: GOOD[0][:-1]})
folder("too_long", {2: GOOD[2] + b"x"})
folder("no_header", {1: b"\0\0"})
folder("magic", {0: images(300, magic=0x801)})
folder("swapped", {0: GOOD[1], 1: GOOD[0]})
folder("counts", {1: labels(299)})
folder("label", {3: labels(100, largest=77)})
folder("sides", {2: images(100, side=5)})
folder("empty_set", {0: images(0), 1: struct.pack(">2i", 0x801, 0)})
folder("huge", {0: struct.pack(">4i", 0x803, 2**31 - 1, 4096, 4096)})
packed = [gzip.compress(data) for data in GOOD]
folder("packed/good", dict(enumerate(packed)), ".gz")
folder("gzip_cut", {**dict(enumerate(packed)), 0: packed[0][:-20]}, ".gz")
folder("gzip_flip", {**dict(enumerate(packed)), 0: packed[0][:200] + bytes([packed[0][200] ^ 255]) + packed[0][201:]}, ".gz")
END

# nothing_half_written: no temporary file is left
nothing_half_written() {
    [[ -z $(find . -name '*.partial*') ]] || die "left behind: $(find . -name '*.partial*')"
}

# bad CODE WORDS ARGUMENT...: the program ends with this code and these words, on 1 and on 3 ranks
bad() {
    local launcher
    for launcher in '' "${ranks[*]}"; do
        # shellcheck disable=SC2086
        run $launcher "$MNIST_DIST" "${@:3}"
        [[ $code == "$1" ]] || die "$launcher mnist_dist ${*:3}: expected exit code $1"
        [[ $(grep -c '^mnist_dist: ' err) == 1 ]] || die "$launcher mnist_dist ${*:3}: expected one line of mnist_dist"
        grep -qF -- "$2" err || die "$launcher mnist_dist ${*:3}: '$2' is not said"
        nothing_half_written
    done
}

tiny=(-m 'flatten; dense 10' -e 1 -b 50)

# Without a fault it works.
run "$MNIST_DIST" "${tiny[@]}" -d good -o ok
[[ $code == 0 ]] || die 'the good data set'
run "$MNIST_DIST" "${tiny[@]}" -d packed/good -o ok_packed
[[ $code == 0 ]] || die 'the good data set, packed'
cmp -s ok/last.weights.h5 ok_packed/last.weights.h5 || die 'packed data gave another checkpoint'

# ---- data ----
bad 66 'nowhere' "${tiny[@]}" -d nowhere -o made
bad 66 't10k-images' "${tiny[@]}" -d missing -o made
bad 65 'truncated/train-images-idx3-ubyte' "${tiny[@]}" -d truncated -o made
bad 65 'too_long/t10k-images-idx3-ubyte' "${tiny[@]}" -d too_long -o made
bad 65 'no_header/train-labels-idx1-ubyte' "${tiny[@]}" -d no_header -o made
bad 65 'magic/train-images-idx3-ubyte' "${tiny[@]}" -d magic -o made
bad 65 'swapped/train-images-idx3-ubyte' "${tiny[@]}" -d swapped -o made
bad 65 '299' "${tiny[@]}" -d counts -o made
bad 65 '77' "${tiny[@]}" -d label -o made
bad 65 'sides' "${tiny[@]}" -d sides -o made
bad 65 'empty_set' "${tiny[@]}" -d empty_set -o made
bad 65 'huge/train-images-idx3-ubyte' "${tiny[@]}" -d huge -o made
bad 65 'gzip_cut/train-images-idx3-ubyte.gz' "${tiny[@]}" -d gzip_cut -o made
bad 65 'gzip_flip/train-images-idx3-ubyte.gz' "${tiny[@]}" -d gzip_flip -o made
bad 65 '5 classes' "${tiny[@]}" -d good --classes=5 -o made
bad 64 '--validation-split' "${tiny[@]}" -d good --limit=1 -o made
bad 65 'truncated/train-images-idx3-ubyte' evaluate ok -d truncated
# If a folder is named, no other folder is searched.
export MNIST_DIR=$scratch/nowhere
bad 66 'nowhere' "${tiny[@]}" -o made
MNIST_DIR=$scratch/truncated
bad 65 'truncated' "${tiny[@]}" -o made
unset MNIST_DIR
# A searched folder that holds some of the files is not skipped.
mkdir data && cp -r missing data/mnist
bad 66 'data/mnist' "${tiny[@]}" -o made
rm -r data

# ---- the command line ----
bad 64 "unknown command 'trian'" trian
bad 64 '--seeed' --seeed=3
bad 64 '--optimizer=adm' --optimizer=adm
bad 64 '--batch-size=0' -b 0
bad 64 '--batch-size=many' -b many
bad 64 'dense' -m 'flatten; dense 7' -d good -o made
bad 64 'fla' -m 'fla; dense 10' -d good -o made
bad 64 'window of 9' -m 'conv2d 3 9; flatten; dense 10' -d good -o made
[[ ! -e made && ! -e runs ]] || die 'a run that could not begin left a folder'

# ---- places to write ----
bad 73 'ok: holds a run already' "${tiny[@]}" -d good -o ok
bad 73 'ok/result.json' "${tiny[@]}" -d good -o ok/result.json/sub
bad 73 '/proc/self/made' "${tiny[@]}" -d good -o /proc/self/made

# ---- checkpoints ----
head -c 3000 ok/last.weights.h5 >cut.weights.h5
{ head -c 5000 ok/last.weights.h5 && printf 'X' && tail -c +5002 ok/last.weights.h5; } >flipped.weights.h5
head -c 4096 /dev/zero >zeros.weights.h5
bad 66 'nowhere' evaluate nowhere
bad 66 'good' evaluate good
bad 65 'cut.weights.h5' evaluate cut.weights.h5 -d good
bad 65 'flipped.weights.h5' evaluate flipped.weights.h5 -d good
bad 65 'zeros.weights.h5' evaluate zeros.weights.h5 -d good
bad 65 'cut.weights.h5' inspect cut.weights.h5
bad 65 'dense' evaluate ok -m 'flatten; dense 20 relu; dense 10' -d good
bad 64 '--model' -m 'flatten; dense 20 relu; dense 10' -b 50 -d good -o ok --resume -e 2
bad 64 '--batch-size is 60' "${tiny[@]}" -d good -o ok --resume -e 2 -b 60
bad 64 'other data' "${tiny[@]}" -d synthetic -o ok --resume -e 2
bad 66 'nowhere' "${tiny[@]}" -d good --resume-from=nowhere -o resumed
cmp -s ok/last.weights.h5 ok_packed/last.weights.h5 || die 'what was refused has changed the run'

# ---- a loss that is not finite, or an update that overflows: exit code 1, no result ----
rm -rf runs
bad 1 'not finite' "${tiny[@]}" -d good --optimizer=sgd --lr=1e30
bad 1 'its update made the parameters dense/kernel NaN or Inf' "${tiny[@]}" -d good --optimizer=adamax --lr=3e38 --max-steps 1
for folder in runs/*; do
    [[ ! -e $folder/result.json ]] || die "$folder: a run that failed has a result"
done
