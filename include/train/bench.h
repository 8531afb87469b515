/* bench.h - throughput of training or inference beside the roofline of the same process.   layer: train
 *
 * Collective over all ranks.   Errors: as session_open.   Figures are clock figures: see the README on how to compare.
 */
#ifndef MNIST_DIST_TRAIN_BENCH_H
#define MNIST_DIST_TRAIN_BENCH_H

#include "train/roofline.h"
#include "train/session.h"
#include "train/step.h"

typedef struct bench_cfg {
    int inference; /* 0: whole training steps; 1: forward alone, batch after batch in file order */
    double started_s; /* timer_now_s() when MPI had started */
} bench_cfg;

typedef struct bench_result {
    int steps;                /* of training, or batches */
    double startup_s;         /* from started_s to the first step, of the slowest rank */
    double images_per_second; /* median over rounds */
    double low, high;         /* slowest and fastest round */
    double step_ms;
    double phase_ms[STEP_PHASES]; /* mean per step, of the slowest rank */
    double
        gflops_nominal; /* FLOP of an image's training step, or forward, times images_per_second */
    roofline limits;
    double active;  /* share of pooled outputs of the last pooling with ReLU on, or -1 */
    double pss_mib; /* largest proportional set size of a rank, MiB; -1 unknown */
} bench_result;

/* Walks the training images once (or --max-steps batches) from the initial weights and times it. Inference takes a batch
 * when all ranks are done with the one before, as a server would: each rank its share of the batch's images. */
status bench_run(session *s, const bench_cfg *cfg, bench_result *result, message *why);

#endif
