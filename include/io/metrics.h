/* metrics.h - the record of a run: metrics.jsonl while it goes, metrics.h5 now and then.   layer: io
 *
 * metrics.jsonl, one object a line:
 *   {"kind":"step","epoch":1,"step":17,"loss":..,"accuracy":..,"learning_rate":..,"images_per_second":..}
 *   and "parameters_digest":".." (XXH3-128 in hex, of the parameters after the step) where one was taken; not in the table
 *   {"kind":"epoch","epoch":1,"step":422,"loss":..,"accuracy":..,"val_loss":..,"val_accuracy":..,"seconds":..,
 *    "images_per_second":..,
 *    "phase_s":{"forward":{"min":..,"mean":..,"max":..,"rank":..},...}}
 * Floats are written with 9 significant digits (float32 round trip) where they define the run (loss, accuracy, learning
 * rate), with 6 for clock values. epoch and step are 1-based; step counts over the whole run.
 * metrics.h5: compound tables /steps and /epochs with the same columns (h5dump, h5py, pandas read them; phases are the
 * columns NAME_min_s, NAME_mean_s, NAME_max_s, NAME_rank), on each table an attribute per column that says what it is;
 * rebuilt whole and renamed into place when the run is complete, and at checkpoints for which the records have grown by an
 * eighth since: a long run then writes a few times the last table's bytes, not their square. No number (NaN, infinity):
 * null, and NaN in the table.
 *
 * Threads: one.   Collective: no (rank 0 alone).   Errors: STATUS_CANNOT_WRITE, STATUS_BAD_DATA.
 * Test: tests/io/io_metrics.c
 */
#ifndef MNIST_DIST_IO_METRICS_H
#define MNIST_DIST_IO_METRICS_H

#include <stdint.h>

#include "base/error.h"

/* No record's line is longer, its newline included. */
enum { METRICS_LINE_BYTES = 4096 };

typedef struct metrics_step {
    int epoch;
    int64_t step;
    double loss, accuracy; /* of this batch alone */
    double learning_rate;
    double images_per_second;      /* clock */
    const char *parameters_digest; /* NULL: none was taken */
} metrics_step;

enum { METRICS_MAX_PHASES = 8 };
typedef struct metrics_phase {
    char name[16];
    double min_s, mean_s, max_s; /* over ranks, clock */
    int rank;                    /* of the maximum    */
} metrics_phase;

typedef struct metrics_epoch {
    int epoch;
    int64_t step;                      /* steps done at its end                      */
    double loss, accuracy;             /* running mean over the epoch, as Keras      */
    double val_loss, val_accuracy;     /* NaN where there is no validation set: written as null */
    double seconds, images_per_second; /* clock */
    int phases;
    metrics_phase phase[METRICS_MAX_PHASES];
} metrics_epoch;

typedef struct metrics metrics;

/* Opens RUN/metrics.jsonl. last_step >= 0: an existing file is cut back to the records of that many steps and whole epochs
 * (a resumed run goes on there; a torn last line is dropped), otherwise a new file is begun. All steps of an epoch may be
 * done and the epoch not, where the run was stopped while it validated. */
status metrics_open(const char *run_folder, int64_t last_step, int last_epoch, metrics **opened,
                    message *why);
/* Adds a record; lines reach the file at the latest with metrics_flush. */
status metrics_add_step(metrics *m, const metrics_step *s, message *why);
status metrics_add_epoch(metrics *m, const metrics_epoch *e, message *why);
/* Everything to metrics.jsonl. */
status metrics_flush(metrics *m, message *why);
/* metrics.h5 is rebuilt where the records have grown by an eighth since it last was. */
status metrics_tabulate(metrics *m, message *why);
/* Everything to both. */
status metrics_finish(metrics *m, message *why);
/* The epochs so far, oldest first (for the checkpoint's history), with the digits of the file. Valid until the next
 * record is added. */
const metrics_epoch *metrics_epochs(const metrics *m, int *count);
void metrics_close(metrics *m);

#endif
