#!/usr/bin/env bash
# --profile: the trace holds every rank, thread, step and phase, also of a run that stops early and of its continuation, and
# the run's bits are the same with it and without.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
python_has h5py

spec='conv2d 4 3 relu; maxpool 2; flatten; dense 10'
small=(--data synthetic --model "$spec" --limit 400 --epochs 2 --batch-size 64)
of_steps=(load 'conv2d forward' 'dense forward' loss 'dense backward' 'conv2d backward' 'sum leaves' 'sum slices' wait exchange
    vote update publish prepare sample)
phases=("${of_steps[@]}" epoch validation test checkpoint)

# check TRACE: of 3 ranks with 2 threads, 12 steps
check() {
    "$python" "$here/trace.py" "$1" 3 2 1 12 "${phases[@]}" >"$scratch/output" 2>&1
}

train 3x2 plain "${small[@]}"
train 3x2 profiled "${small[@]}" --profile
same plain profiled
check "$scratch/profiled/trace.json" || { cat "$scratch/output"; die 'the trace is not as promised'; }
[[ ! -e $scratch/plain/trace.json && ! -e $scratch/plain/profile.txt ]] || die 'a trace without --profile'

# ---- the table ----
for words in 'conv2d forward' 'dense backward' 'GFLOP/s' 'Seconds of 12 steps, over 3 ranks'; do
    grep -qF -- "$words" "$scratch/profiled/profile.txt" || die "profile.txt does not say '$words'"
done
"$python" - "$scratch/profiled/profile.txt" <<'END' || die 'phases do not add up to the step'
import sys
lines = open(sys.argv[1]).read().split("Outside of steps")[0].splitlines()
share = {line[:28].strip(): float(line.split(" %")[0].split()[-1]) for line in lines if " %" in line}
parts = sum(value for name, value in share.items() if name != "step")
assert share["step"] == 100 and abs(parts - 100) < 0.1 * len(share), share
END
on 2x1 bench --data synthetic --model "$spec" --max-steps 3 --profile
says 'conv2d backward'
! grep -qF 'Outside of steps' "$scratch/output" || die 'a table without rows'

# the batches of an inference are its steps; the first is a warm-up
on 2x2 bench --inference --data synthetic --model "$spec" --max-steps 3 --profile
says 'Seconds of 4 steps, over 2 ranks'
! grep -qF 'Outside of steps' "$scratch/output" || die 'a table without rows'
grep -qE '^conv2d forward .* %' "$scratch/output" || die 'no share of the step'

# ---- stopped early ----
job=
trap '[[ -z $job ]] || kill "$job" 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT

# stop LAYOUT RUN COMMAND...: trains with --profile on several ranks; after the command, when an epoch is done, mpirun is told
# to stop. Sets stopped, the step.
stop() {
    local try got=0
    : >"$scratch/output" # what the last one said is not taken for this one's
    "$launcher" --oversubscribe --bind-to none -n "${1%x*}" "$MNIST_DIST" train --out "$scratch/$2" --progress plain \
        --threads "${1#*x}" "${small[@]}" --epochs 10000 --profile >"$scratch/output" 2>&1 &
    job=$!
    for ((try = 0; try < 600; try++)); do
        ! grep -qF 'Epoch 1/' "$scratch/output" || break
        sleep 0.05
    done
    "${@:3}"
    kill -USR1 "$job"
    wait "$job" || got=$?
    job=
    [[ $got == 75 ]] || { cat "$scratch/output"; die "status $got, not 75"; }
    stopped=$(sed -n 's/^mnist_dist: stopped by SIGUSR1 at step \([0-9]*\); continue with --resume$/\1/p' "$scratch/output")
    ((stopped > 0)) || { cat "$scratch/output"; die 'it was not stopped at a step'; }
}

# profile_of RUN RANKS THREADS FIRST LAST PHASE...: both files of the run are whole
profile_of() {
    local steps=$(($5 - $4 + 1))
    "$python" "$here/trace.py" "$scratch/$1/trace.json" "${@:2}" || die "the trace of $1 is not as promised"
    grep -qF "Seconds of $steps steps, over $2 ranks" "$scratch/$1/profile.txt" || die "profile.txt is not of $steps steps"
}

stop 2x2 stopped true
says 'conv2d backward'
says 'stopped early, the limits of the cores were not measured'
profile_of stopped 2 2 1 "$stopped" "${of_steps[@]}" epoch validation checkpoint
! grep -qE 'nan|inf|of peak' "$scratch/stopped/profile.txt" || die 'limits that were not measured'
train 3x1 stopped "${small[@]}" --epochs 10000 --max-steps $((stopped + 5)) --resume --profile
profile_of stopped 3 1 $((stopped + 1)) $((stopped + 5)) "${of_steps[@]}" test checkpoint
says 'of peak'
! (profile_of stopped 3 1 "$stopped" $((stopped + 5)) "${of_steps[@]}" test checkpoint) >/dev/null || die 'a step that is not there'

# where a file cannot be written the stop is one all the same, and the run goes on
stop 2x1 barred mkdir "$scratch/barred/trace.json"
says 'trace.json: is no regular file'
grep -qF "Seconds of $stopped steps" "$scratch/barred/profile.txt" || die 'no profile.txt'
rmdir "$scratch/barred/trace.json"
train 1x2 barred "${small[@]}" --epochs 10000 --max-steps $((stopped + 5)) --resume

# ---- the checker says no ----
# spoiled WORDS PYTHON: the trace after this change of `events` is refused with these words
spoiled() {
    "$python" - "$scratch/profiled/trace.json" "$scratch/spoiled.json" "$2" <<'END'
import json, sys
trace = json.load(open(sys.argv[1]))
events = trace["traceEvents"]
spans = [e for e in events if e["ph"] == "X"]
exec(sys.argv[3])
json.dump(trace, open(sys.argv[2], "w"))
END
    ! check "$scratch/spoiled.json" || die "the checker lets pass: $2"
    says "$1"
}
spoiled 'threads are' 'trace["traceEvents"] = [e for e in events if e.get("tid") != 1]'
spoiled 'threads are' 'trace["traceEvents"] = [e for e in events if e["pid"] != 2]'
spoiled 'rank 1 has no name' 'events.remove(next(e for e in events if e["name"] == "process_name" and e["pid"] == 1))'
spoiled 'thread 1 of rank 0 has no name' \
    'events.remove(next(e for e in events if e["name"] == "thread_name" and (e["pid"], e["tid"]) == (0, 1)))'
spoiled 'no span of loss' 'trace["traceEvents"] = [e for e in events if e["name"] != "loss"]'
spoiled 'not a complete event' 'spans[5]["dur"] = -1'
spoiled 'ends after what holds it' 'next(e for e in spans if e["name"] == "loss")["dur"] += 1e6'
spoiled 'not steps 1 to 12' 'events.remove(next(e for e in spans if e["name"] == "step"))'
spoiled 'is outside of its step' 'next(e for e in spans if e["name"] == "update")["args"]["step"] = 2'
spoiled 'before it begins on another' 'for e in spans: e["ts"] += 1e8 if e["pid"] == 1 else 0'
printf '{"traceEvents":[' >"$scratch/spoiled.json"
! check "$scratch/spoiled.json" || die 'the checker lets a torn file pass'
