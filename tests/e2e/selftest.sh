#!/usr/bin/env bash
# What a computing centre does after installing: selftest on one process and under mpirun says that the bits are the published
# ones; a published digest that differs by one digit is named with exit code 1.
set -euo pipefail
# shellcheck source=common.bash
source "$(dirname "${BASH_SOURCE[0]}")/common.bash"
number=$("$MNIST_DIST" --version | sed -n 's/.*, numerics \([0-9]*\) .*/\1/p')
[[ -n $number ]] || die "--version names no numerics"
cd "$scratch"

for layout in 1x1 3x2; do
    on "$layout" selftest || { cat "$scratch/output"; die "selftest on $layout"; }
    says "bits: as published (numerics $number), "
    says "MPI      "
    says "cnn "
done
says '1 host, 3 ranks x 2 threads on '
[[ $(ls) == output ]] || die "selftest leaves files: $(ls)"

# some of the trainings
on 1x1 selftest rnn mlp || die "selftest rnn mlp"
says ', 2 trainings in '
refused 64 "selftest has no training 'rnm'" "$MNIST_DIST" selftest mlp rnm

# JSON, without shared memory
on 2x1 selftest --json --share off || die "selftest --json"
"$python" - "$scratch/output" "$number" <<'PYTHON'
import json, sys

found = json.load(open(sys.argv[1]))
assert found["numerics"] == int(sys.argv[2]) and found["as_published"] and found["ranks"] == 2, found
assert found["trainings"] == len(found["rows"]) >= 20, found
assert all(row["same"] and row["digest"] == row["published"] for row in found["rows"]), found
PYTHON

# another digest in the program's table
digest=$("$python" -c 'import json, sys; print({r["name"]: r["digest"] for r in json.load(open(sys.argv[1]))["rows"]}["clip"])' output)
"$python" - "$MNIST_DIST" "$digest" <<'PYTHON'
import pathlib, sys

program, digest = pathlib.Path(sys.argv[1]).read_bytes(), sys.argv[2].encode()
assert program.count(digest) == 1
wrong = digest[:-1] + (b"0" if digest[-1:] != b"0" else b"1")
pathlib.Path("changed").write_bytes(program.replace(digest, wrong))
PYTHON
chmod +x changed
refused 1 "bits: not as published (numerics $number) in 1 of " ./changed selftest
says ': clip: the compiler or its flags'
says 'the same when repeated'

# a folder that hides the built-in digits
"$python" "$here/data_maker.py" synthetic
refused 64 "hidden by the folder 'synthetic' here: start selftest in another folder" "$MNIST_DIST" selftest
