/* roofline.h - what the cores of all ranks can do at most, measured now.                layer: train
 *
 * Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009: a rate beside the machine's own limits. Every thread of
 * every rank works at once, half a second per figure, so that the limits are those of the run's own cores in the same minute.
 *
 * Collective over all ranks.   Memory: the session's arena, given back.   Errors: none.
 */
#ifndef MNIST_DIST_TRAIN_ROOFLINE_H
#define MNIST_DIST_TRAIN_ROOFLINE_H

#include "train/session.h"

typedef struct roofline {
    double sgemm_gflops;    /* BLIS sgemm 1024^3, one product per thread at a time        */
    double fma_peak_gflops; /* fused multiply-adds out of registers                       */
} roofline;

roofline roofline_measure(session *s);

#endif
