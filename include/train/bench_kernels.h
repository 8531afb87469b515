/* bench_kernels.h - single kernels at the models' shapes, beside what bounds them.      layer: train
 *
 * Every thread of every rank calls the kernel at once on data of its own, warm, for some rounds; a rate is the sum over all
 * threads in a round. It is compared with what bounds it, measured in turn with it round by round, so that a shared machine
 * slows both: fused multiply-adds out of registers, or copying inside the cache or in memory.
 * Which kernels and shapes there are: src/train/kernel_cases.c.
 *
 * Collective over all ranks.   Memory: its own, freed.   Errors: STATUS_USAGE for an unknown name, with the nearest and all.
 * Test: tests/e2e/bench_kernels.sh
 */
#ifndef MNIST_DIST_TRAIN_BENCH_KERNELS_H
#define MNIST_DIST_TRAIN_BENCH_KERNELS_H

#include "base/error.h"
#include "comm/comm.h"

enum { BENCH_MAX_KERNELS = 64 };

typedef struct bench_kernel {
    const char *kernel, *shape;
    const char *unit;       /* "GFLOP/s" or "GB/s" (read and written)      */
    const char *bound;      /* "fma_peak", "cache", "memory"               */
    double rate, low, high; /* median, slowest and fastest round           */
    double microseconds;    /* of a call on one thread                     */
    double share;           /* of the bound's rate in the same round, median */
} bench_kernel;

typedef struct bench_kernels_result {
    const char *isa;
    int count;
    bench_kernel row[BENCH_MAX_KERNELS];
} bench_kernels_result;

typedef struct bench_kernels_cfg {
    comm *c;
    int threads;
    const char *isa;    /* as kernels_select takes it */
    const char *kernel; /* a name, or "all"           */
} bench_kernels_cfg;

status bench_kernels_run(const bench_kernels_cfg *cfg, bench_kernels_result *result, message *why);

#endif
