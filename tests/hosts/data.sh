#!/usr/bin/env bash
# Hosts that do not see the same files: the data of a host is missing, or differs; the run folder is on rank 0's host alone.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"

mkdir "$scratch/local"
network=(--private "$scratch/local")

# on_two COMMAND: a shell command on h1, where $train_on_two is a training on h1 and h2
on_two() {
    export train_on_two="$launcher -n 2 --host h1:1,h2:1 $MNIST_DIST train ${small[*]:0:6} --threads 1 --progress plain --model mlp"
    timeout 120 "$sandbox" 2 "${network[@]}" -- bash -c "$1" >"$scratch/output" 2>&1
}

# The data: copied to h1 alone.
"$python" - "$scratch/data" <<'END'
import os, struct, sys
os.mkdir(sys.argv[1])
for name, count in ("train", 400), ("t10k", 100):
    with open(f"{sys.argv[1]}/{name}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">IIII", 0x803, count, 28, 28))
        file.write(bytes((i * 7 + i // 784) % 256 for i in range(count * 784)))
    with open(f"{sys.argv[1]}/{name}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))
END
refused 66 'rank 1 on h2: ' on_two "cp -r $scratch/data $scratch/local/data; \$train_on_two --data $scratch/local/data --epochs 1 --out $scratch/missing"
says "$scratch/local/data"
[[ ! -e $scratch/missing/result.json ]] || die 'it trained without the data of a host'

# The same sizes, but one label differs on h2
cp -r "$scratch/data" "$scratch/other"
printf '\7' | dd of="$scratch/other/train-labels-idx1-ubyte" bs=1 seek=20 conv=notrunc status=none
refused 65 'rank 1 on h2: ' on_two "cp -r $scratch/data $scratch/local/data; on h2 cp -r $scratch/other $scratch/local/data; \$train_on_two --data $scratch/local/data --epochs 1 --out $scratch/differs"
says 'is not that of rank 0'
[[ ! -e $scratch/differs/result.json ]] || die 'it trained on data that differ'

# A folder of rank 0's host: all files are there, and nothing is on the other host.
on_two "\$train_on_two --epochs 1 --out $scratch/local/run && cp -r $scratch/local/run $scratch/run && on h2 ls -A $scratch/local" ||
    { cat "$scratch/output"; die 'a run folder on one host'; }
[[ $(tail -n 1 "$scratch/output") == next* ]] || { cat "$scratch/output"; die 'the other host has files of the run'; }
train 1x1 alone "${small[@]:0:6}" --model mlp --epochs 1
same_bits alone run
