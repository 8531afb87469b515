/* numerics.h - the number of the program's numerics, and the digests that stand for it.   room: train
 *
 * Programs of one number compute the same bits from the same settings and data. A change of the program that changes the bits
 * of any run takes the next number, with a new table beside src/train/numerics_1.inc; the old tables stay. The number is in
 * --version, result.json and checkpoints. Who may go on with a run of another number: train/state.h.
 *
 * The table has trainings of 40 steps on the built-in digits: each preset, optimiser and schedule, and chains with the other
 * kinds of layers; and of some presets the first 4 steps, for machines on which 40 take too long. The command selftest
 * (train/selftest.h) runs them, and tests/e2e/golden.sh does with the command train.
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: none.
 * Test: tests/unit/train_numerics.c (the table is complete), tests/style/numerics.sh (no row that was committed has changed)
 */
#ifndef MNIST_DIST_TRAIN_NUMERICS_H
#define MNIST_DIST_TRAIN_NUMERICS_H

#include "base/error.h"
#include "train/settings.h"

enum {
    NUMERICS = 1,       /* of this program                                                 */
    NUMERICS_FIRST = 1, /* of checkpoints that name none: they were written before numbers */
    NUMERICS_MOST = 1000000,
    NUMERICS_SETTINGS = 6, /* of a row, with the NULL behind the last                         */
};

/* A training, what it must give, and its settings, "model=cnn", with a NULL behind the last. Static texts. */
typedef struct numerics_row {
    const char *name;
    const char *digest; /* digest_parameters after the last step (train/digest.h) */
    const char *setting[NUMERICS_SETTINGS];
} numerics_row;

/* NULL past the last. */
const numerics_row *numerics_table(int index);

/* The settings of a row's training, resolved. isa: the value of --isa, the only thing that is not the row's. STATUS_USAGE: as
 * settings_set. */
status numerics_settings(const numerics_row *row, const char *isa, settings *cfg, failure *why);

#endif
