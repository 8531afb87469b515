/* metrics.h - the record of a run: metrics.jsonl, and the same as tables in metrics.h5.    room: io
 *
 * metrics.jsonl has one JSON object a line, for each step and, behind its last step, for each epoch:
 *   {"kind":"step","epoch":1,"step":17,"loss":..,"accuracy":..,"learning_rate":..,"images_per_second":..}
 *   {"kind":"epoch","epoch":1,"step":422,"loss":..,"accuracy":..,"val_loss":..,"val_accuracy":..,"seconds":..,
 *    "images_per_second":..,"phase_s":{"forward":{"min":..,"mean":..,"max":..,"rank":..},...}}
 * A step of which a digest was taken also has "parameters_digest":"..", hex XXH3-128 of the parameters after the step; it is
 * not in the tables. epoch and step count from 1, step over the whole run. Numbers that define the run (loss, accuracy,
 * learning rate) have 9 significant digits, which give a float32 back; values of the clock have 6. What is not finite is null.
 *
 * metrics.h5 has the tables /steps and /epochs with the same columns, for h5dump, h5py and pandas. A phase becomes the columns
 * NAME_min_s, NAME_mean_s, NAME_max_s and NAME_rank. Each table has an attribute for each column that says what it is. null is
 * NaN. The file is written whole, when the run is complete and by metrics_tabulate.
 *
 * Threads: one for each object.   Collective: no (only rank 0 has an object).   Memory: all records of the run, for the tables.
 * Errors: STATUS_CANNOT_WRITE; STATUS_BAD_DATA, if an existing metrics.jsonl is damaged.   Test: tests/io/io_metrics.c
 */
#ifndef MNIST_DIST_IO_METRICS_H
#define MNIST_DIST_IO_METRICS_H

#include <stdint.h>

#include "base/error.h"

/* The largest length of a line in bytes, its newline included. */
enum { METRICS_LINE_BYTES = 4096 };

typedef struct metrics_step {
    int epoch;
    int64_t step;
    double loss, accuracy; /* of this batch alone */
    double learning_rate;
    double images_per_second;      /* by the clock                             */
    const char *parameters_digest; /* 32 hex digits, borrowed; NULL: not taken */
} metrics_step;

enum { METRICS_MAX_PHASES = 8 };

/* Time of one phase in an epoch. */
typedef struct metrics_phase {
    char name[16];
    double min_s, mean_s, max_s; /* over the ranks            */
    int rank;                    /* that the maximum is from  */
} metrics_phase;

typedef struct metrics_epoch {
    int epoch;
    int64_t step;                      /* steps done at its end                           */
    double loss, accuracy;             /* means over the images trained on, as in Keras   */
    double val_loss, val_accuracy;     /* NaN, if there is no validation set              */
    double seconds, images_per_second; /* by the clock                                    */
    int phases;
    metrics_phase phase[METRICS_MAX_PHASES];
} metrics_epoch;

typedef struct metrics metrics;

/* Opens RUN/metrics.jsonl; *opened is NULL after an error, else the caller ends with metrics_close. last_step < 0: begins a new
 * file. Otherwise the file is written anew with the records of the first `last_step` steps and `last_epoch` epochs that are in
 * it, and the run goes on behind them; an incomplete last line is left out, and each line that repeats an earlier one.
 * last_epoch may lack the epoch of last_step: a run can be stopped while it validates. *remark says what the record lacks; it
 * stays as it is if that is nothing. The file is never changed in place: another name that it has by a hard link keeps what it
 * has. */
status metrics_open(const char *run_folder, int64_t last_step, int last_epoch, metrics **opened,
                    failure *remark, failure *why);

/* Add a record. Lines are written about once a second, at the next record, so that the file can be watched. */
status metrics_add_step(metrics *m, const metrics_step *s, failure *why);
status metrics_add_epoch(metrics *m, const metrics_epoch *e, failure *why);

/* Writes all lines to metrics.jsonl and syncs it. */
status metrics_flush(metrics *m, failure *why);

/* Writes metrics.h5, if the number of records has grown by more than an eighth since it was last written. So all these writes
 * of a long run together are a few times the bytes of the last table. */
status metrics_tabulate(metrics *m, failure *why);

/* metrics_flush, and metrics.h5 with all records. */
status metrics_finish(metrics *m, failure *why);

/* Closes the file and frees the object. NULL: does nothing. */
void metrics_close(metrics *m);

#endif
