/* bench.h - throughput of training or inference beside the roofline of the same process.   room: train
 *
 * Threads: the one that called comm_start.   Collective: over all ranks.   Memory: the session's arena.
 * Errors: as said.   Figures are by the clock: docs/performance.md says how to compare them.   Test: tests/e2e/cli.sh
 */
#ifndef MNIST_DIST_TRAIN_BENCH_H
#define MNIST_DIST_TRAIN_BENCH_H

#include "train/bench_ranks.h"
#include "train/profile.h"
#include "train/roofline.h"
#include "train/session.h"
#include "train/step.h"

typedef struct bench_cfg {
    int inference; /* 0: whole training steps; 1: forward alone, batch after batch in file order */
    int per_rank;  /* 1: also what every rank did */
    double started_s; /* timer_now_s() when MPI had started */
} bench_cfg;

typedef struct bench_result {
    int steps;                    /* of training, or batches                               */
    int warm_up;                  /* steps before the first that counts                    */
    double startup_s;             /* from started_s to the first step, of the slowest rank */
    double images_per_second;     /* median over rounds                                    */
    double low, high;             /* slowest and fastest round                             */
    double step_ms;               /* mean                                                  */
    double phase_ms[STEP_PHASES]; /* mean of a step, of the slowest rank                   */
    double gflops_nominal;        /* GFLOP of an image in a step times images_per_second    */
    roofline limits;
    double active;  /* share of the last pooling's outputs above 0 (ReLU); -1: no such layer */
    double pss_mib; /* largest proportional set size of a rank, MiB; -1: unknown             */
    const bench_rank *rank; /* [ranks] of per_rank, on rank 0; else NULL                      */
    int samples, every;     /* of each rank: every Nth step                                   */
} bench_result;

/* Walks the training images once, or --max-steps batches, and times it; before that it takes a tenth as many steps, at most 10,
 * from the initial weights, which do not count. Inference takes a batch when
 * all ranks are done with the one before, as a server would; each rank runs its share of the batch's images. Ends the profile,
 * which may be NULL. STATUS_DIFFERS if a loss is not finite; as profile_end. */
status bench_run(session *s, profile *p, const bench_cfg *cfg, bench_result *result, failure *why);

#endif
