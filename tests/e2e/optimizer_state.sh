#!/usr/bin/env bash
# --weights FILE --optimizer-state goes on where the optimiser of the file stopped: the same parameters as the run that was not
# cut, from checkpoints and from files of Keras, on every layout, also after a resume. What does not fit is refused.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
python_has h5py

# One step an epoch, always with the same images in the same order: step 0 of a new run is the step that follows.
common=(--data synthetic --limit 60 --batch-size 60 --validation-split 0 --shuffle no --model "conv2d 4 3 stride 2 relu; flatten; dense 10")
cd "$scratch"
digest() { result "$1" parameters_digest; }

# ---- two steps and one more are three ----
for words in adam adamw momentum sgd "rmsprop --momentum 0.9" adamax lamb; do
    name=${words// /_}
    read -ra optimizer <<<"--optimizer $words"
    train 1x1 "$name-whole" "${common[@]}" "${optimizer[@]}" --epochs 3
    train 1x1 "$name-two" "${common[@]}" "${optimizer[@]}" --epochs 2
    train 1x1 "$name-one" "${common[@]}" "${optimizer[@]}" --epochs 1 --weights "$name-two/last.weights.h5" --optimizer-state
    [[ $(digest "$name-one") == "$(digest "$name-whole")" ]] || die "$words: two steps and one are not three"
done
whole=$(digest adam-whole)
train 1x1 adam-new "${common[@]}" --epochs 1 --weights adam-two/last.weights.h5
[[ $(digest adam-new) != "$whole" ]] || die 'the run without the state is the same'

# ---- layouts, and the state of such a run ----
for layout in 2x1 3x1; do
    train "$layout" "by-$layout" "${common[@]}" --epochs 1 --weights adam-two --optimizer-state
    cmp adam-one/last.weights.h5 "by-$layout/last.weights.h5" || die "$layout gave another run"
done
"$python" - <<'END' || die 'the state in the checkpoints'
import h5py, json
for run, step, offset, iteration in (("adam-two", 2, None, 2), ("adam-one", 1, 2, 3)):
    with h5py.File(run + "/last.weights.h5") as file:
        state = json.loads(file["mnist_dist"].attrs["state"])
        assert (state["step"], state.get("iteration_offset")) == (step, offset), state
        assert file["optimizer/vars/0"][()] == iteration
END

# ---- it is stopped and continued, and begins another one ----
train 1x1 long "${common[@]}" --epochs 3 --weights adam-two --optimizer-state
train 1x1 cut "${common[@]}" --epochs 1 --weights adam-two --optimizer-state --resume
train 2x1 cut "${common[@]}" --epochs 3 --weights adam-two --optimizer-state --resume
cmp long/last.weights.h5 cut/last.weights.h5 || die 'the continued run differs from the whole one'
train 2x1 from "${common[@]}" --epochs 3 --resume-from adam-one
cmp long/last.weights.h5 from/last.weights.h5 || die '--resume-from differs from the whole one'
train 1x1 third "${common[@]}" --epochs 2 --weights adam-one/last.weights.h5 --optimizer-state
[[ $(digest third) == "$(digest long)" ]] || die 'a state of a run with an offset is taken wrongly'

# ---- files as Keras writes them ----
"$MNIST_DIST" export adam-two -o plain.keras >output 2>&1 || { cat output; die 'export'; }
"$python" - <<'END'
import io, zipfile
import h5py, numpy as np
with zipfile.ZipFile("plain.keras") as archive:
    config, metadata = archive.read("config.json"), archive.read("metadata.json")
    layers = io.BytesIO(archive.read("model.weights.h5"))
with h5py.File("adam-two/last.weights.h5") as run:
    variables = [run[f"optimizer/vars/{i}"][()] for i in range(len(run["optimizer/vars"]))]
variables[0] = np.int32(variables[0])
SCHEDULE = variables[:1] + variables[2:]


def archive(name, optimizer, values):
    buffer = io.BytesIO()
    with h5py.File(layers) as model, h5py.File(buffer, "w") as out:
        for key in model:
            model.copy(key, out)
        group = out.create_group("optimizer/vars")
        if optimizer:
            group.attrs["name"] = optimizer
        for i, value in enumerate(values):
            group[str(i)] = value
    with zipfile.ZipFile(name + ".keras", "w") as out:
        out.writestr("metadata.json", metadata)
        out.writestr("config.json", config)
        out.writestr("model.weights.h5", buffer.getvalue())
    with open(name + ".weights.h5", "wb") as out:
        out.write(buffer.getvalue())


def whole(name, values, prefix):
    with h5py.File(layers) as model, h5py.File(name + ".h5", "w") as out:
        out.attrs["model_config"] = config.decode()
        group = out.create_group("model_weights")
        group.attrs["layer_names"] = [b"conv2d", b"dense"]
        for key in ("conv2d", "dense"):
            names = [f"{key}/kernel", f"{key}/bias"]
            below = group.create_group(key)
            below.attrs["weight_names"] = [n.encode() for n in names]
            for i, n in enumerate(names):
                below[n] = model[f"layers/{key}/vars/{i}"][()]
        group = out.create_group("optimizer_weights")
        names = [f"{prefix}/v{i}" for i in range(len(values))]
        group.attrs["weight_names"] = [n.encode() for n in names]
        for n, value in zip(names, values):
            group[n] = value


archive("named", "adam_1", variables)
archive("unnamed", "", variables)
archive("schedule", "adam", SCHEDULE)
whole("whole", variables, "adam")
whole("whole_schedule", SCHEDULE, "Adam")
archive("nadam", "nadam", variables)
archive("amsgrad", "adam", variables + variables[3::2])
archive("momentum", "sgd", variables[:2] + variables[2::2])
archive("apart", "adam", variables[:2] + variables[2::2] + variables[3::2])
archive("nothing", "adam", variables[:2])
archive("negative", "adam", [np.int64(-1), *variables[1:]])
whole("whole_rmsprop", variables[:2] + variables[3::2], "rm_sprop")
variables[2] = np.full_like(variables[2], np.nan)
archive("nan", "adam", variables)
END
for file in named.keras unnamed.keras schedule.keras named.weights.h5 schedule.weights.h5 whole.h5 whole_schedule.h5; do
    name=by-${file//./-}
    train 1x1 "$name" "${common[@]}" --epochs 1 --weights "$file" --optimizer-state
    says "goes on with the optimiser's state of $file: adam, after 2 steps"
    [[ $(digest "$name") == "$whole" ]] || die "$file: the run does not go on where the file ended"
done

# ---- what is refused ----
# bad STATUS WORDS OPTION...
layout=1x1
bad() {
    refused "$1" "$2" on "$layout" train "${common[@]}" --out made "${@:3}"
    [[ $(grep -c '^mnist_dist: ' output) == 1 ]] || { cat output; die 'more than one line'; }
    [[ ! -e made ]] || die "a folder was made for $2"
}
bad 64 '--optimizer-state needs the file whose state is taken: --weights PATH' --optimizer-state
bad 64 '--weights PATH' --optimizer-state --resume-from adam-two
for layout in 1x1 2x1; do
    bad 65 'its optimiser is sgd, the run'\''s is adam: use --optimizer momentum' --weights momentum.keras --optimizer-state
    bad 65 'no state of an optimiser in it: leave --optimizer-state out' --weights plain.keras --optimizer-state
done
bad 65 'its optimiser is adam, the run'\''s is sgd: use --optimizer adam' --weights adam-two --optimizer-state --optimizer sgd
bad 65 'its optimiser is rmsprop, the run'\''s is adam: use --optimizer rmsprop' --weights whole_rmsprop.h5 --optimizer-state
bad 65 'its optimiser is nadam, the run'\''s is adam: leave --optimizer-state out' --weights nadam.keras --optimizer-state
bad 65 'its optimiser, sgd, keeps 4 arrays, the run'\''s, sgd, 0 for each of 4 tensors: use --optimizer momentum' \
    --weights momentum.keras --optimizer-state --optimizer sgd
bad 65 'its optimiser, adam, keeps 12 arrays, the run'\''s, adam, 2 for each of 4 tensors: leave' --weights amsgrad.keras --optimizer-state
bad 65 'its optimiser, adam, keeps 0 arrays' --weights nothing.keras --optimizer-state
bad 65 'optimiser slot 1 of layer conv2d, tensor 0' --weights apart.keras --optimizer-state
bad 65 'not finite' --weights nan.keras --optimizer-state
bad 65 'its optimiser has done -1 steps' --weights negative.keras --optimizer-state
cd - >/dev/null
