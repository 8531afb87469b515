/* step.h - one optimiser step of all ranks.                                            layer: train
 *
 *   forward, loss, backward   passes over this rank's leaves          (model/run.h)
 *   sum                       this rank's slices, in tree order        (comm/exchange.h; joint sums: model/run.h)
 *   agree                     loss, counts, whether all is finite, who wants to stop (base/stop.h): one small message
 *   update                    this rank's slices                       (train/update.h)
 *   publish                   parameters to everybody, packed forms
 *
 * After set-up a step takes no memory. A step whose loss or gradient is not finite anywhere is applied nowhere (rule 10).
 * Collective over all ranks.   Threads: opens one region of the team.   Errors: none; see finite.
 * Test: tests/e2e/same_bits.sh
 */
#ifndef MNIST_DIST_TRAIN_STEP_H
#define MNIST_DIST_TRAIN_STEP_H

#include "train/session.h"

typedef enum step_phase {
    STEP_FORWARD,
    STEP_BACKWARD, /* with joint sums */
    STEP_EXCHANGE, /* waiting for and summing partials, agreeing, publishing */
    STEP_UPDATE,
    STEP_OTHER, /* preparing packed parameters, sampling */
    STEP_PHASES
} step_phase;
const char *step_phase_name(step_phase phase);

typedef struct step_result {
    int samples;     /* of the global batch */
    int finite;      /* 0: nothing was updated */
    double loss_sum; /* sum of per-sample losses over the global batch */
    int64_t correct;
    int64_t nonfinite;           /* samples with a loss that is not finite */
    int nonfinite_rank;          /* the lowest rank that has such a sample */
    double phase_s[STEP_PHASES]; /* this rank's clock */
    int stop, save; /* the same on all ranks: why to stop (0: not), and whether to save */
    int leaves;     /* of the global batch */
    tree_node own;  /* this rank's leaves  */
} step_result;

/* Step `step` (0-based) of epoch `epoch` (0-based). */
step_result step_run(session *s, int epoch, int step);

#endif
