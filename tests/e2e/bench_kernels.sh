#!/usr/bin/env bash
# bench --kernel: all kernels once, one kernel on ranks, and a name that is none.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"

# rows PYTHON: the rows of the last output's JSON array, as `rows`, hold this
rows() {
    "$python" - "$scratch/output" "$1" <<'END' || { cat "$scratch/output"; die "not so: $1"; }
import json, sys
rows = json.loads(open(sys.argv[1]).read())
assert eval(sys.argv[2])
END
}

on 1x1 bench --kernel all --isa avx2
rows '{r["kernel"] for r in rows} >= {"copy", "gemm_nn", "gemm_tn", "gemm_tn_tree", "winograd_forward", "lstm_forward", "adam"}'
# every dense product of the models that no fused stage takes
rows '{r["shape"] for r in rows if r["kernel"] == "gemm_nn"} >= {"strong conv2d", "strong conv2d_1", "lenet5 conv2d", "lenet5 conv2d_1", "lenet5 conv2d_1, dx", "mlp dense", "gru step", "gru step, dx", "5 x 5 same, 32 to 32"}'
rows '{r["shape"] for r in rows if r["kernel"] == "gemm_tn"} >= {"lenet5 conv2d", "lenet5 conv2d_1", "gru, all steps", "5 x 5 same, 32 to 32"}'
rows '{r["shape"] for r in rows if r["kernel"] == "conv_sparse_input"} == {"cnn conv2d_1, leaf", "strong conv2d_1, leaf"}'
rows 'all(0 < r["rate_low"] <= r["rate"] <= r["rate_high"] and r["call_us"] > 0 and r["share"] > 0 for r in rows)'
rows 'all((r["unit"] == "GFLOP/s") == (r["bound"] == "fma_peak") and r["isa"] == "avx2" for r in rows)'

on 2x2 bench --kernel=gemm_nn
rows '[r["kernel"] for r in rows[:3]] == ["fma_peak", "copy", "copy"] and {r["kernel"] for r in rows[3:]} == {"gemm_nn"}'

# with --precision bf16 the products are those of its tables
for isa in avx2 baseline; do
    on 1x1 bench --kernel gemm_nn --precision bf16 --isa "$isa"
    rows "all(r['precision'] == 'bf16' and r['isa'] == '$isa' and r['rate'] > 0 for r in rows) and len(rows) > 3"
done
on 2x2 bench --kernel=gemm_nn
rows 'all(r["precision"] == "fp32" for r in rows)'
# a rate is what all threads do together
rows 'all(abs(r["rate"] * r["call_us"] - 4 * 2e-3 * 128 * 1600 * 128) < 1 for r in rows if r["shape"] == "cnn dense")'

refused 64 "--kernel=gem_nn: unknown; did you mean 'gemm_nn'? Known are fma_peak, copy, gemm_nn, " "$MNIST_DIST" bench --kernel=gem_nn
