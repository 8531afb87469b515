/* state.h - a run's parameters, optimiser state and progress, to and from checkpoints.     room: train
 *
 * Rank 0 alone touches files; all ranks return the same status.
 *
 * Threads: the one that called comm_start.   Memory: scratch of the session's arena, given back; on rank 0 whole slabs of
 * optimiser state.   Collective: over all ranks, except state_describe.
 * Errors: as checkpoint_write, checkpoint_read; STATUS_USAGE if a checkpoint is of other data or settings, STATUS_BAD_DATA if
 * it has no state of a run.   Test: tests/e2e/resume.sh
 */
#ifndef MNIST_DIST_TRAIN_STATE_H
#define MNIST_DIST_TRAIN_STATE_H

#include "base/text_buffer.h"
#include "io/checkpoint.h"
#include "io/metrics.h"
#include "train/update.h"

/* Where a run is; all of it is the same on every layout. */
typedef struct progress_state {
    int epoch;         /* whole epochs done                                         */
    int64_t step;      /* steps done                                                */
    double epoch_loss; /* of the epoch that has begun: sums over its samples so far */
    int64_t epoch_correct, epoch_samples;
    int best_epoch;         /* counted from 1; 0: none yet                           */
    double best_value;      /* what --monitor watches, of the best epoch; NaN or 0 before */
    int epochs;             /* in the history                                        */
    metrics_epoch *history; /* [epochs] borrowed; clock fields are not stored        */
    /* steps that the optimiser had done before the run: --optimizer-state; else 0 */
    int64_t iteration_offset;
    /* --accept-numerics: the number (train/numerics.h) with which the run began, and the step after which it took another one.
     * 0 and 0: all steps are of this program's number */
    int numerics_before;
    int64_t numerics_since;
} progress_state;

/* The history in the words of a checkpoint, on rank 0: each epoch is put into words once. {{0}} at first. It belongs to one
 * history, which only grows; its owner frees rows with text_buffer_free. */
typedef struct history_text {
    text_buffer rows;
    int epochs; /* in rows */
} history_text;

/* Writes RUN/last.weights.h5 or RUN/best.weights.h5. */
status state_write(updater *u, const char *run_folder, checkpoint_role role,
                   const progress_state *progress, history_text *history, failure *why);

/* Restores parameters, optimiser state and the session's step from a file that is open on rank 0 (NULL elsewhere), if its data
 * and model, and all settings that define bits, are those of the session, and its numerics those of the program; with the
 * setting accept_numerics the last may differ. progress->history: [max] of the caller, receives
 * the history; the rest of *progress is set. */
status state_read(updater *u, const checkpoint_file *file, progress_state *progress, int max,
                  failure *why);

/* Restores parameters alone, from a checkpoint or a plain Keras weights file that is open on rank 0 (NULL elsewhere). */
status state_read_weights(session *s, const checkpoint_file *file, failure *why);

/* Begins a run, at step 0, with the parameters and the optimiser's state of such a file: slots and number of steps; not its
 * learning rate. STATUS_BAD_DATA, if the file has no such state, or that of another kind of optimiser. *progress is set;
 * progress->history stays. *note: a line for the user, on rank 0. */
status state_read_start(updater *u, const checkpoint_file *file, progress_state *progress,
                        failure *note, failure *why);

/* Sets c's layers to those of the model, their values to its tensors in the slab `parameters`. */
void state_describe(const model *m, float *parameters, checkpoint *c);

#endif
