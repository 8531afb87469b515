/* state.h - a session's parameters and optimiser state to and from checkpoints.         layer: train
 *
 * Collective over all ranks where said; rank 0 alone touches files. Test: tests/e2e/resume.sh
 */
#ifndef MNIST_DIST_TRAIN_STATE_H
#define MNIST_DIST_TRAIN_STATE_H

#include "io/checkpoint.h"
#include "io/file.h"
#include "io/metrics.h"
#include "train/session.h"

/* Where a run stands; everything here is the same for every layout. */
typedef struct progress_state {
    int epoch;         /* whole epochs done */
    int64_t step;      /* steps done        */
    double epoch_loss; /* of the epoch begun: sum of losses, correct ones and samples so far */
    int64_t epoch_correct, epoch_samples;
    int best_epoch;         /* 0: none yet */
    double best_value;      /* what --monitor watches, of the best epoch; NaN before */
    int epochs;             /* length of the history */
    metrics_epoch *history; /* [epochs], borrowed; clock fields are not stored */
} progress_state;

/* The history as a checkpoint has it, on rank 0: every epoch is put into words once, not at each checkpoint again. Zeroed at
 * first, and belongs to one history that only grows; its rows are freed with text_buffer_free. */
typedef struct history_text {
    text_buffer rows;
    int epochs; /* that are in it */
} history_text;

/* Writes RUN/last.weights.h5 or best.weights.h5. Collective (gathers the optimiser's slices); same status everywhere. */
status state_write(session *s, const char *run_folder, checkpoint_role role,
                   const progress_state *progress, history_text *history, message *why);

/* Restores parameters, optimiser state and s->step from an open file on rank 0 (NULL elsewhere), after checking that data,
 * model and BITS settings match. history: at most `max` epochs are stored there. Collective. */
status state_read(session *s, const checkpoint_file *file, progress_state *progress,
                  metrics_epoch *history, int max, message *why);

/* Points a checkpoint's layers at a model's tensors in a slab. Not collective. */
void state_describe(const model *m, float *parameters, checkpoint *c);

/* Parameters alone, from a checkpoint or a plain Keras weights file. Collective. */
status state_read_weights(session *s, const checkpoint_file *file, message *why);

#endif
