#!/usr/bin/env bash
# The array job trains each seed in a folder of its own, as a run of this seed alone would; its summary has them all; two
# jobs never work in one folder.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"

options=(--data=synthetic --limit=1000 --batch-size=100 --epochs=2)

# array FOLDER STATUS-OF-4: three tasks to their end
array() {
    local id
    id=$(JOB_RUN=$scratch/$1 sbatch --parsable --array=3-5 --ntasks-per-node=2 --output="$scratch/$1-%a.log" \
        jobs/array_seeds.sbatch "${options[@]}")
    ends "${id}_3" 0
    ends "${id}_4" "$2"
    ends "${id}_5" 0
}

array seeds 0
for seed in 3 4 5; do
    train 1x1 "alone-$seed" "${options[@]}" --seed="$seed"
    digest=$(result "alone-$seed" parameters_digest)
    [[ $(result "seeds/seed-$seed" parameters_digest) == "$digest" ]] || die "seed $seed: other parameters"
    grep -q "^$seed,2,.*,$digest\$" "$scratch/seeds/summary.csv" || fail_with_logs "seed $seed is not in the summary"
done
[[ $(wc -l <"$scratch/seeds/summary.csv") == 4 ]] || die "the summary has more than its head and three rows"
grep -q '^summary: 3 seeds, ' "$scratch"/seeds-*.log || fail_with_logs 'no task saw all three'

# once more: nothing is left to do, and the summary stays
cp "$scratch/seeds/summary.csv" "$scratch/before.csv"
array seeds 0
cmp "$scratch/before.csv" "$scratch/seeds/summary.csv"

# another job works in one of the folders
mkdir -p "$scratch/claimed/seed-4"
exec {descriptor}<"$scratch/claimed/seed-4"
flock "$descriptor"
array claimed 73
grep -q 'seed-4: another job works there' "$scratch/claimed-4.log" || fail_with_logs 'it was refused for another reason'
[[ -z $(ls "$scratch/claimed/seed-4") && -e $scratch/claimed/seed-5/result.json ]] || die 'the wrong folder was used'
