#!/usr/bin/env bash
# Time and accuracy of a recipe over many seeds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=dependencies.sh
source tools/dependencies.sh

usage() {
    cat <<'END'
Usage: tools/speedrun.sh [--recipe NAME] [--first SEED] [--seeds N] [--program PATH] [-- OPTION...]

Trains with `mnist_dist --recipe NAME` (fast99) for N seeds (20) from SEED (1) on, one after another on all cores, and
prints each run's test accuracy and seconds, then their distribution. What follows -- goes to mnist_dist, for example
`-- --threads=1`. PATH is build/release/mnist_dist unless said otherwise.

  training   seconds of the training steps: forward, backward, exchange, update
  run        seconds of the whole run: training, checkpoints, the test set, the report

The seeds are fixed beforehand, and all of them count.
END
}

parse() {
    recipe=fast99 first=1 seeds=20 program=build/release/mnist_dist options=()
    while (($#)); do
        case $1 in
        -h | --help) usage && exit 0 ;;
        --recipe) recipe=${2:?--recipe needs a name} && shift ;;
        --first) first=${2:?--first needs a number} && shift ;;
        --seeds) seeds=${2:?--seeds needs a number} && shift ;;
        --program) program=${2:?--program needs a path} && shift ;;
        --) options=("${@:2}") && return ;;
        *) say "unknown option '$1'; options of mnist_dist come after --; see --help" && exit 64 ;;
        esac
        shift
    done
    [[ $seeds =~ ^[1-9][0-9]*$ ]] || { say "--seeds $seeds: a number from 1 on is wanted" && exit 64; }
    [[ $first =~ ^[1-9][0-9]*$ ]] || { say "--first $first: a number from 1 on is wanted" && exit 64; }
    [[ -x $program ]] || { say "$program: no such program; tools/quickstart.sh builds it" && exit 66; }
}

# distribution FOLDER: the rows of all seeds, then the statistics
distribution() {
    python3 - "$1" "$first" "$seeds" <<'END'
import json
import pathlib
import statistics
import sys

folder, first, seeds = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
columns = {"accuracy": [], "training s": [], "run s": []}
print(f"{'seed':>6}" + "".join(f"{name:>12}" for name in columns))
for seed in range(first, first + seeds):
    r = json.loads((folder / str(seed) / "result.json").read_text())
    row = (r["test_accuracy"], r["epochs"] * r["train_samples"] / r["images_per_second"], r["seconds"])
    print(f"{seed:>6}{row[0]:>12.4f}{row[1]:>12.2f}{row[2]:>12.2f}")
    for values, value in zip(columns.values(), row):
        values.append(value)
for name, of in (("mean", statistics.fmean), ("median", statistics.median), ("least", min), ("most", max),
                 ("st. dev.", lambda v: statistics.stdev(v) if len(v) > 1 else 0.0)):
    print(f"{name:>8}" + "{:>10.4f}{:>12.2f}{:>12.2f}".format(*(of(v) for v in columns.values())))
END
}

main() {
    parse "$@"
    local folder
    folder=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder of now
    trap "rm -rf '$folder'" EXIT
    say "$program --recipe=$recipe --seed=$first...$((first + seeds - 1)) ${options[*]}"
    for ((seed = first; seed < first + seeds; seed++)); do
        "$program" --recipe="$recipe" --seed="$seed" --out="$folder/$seed" --quiet --progress=none \
            "${options[@]}" >/dev/null
    done
    distribution "$folder"
}

main "$@"
