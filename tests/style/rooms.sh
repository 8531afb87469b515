#!/usr/bin/env bash
# Include direction and exclusive rights of the rooms.
set -euo pipefail
# shellcheck source=common.bash
source "${BASH_SOURCE[0]%/*}/common.bash"
need_command python3

# try WORDS PATH: the source on standard input, alone in a project, is caught
try() {
    rm -rf "${scratch:?}"/*
    sample "$2"
    must_catch "$1" python3 "$here/rooms.py" "$scratch"
}

try 'kernel must not include model' src/kernel/bad.c <<<'#include "model/model.h"'
try 'data must not include comm' src/data/bad.c <<<'#include "comm/comm.h"'
try 'optim must not include layer' include/optim/bad.h <<<'#include "layer/dense.h"'
try 'train must not include app' src/train/bad.c <<<'#include "app/options.h"'
try 'names no room' src/io/bad.c <<<'#include "helpers.h"'
try 'is no room' src/utils/bad.c <<<'int x;'
try '<mpi.h> may not' include/comm/bad.h <<<'#include <mpi.h>'
try '<hdf5.h> may not' src/train/bad.c <<<'#include <hdf5.h>'
try '<blis.h> may not' src/layer/bad.c <<<'# include <blis.h>'
try '<omp.h> may not' src/kernel/bad.c <<<'#include <omp.h>'
try '<pthread.h> may not' src/train/bad.c <<<'#include <pthread.h>'
try '#pragma omp may not' src/kernel/bad.c <<<'#pragma omp parallel for'
try '#pragma omp simd may not' src/layer/bad.c <<<'#pragma omp simd'
try 'the heap may not' src/data/bad.c <<<'void f(void *p) { free(p); }'
try 'the heap may not' src/base/bad.c <<<'void *f(void) { return calloc (1, 2); }'
try 'printing may not' src/app/bad.c <<<'void f(const char *name) { printf("%s", name); }'
try 'exit may not' src/app/bad.c <<<'void f(void) { exit(1); }'
try 'transcendental functions may not' src/kernel/bad.c <<<'float f(float x) { return expf(x); }'
try 'transcendental functions may not' include/base/bad.h <<<'static inline double f(double x) { return pow(x, 2); }'

# What only looks like a breach.
rm -rf "${scratch:?}"/*
sample src/kernel/good.c <<'END'
#include "kernel/good.h" /* not "model/model.h" */
// #include <mpi.h>
#pragma omp simd
void f(struct thing *t) { t->free(t); t->log.exp(t); arena_free(t); puts("exit(1), malloc(2)"); scalar_exp(1.0); }
END
python3 "$here/rooms.py" "$scratch"

python3 "$here/rooms.py" "$root"
