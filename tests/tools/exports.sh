#!/usr/bin/env bash
# tools/export_tensorboard.py and tools/export_mllog.py: what they write is read back by readers of their own.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
python_has numpy h5py pandas sklearn rich
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1
tools=$SOURCE_DIR/tools

"$python" "$SOURCE_DIR/tests/tools/make_data.py" "$scratch/data"
train 1x1 run --data "$scratch/data" --model 'flatten; dense 10' --batch-size 50 --epochs 2
"$python" "$tools/export_tensorboard.py" "$scratch/run" -o "$scratch/logs" >"$scratch/output" || die 'export_tensorboard.py'
says "$scratch/logs/run/train/events.out.tfevents."
"$python" "$tools/export_tensorboard.py" "$scratch/run" -o "$scratch/logs" >/dev/null || die 'a second time'
"$python" "$tools/export_mllog.py" "$scratch/run" -o "$scratch/log" >/dev/null || die 'export_mllog.py'
"$python" "$tools/export_mllog.py" "$scratch/run" | cmp - "$scratch/log" || die 'standard output differs from the file'
check=("$python" "$SOURCE_DIR/tests/tools/exports.py" "$scratch/run" "$scratch/logs/run" "$scratch/log")
"${check[@]}" || die 'what was exported is not the run'

# An unfinished run.
cp -r "$scratch/run" "$scratch/part"
rm "$scratch/part/result.json"
"$python" "$tools/export_mllog.py" "$scratch/part" >"$scratch/output"
says '"status": "aborted"'

# The readers say no.
cp "$scratch/log" "$scratch/good"
sed -i 's/"key": "epoch_stop"/"key": "other"/' "$scratch/log"
refused 1 'epoch_start' "${check[@]}"
cp "$scratch/good" "$scratch/log"
events=$(echo "$scratch"/logs/run/train/*)
printf 'X' | dd of="$events" bs=1 seek=200 conv=notrunc status=none
refused 1 'checksum' "${check[@]}"

refused 64 'usage: export_tensorboard.py' "$python" "$tools/export_tensorboard.py" "$scratch/run"
refused 66 'no run directory' "$python" "$tools/export_tensorboard.py" "$scratch/data" -o "$scratch/logs"
refused 66 'no such folder' "$python" "$tools/export_mllog.py" "$scratch/absent"
refused 73 'cannot write' "$python" "$tools/export_mllog.py" "$scratch/run" -o "$scratch/absent/log"
refused 73 'cannot make this folder' "$python" "$tools/export_tensorboard.py" "$scratch/run" -o "$scratch/log/x"
