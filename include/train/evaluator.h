/* evaluator.h - loss and accuracy of a labelled set, the work shared by all ranks.      layer: train
 *
 * Losses and counts are exact integer sums, so every layout, and --eval-on=root, gives the same figures.
 * The ranks go round by round; where one of them wants to stop (base/stop.h), all leave after the same round.
 *
 * Collective over all ranks.   Errors: none.   Test: tests/e2e/, tests/prop/
 */
#ifndef MNIST_DIST_TRAIN_EVALUATOR_H
#define MNIST_DIST_TRAIN_EVALUATOR_H

#include "train/session.h"

typedef struct evaluation {
    int count;
    double loss, accuracy; /* means */
    int64_t nonfinite;
    int seen; /* samples that this rank itself ran: tests assert on it */
    int stopped; /* why it was left early, the same on all ranks; then the figures mean nothing. 0: it is whole */
} evaluation;

/* predicted, probability: [count] on rank 0, or NULL; elsewhere ignored. An empty set gives count 0 and NaN. */
evaluation evaluator_run(session *s, const dataset_split *set, uint8_t *predicted,
                         float *probability);

#endif
