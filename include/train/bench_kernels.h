/* bench_kernels.h - single kernels at the models' shapes, beside what bounds them.      room: train
 *
 * Every thread of every rank calls the kernel at once on warm data of its own, for some rounds. A rate is the sum over all
 * threads in a round. What bounds the kernel (fused multiply-adds out of registers, or copying in the cache or in memory) is
 * measured in turn with it, round by round, so that other work on the machine slows both.
 * Kernels and shapes: src/train/kernel_cases.c.
 *
 * Threads: the one that called comm_start; opens regions of the team.   Collective: over all ranks.   Memory: freed on return.
 * Errors: as said, the same on all ranks.   Test: tests/e2e/bench_kernels.sh
 */
#ifndef MNIST_DIST_TRAIN_BENCH_KERNELS_H
#define MNIST_DIST_TRAIN_BENCH_KERNELS_H

#include "base/error.h"
#include "comm/comm.h"
#include "kernel/kernels.h"

enum { BENCH_MAX_KERNELS = 64 };

/* Strings are static. */
typedef struct bench_kernel {
    const char *kernel, *shape;
    const char *unit;       /* "GFLOP/s" or "GB/s" (read and written)        */
    const char *bound;      /* "fma_peak", "cache", "memory"                 */
    double rate, low, high; /* median, slowest and fastest round, in `unit`  */
    double microseconds;    /* of a call on one thread                       */
    double share;           /* of the bound's rate in the same round, median */
} bench_kernel;

typedef struct bench_kernels_result {
    const char *isa;
    int count;
    bench_kernel row[BENCH_MAX_KERNELS]; /* [count] */
} bench_kernels_result;

typedef struct bench_kernels_cfg {
    comm *c;
    int threads;         /* of this rank               */
    const char *isa;     /* as kernels_select takes it */
    precision precision; /* of the products         */
    const char *kernel;  /* a name, or "all"           */
} bench_kernels_cfg;

/* Fills *result on all ranks. STATUS_USAGE for an unknown kernel, with the known names; as kernels_select. */
status bench_kernels_run(const bench_kernels_cfg *cfg, bench_kernels_result *result, failure *why);

#endif
