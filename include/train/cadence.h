/* cadence.h - how often a checkpoint is written: --checkpoint-every.                    room: train
 *
 *   2, 2epochs    after every second epoch, counted from the beginning of the run
 *   500steps      after every 500th step, likewise
 *   10min         when 10 minutes have passed since the last checkpoint; the clock of rank 0 decides for all ranks
 *   0             only at the end of the run
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

status cadence_parse(const char *text, cadence *c, failure *why);

/* 1: a checkpoint is due after these steps, or after these epochs (whole ones; 0: inside an epoch) of the run. */
int cadence_counts(const cadence *c, int64_t steps, int epochs);

/* 1: a checkpoint is due, this many seconds after the last one. */
int cadence_times(const cadence *c, double seconds);

#endif
