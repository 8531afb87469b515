/* results.h - the files that a run leaves at its end.                                 room: train
 *
 * result.json, report.txt, confusion.csv, predictions.csv, predictions.h5, and at its beginning config.json: each is whole or
 * not there (io/file.h).
 *
 * Threads: one.   Collective: no; rank 0 alone.   Errors: STATUS_CANNOT_WRITE.   Test: tests/e2e/run_directory.sh
 */
#ifndef MNIST_DIST_TRAIN_RESULTS_H
#define MNIST_DIST_TRAIN_RESULTS_H

#include "io/checkpoint.h"
#include "train/session.h"

/* The result of a run. Losses and accuracies are means; NaN if they are not known. */
typedef struct train_result {
    int epochs;                        /* whole epochs done, by earlier parts of the run, too */
    int64_t step;                      /* steps done, likewise: those of the last weights     */
    int best_epoch;                    /* counted from 1; 0: none */
    double train_loss, train_accuracy; /* of the last epoch */
    double validation_loss, validation_accuracy;
    double test_loss, test_accuracy; /* of the last weights         */
    double best_test_accuracy;       /* of the best epoch's weights */
    int best_is_last; /* 1: the last weights are the best epoch's, or there is no best epoch */
    double images_per_second; /* of training steps, by the clock */
    double seconds;           /* of this part of the run, by the clock */
    char parameters_digest[33];
    int numerics_before; /* as in progress_state (train/state.h) */
    int64_t numerics_since;
} train_result;

/* Where weights were taken: "5 epochs, step 2,110". */
typedef struct results_place {
    char text[80];
} results_place;
results_place results_place_of(int64_t epochs, int64_t step);
/* The same of an open checkpoint, in brackets: " (5 epochs, step 2,110)"; "" for a file of Keras. */
results_place results_place_in(const checkpoint_file *file);
/* Steps that the weights of the file have had; -1 for a file of Keras. */
int64_t results_step_in(const checkpoint_file *file);

/* RUN/result.json. */
status results_write_json(const session *s, const char *run_folder, const train_result *r,
                          failure *why);

/* RUN/report.txt, confusion.csv, predictions.csv and predictions.h5 of the test set, all of the same weights. place: of these
 * weights, the last line of report.txt. predicted: [test images]; probabilities: [test images, classes]. What
 * the arena gives is given back. */
status results_write_report(const session *s, const char *run_folder, results_place place,
                            const uint8_t *predicted, const float *probabilities, arena *scratch,
                            failure *why);

/* RUN/config.json: every setting as resolved, and the data (train/run_data.h). */
status results_write_config(const session *s, const char *run_folder, failure *why);

#endif
