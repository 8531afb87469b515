/* selftest.h - does this installation compute the published bits?                      room: train
 *
 * selftest_run repeats a training of the table of train/numerics.h on the ranks and threads that it is given, without files,
 * and says the digest that it ends with. The data are the first built-in digits.
 *
 * Threads: the one that called comm_start; opens regions of the team.   Collective: over all ranks.
 * Memory: a session of its own, freed on return; what comm lends stays until comm_close, about 4 MB a training.
 * Test: tests/mpi/train_selftest.c, tests/e2e/selftest.sh
 */
#ifndef MNIST_DIST_TRAIN_SELFTEST_H
#define MNIST_DIST_TRAIN_SELFTEST_H

#include "train/numerics.h"
#include "train/session.h"

typedef struct selftest_cfg {
    comm *c; /* borrowed */
    int threads, cores;
    const char *isa; /* the value of --isa */
    /* Called with each session before its first step; NULL: nothing. Tests damage kernels there. */
    void (*opened)(session *s);
} selftest_cfg;

typedef struct selftest_result {
    char digest[33];
    int steps;
    char isa[32]; /* as session.isa */
    double seconds;
} selftest_result;

/* Errors: as session_open; STATUS_STOPPED, if the ranks' copies of the parameters differ at the end; STATUS_DIFFERS, if a loss
 * or gradient is not finite; the same status on all ranks. */
status selftest_run(const selftest_cfg *cfg, const numerics_row *row, selftest_result *r,
                    failure *why);

#endif
