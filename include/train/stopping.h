/* stopping.h - which epoch is the best, and when training stops early.                room: train
 *
 * As Keras' EarlyStopping: an epoch is the best one if its monitored value is better than that of the best epoch before it by
 * more than --min-delta. Training stops when no epoch of the last --patience was the best one, or when --target-accuracy is
 * reached. If there is no validation set, the training values are monitored.
 *
 * The functions depend on the settings and on the epochs so far alone, whose losses and counts are exact: a resumed run decides
 * as a run that did not stop.
 *
 * Threads: any.   Collective: no; rank 0 decides for all ranks.   Memory: none.   Errors: none.
 * Test: tests/unit/train_early_stopping.c
 */
#ifndef MNIST_DIST_TRAIN_STOPPING_H
#define MNIST_DIST_TRAIN_STOPPING_H

#include "train/state.h"

/* The value of the epoch that --monitor names. */
double stopping_value(const settings *s, const metrics_epoch *e);

/* 1 if the value is the best so far. best: of the best epoch before; NaN if there is none. */
int stopping_is_better(const settings *s, double value, double best);

/* 1 if training stops after the last epoch of p; then *reason gets one line for the user. */
int stopping_is_due(const settings *s, const progress_state *p, failure *reason);

#endif
