#!/usr/bin/env bash
# Layouts that are not there: SimGrid's answers worked out by hand, a study of them, and what is refused.
set -euo pipefail
# shellcheck source=../e2e/common.bash
source "$SOURCE_DIR/tests/e2e/common.bash"
python_has numpy pandas matplotlib
command -v smpirun >/dev/null || skip 'smpirun is not installed: apt-get install libsimgrid-dev'
"$python" "$SOURCE_DIR/tests/tools/simulate.py" "$SOURCE_DIR" "$MNIST_DIST" "$scratch"

# A study, from a calibration that is there.
scaling() {
    "$python" "$SOURCE_DIR/tools/scaling.py" "$@" >"$scratch/output" 2>&1
}
small=(--hosts 1 2 4 --ranks 1 --batch-size 16 --repetitions 2 --steps 3 --program "$MNIST_DIST")
scaling simulate weak "${small[@]}" --out "$scratch/study" --real "$scratch/real.json" -- --data=synthetic || {
    cat "$scratch/output"
    die 'the study'
}
says 'scaling.html'
"$python" - "$scratch/study" <<'END'
import sys
from pathlib import Path
import pandas as pd

out = Path(sys.argv[1])
points = pd.read_csv(out / "scaling.csv")
assert list(points["nodes"]) == [1, 2, 4] and list(points["batch"]) == [16, 32, 64], points
assert set(points["source"]) == {"simulated"}
# without a network a step of 16 images takes what was measured: 10 + 1 + 0.5 + 0.25 ms
alone = points["step_ms"][0]
assert abs(alone - 11.75) < 1e-3, alone
assert points["step_ms"].is_monotonic_increasing
assert (points["efficiency"] <= 1).all()
# on two hosts the real run took half the time
assert (points["error_percent"] > 90).all(), points["error_percent"]
assert "imulated" in (out / "scaling.html").read_text()
END

refused 66 'no such file, and not one of ethernet-1,' scaling simulate weak --platform nowhere
says 'ethernet-25'
refused 64 '--steps: 0 is less than 1' scaling simulate weak --steps 0
refused 64 '--reduce=mpi' scaling simulate weak "${small[@]}" --out "$scratch/study" -- --data=synthetic --reduce=mpi
echo '{}' >"$scratch/study/calibration/cnn-16-1x1.jsonl"
refused 65 'bench --per-rank' scaling simulate weak "${small[@]}" --out "$scratch/study" -- --data=synthetic
refused 66 libsimgrid-dev env PATH="$scratch" "$python" "$SOURCE_DIR/tools/scaling.py" simulate weak "${small[@]}" --out "$scratch/study"

# Real steps beside simulated ones; the largest error stands beside what is predicted.
both=(--models mlp --batch-sizes 16 --hosts 1 --ranks 2 --rounds 2 --steps 30 --simulated-steps 3 --program "$MNIST_DIST")
launcher="$(command -v mpirun.openmpi || command -v mpirun) --oversubscribe --bind-to none -n"
scaling validate "${both[@]}" --launcher "$launcher 2" --platform ethernet-25 --out "$scratch/checked" -- --data=synthetic || {
    cat "$scratch/output"
    die 'the validation'
}
says 'the median of the rounds'
scaling simulate weak --model mlp --hosts 1 2 --ranks 2 --batch-size 16 --repetitions 1 --steps 3 --measured-runs 2 \
    --program "$MNIST_DIST" --out "$scratch/predicted" --validation "$scratch/checked/validation.csv" -- --data=synthetic || {
    cat "$scratch/output"
    die 'a study with its errors'
}
"$python" - "$scratch" <<'END'
import sys
from pathlib import Path
import pandas as pd

scratch = Path(sys.argv[1])
rounds = pd.read_csv(scratch / "checked/validation.csv")
assert list(rounds["round"]) == [1, 2] and set(rounds["model"]) == {"mlp"} and set(rounds["batch"]) == {32}
for how in ("drawn", "means"):
    error = 100 * (rounds[f"{how}_ms"] / rounds["real_ms"] - 1)
    assert (error - rounds[f"{how}_error_percent"]).abs().max() < 1e-6, how
points = pd.read_csv(scratch / "predicted/scaling.csv")
assert (points["error_percent"] - rounds["drawn_error_percent"].median()).abs().max() < 1e-2, points
calibration = scratch / "predicted/calibration/mlp-16-2x1.jsonl"
assert len(calibration.read_text().splitlines()) == 2
END
refused 64 'wants --platform' scaling validate "${both[@]}" --launcher "$launcher 2"
refused 64 'one number of --hosts' scaling validate "${both[@]}" --hosts 1 2 --launcher "$launcher 2" --platform ethernet-25
refused 64 'no case is left: 4096 hosts x 2 ranks x 1 threads: 8192 cores are needed' scaling validate "${both[@]}" --hosts 4096
refused 64 'started 1 ranks on 1 hosts' scaling validate "${both[@]}" --launcher "$launcher 1" --platform ethernet-25 \
    --out "$scratch/checked" -- --data=synthetic
echo 'round,real_ms' >"$scratch/damaged.csv"
refused 65 'not what scaling.py validate wrote' scaling simulate weak "${small[@]}" --out "$scratch/study-2" \
    --measured-runs 1 --validation "$scratch/damaged.csv" -- --data=synthetic

# Calibrations that are missing are measured in turn; another study takes them from its folder.
turns=(--model mlp --hosts 1 2 --ranks 1 --batch-size 32 --means --steps 1 --program "$MNIST_DIST" --calibration "$scratch/turns")
scaling simulate strong "${turns[@]}" --measured-runs 2 --measured-steps 20 --out "$scratch/first" -- --data=synthetic || {
    cat "$scratch/output"
    die 'two calibrations'
}
order=$(sed -n 's/^measures 1 ranks on \([0-9]*\) images each, run \([0-9]*\)$/\1.\2/p' "$scratch/output" | tr '\n' ' ')
[[ $order == '16.1 32.1 32.2 16.2 ' ]] || die "the order of measuring was $order"
[[ $(wc -l <"$scratch/first/scaling.csv") == 3 ]] || die 'means are simulated once'
scaling simulate weak "${turns[@]}" --out "$scratch/second" -- --data=synthetic || die 'a second study'
if grep -q '^measures' "$scratch/output"; then die 'the second study measured again'; fi
