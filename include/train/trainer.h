/* trainer.h - a whole run: epochs of steps, validation, checkpoints, the test at the end.   room: train
 *
 * Every rank calls with the same settings. Rank 0's observer is told what happens; only the observer prints.
 *
 * Threads: the one that called comm_start.   Collective: over all ranks.   Memory: the session's arena, and the run's own,
 * freed on return.   Errors: as said; the same status on every rank.   Test: tests/e2e/
 */
#ifndef MNIST_DIST_TRAIN_TRAINER_H
#define MNIST_DIST_TRAIN_TRAINER_H

#include "io/metrics.h"
#include "train/profile.h"
#include "train/results.h"
#include "train/session.h"

/* What rank 0 calls while it trains; any function may be NULL. Arguments are borrowed for the call. Epochs and steps count from
 * 1; loss, accuracy and images_per_second are means of the epoch so far. */
typedef struct train_observer {
    void *context;
    void (*started)(void *context, const session *s, const char *run_folder, int64_t first_step);
    void (*stepped)(void *context, const session *s, int epoch, int step_of_epoch, double loss,
                    double accuracy, double images_per_second);
    void (*epoch_done)(void *context, const session *s, const metrics_epoch *e);
    void (*noted)(void *context, const char *line); /* something that the user should know */
} train_observer;

/* Trains as the session's settings say and writes the run folder, whose path rank 0 writes into run_folder[FILE_PATH]. With
 * --weights the parameters start as those of the file; a run that --resume continues has its own. Ends the profile, which may
 * be NULL. *result is set on STATUS_OK. STATUS_STOPPED: stopped early, with a checkpoint; or copies of the parameters differ.
 * STATUS_DIFFERS: a loss, gradient or parameter is not finite (the last checkpoint is kept). STATUS_CANNOT_WRITE;
 * STATUS_USAGE: the checkpoint's settings do not match; STATUS_BAD_DATA: a checkpoint is damaged; STATUS_NO_INPUT. */
status train_run(session *s, profile *p, const train_observer *observer, train_result *result,
                 char *run_folder, failure *why);

#endif
