/* cadence.h - how often a checkpoint is written.                                       layer: train
 *
 *   2, 2epochs    after every second epoch, counted over the whole run      0: only at the end
 *   500steps      after every 500th step, counted over the whole run
 *   10min         when so long passed since the last one: rank 0's clock decides for all
 *
 * Threads: any.   Collective: no.   Errors: STATUS_USAGE.   Test: tests/unit/train_cadence.c
 */
#ifndef MNIST_DIST_TRAIN_CADENCE_H
#define MNIST_DIST_TRAIN_CADENCE_H

#include <stdint.h>

#include "base/error.h"

typedef enum cadence_unit { CADENCE_EPOCHS, CADENCE_STEPS, CADENCE_TIME } cadence_unit;

typedef struct cadence {
    cadence_unit unit;
    int64_t count;  /* epochs or steps */
    double seconds; /* CADENCE_TIME    */
} cadence;

status cadence_parse(const char *text, cadence *c, message *why);

/* 1: a checkpoint is due after these steps, or after these epochs (whole ones; 0: inside an epoch) of the run. */
int cadence_counts(const cadence *c, int64_t steps, int epochs);

/* 1: a checkpoint is due, this many seconds after the last one. */
int cadence_times(const cadence *c, double seconds);

#endif
