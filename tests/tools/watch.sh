#!/usr/bin/env bash
# tools/watch.py: one picture of a run, a run that goes on, one that stops, and its failures.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
python_has numpy h5py pandas sklearn rich
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1
job=
trap '[[ -z $job ]] || kill "$job" 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT

watch() {
    COLUMNS=80 "$python" "$SOURCE_DIR/tools/watch.py" "$@"
}

# fails STATUS WORDS ARGUMENT...: one line that holds WORDS
fails() {
    refused "$1" "$2" watch "${@:3}"
    [[ $(wc -l <"$scratch/output") == 1 ]] || { cat "$scratch/output"; die 'not one line'; }
}

"$python" "$SOURCE_DIR/tests/tools/make_data.py" "$scratch/data"
small=(--data "$scratch/data" --model 'flatten; dense 10' --batch-size 50)
train 2x1 run "${small[@]}" --epochs 3

# ---- one picture ----
watch "$scratch/run" --once >"$scratch/output" || die 'watch --once'
for words in 'epoch 3 of 3' 'step 66 of 66' complete 'loss, by step' 'validation accuracy' backward 'over ranks' '2 ranks x 1 thread'; do
    says "$words"
done
says "$(result run parameters_digest)"
[[ $(LC_ALL=C.UTF-8 wc -L <"$scratch/output") -le 80 ]] || die 'wider than 80'
LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 watch "$scratch/run" --once >"$scratch/output"
! LC_ALL=C grep -q '[^ -~]' "$scratch/output" || die 'more than ASCII, where the terminal shows nothing else'

# ---- a run on its way: the picture is that of now, and the tool ends with the run ----
mkdir "$scratch/going"
cp "$scratch/run/config.json" "$scratch/going"
head -n 30 "$scratch/run/metrics.jsonl" >"$scratch/going/metrics.jsonl"
watch "$scratch/going" --once >"$scratch/output"
says 'epoch 2 of 3   step 29 of 66'
says 'to go'
watch "$scratch/going" --every 0.1 --patience 120 >"$scratch/seen" 2>&1 &
job=$!
cp "$scratch/run/metrics.jsonl" "$scratch/going/metrics.jsonl"
cp "$scratch/run/result.json" "$scratch/going"
wait "$job" || { cat "$scratch/seen"; die 'it did not end with the run'; }
job=
grep -qF 'complete' "$scratch/seen" || die 'the last picture is not that of the end'

# a real one, from before its folder is there
watch "$scratch/real" --every 0.1 --patience 120 >"$scratch/seen" 2>&1 &
job=$!
train 1x1 real "${small[@]}" --epochs 2
wait "$job" || { cat "$scratch/seen"; die 'it did not end with the real run'; }
job=
grep -qF "$(result real parameters_digest)" "$scratch/seen" || die 'the real run'"'"'s last picture'

# ---- a run that stopped ----
rm "$scratch/going/result.json"
watch "$scratch/going" --every 0.1 --patience 0.5 >"$scratch/output" 2>&1 && die 'a stopped run is no success'
says 'no news for'

# ---- failures ----
fails 64 'usage: watch.py'
fails 64 '--every is from' "$scratch/run" --every 0
fails 66 'no such folder' "$scratch/absent" --once
fails 66 'no run directory' "$scratch/data" --once
fails 66 'no such folder' "$scratch/absent" --every 0.1 --patience 0.2
refused 66 'waiting for the program to make it' watch "$scratch/absent" --every 0.1 --patience 3
echo nonsense >"$scratch/going/metrics.jsonl"
fails 65 'line 1 is no record' "$scratch/going" --once
