/* roofline.h - what the cores of all ranks can do at most, measured now.                room: train
 *
 * Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009: a rate beside the limits of the machine. All threads of all
 * ranks work at once, half a second for each figure, so the limits are those of the run's own cores in the same minute.
 *
 * Threads: the one that called comm_start; opens regions of the team.   Memory: an arena's, given back.   Errors: none.
 * Test: tests/e2e/profile.sh
 */
#ifndef MNIST_DIST_TRAIN_ROOFLINE_H
#define MNIST_DIST_TRAIN_ROOFLINE_H

#include "base/arena.h"
#include "comm/comm.h"
#include "kernel/kernels.h"

/* GFLOP/s of all threads of all ranks together. */
typedef struct roofline {
    double sgemm_gflops;    /* BLIS sgemm 1024^3, each thread one product at a time */
    double fma_peak_gflops; /* fused multiply-adds out of registers                 */
} roofline;

/* threads: of the team, set before. Collective over all ranks. */
roofline roofline_measure(comm *c, const kernels *k, int threads, arena *scratch);

#endif
