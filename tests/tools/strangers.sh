#!/usr/bin/env bash
# Runs that are missing, foreign or damaged, to every tool over the Python package: one line, and an exit code of its own.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
python_has numpy h5py pandas matplotlib seaborn sklearn rich
export PYTHONPATH=$SOURCE_DIR/tools PYTHONDONTWRITEBYTECODE=1

"$python" "$SOURCE_DIR/tests/tools/make_data.py" "$scratch/data"
train 1x1 run --data "$scratch/data" --epochs 1 --model 'flatten; dense 10' --batch-size 100
mkdir "$scratch/other" "$scratch/empty"
echo '{"name": "sequential"}' >"$scratch/other/config.json"
cp -r "$scratch/run" "$scratch/torn"
head -c 40 "$scratch/run/config.json" >"$scratch/torn/config.json"
cp -r "$scratch/run" "$scratch/spoiled"
printf '\377\376\000 not text\n' >>"$scratch/spoiled/metrics.jsonl"
cp -r "$scratch/run" "$scratch/cut"
printf '{"model": "cnn",\n' >"$scratch/cut/result.json"
cd "$scratch"
"$python" "$SOURCE_DIR/tests/tools/strangers.py" || die 'a tool and a run that it cannot read'

# The check says no: this run is foreign in another way.
rm "$scratch/other/config.json"
refused 1 'export_mllog.py other: 66, not 65' "$python" "$SOURCE_DIR/tests/tools/strangers.py" export_mllog
