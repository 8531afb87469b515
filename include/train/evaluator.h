/* evaluator.h - loss and accuracy of a labelled set; all ranks share the work.         room: train
 *
 * Losses and counts are exact integer sums, so every layout, and --eval-on=root, gives the same figures. The ranks work in
 * rounds; if one of them wants to stop (base/stop.h), all end after the same round.
 *
 * Threads: the one that called comm_start; opens regions of the team.   Collective: over all ranks.
 * Memory: scratch of the session's arena, given back.   Errors: none.   Test: tests/mpi/train_same_bits.c,
 * tests/e2e/evaluation.sh
 */
#ifndef MNIST_DIST_TRAIN_EVALUATOR_H
#define MNIST_DIST_TRAIN_EVALUATOR_H

#include "train/session.h"

typedef struct evaluation {
    int count;             /* samples of the set                             */
    double loss, accuracy; /* means over them; NaN for an empty set          */
    int64_t nonfinite;     /* samples with a loss that is not finite         */
    int seen;              /* samples that this rank ran: tests assert on it */
    int stopped; /* 0, or why it ended early (base/stop.h), the same on all ranks: then the figures mean nothing */
} evaluation;

/* On rank 0, both or neither: predicted [set->count] receives the class of the largest logit, the first of equal ones;
 * probabilities [set->count, classes] those of all classes, float32, the same bits on every layout. NULL: not wanted, and not
 * computed. Other ranks give NULL or anything: they are ignored. */
evaluation evaluator_run(session *s, const dataset_split *set, uint8_t *predicted,
                         float *probabilities);

#endif
