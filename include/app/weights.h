/* weights.h - opens the weights file that the operand PATH names.                     room: app
 *
 * Rank 0 alone.   Threads: one.   Collective: no.   Test: tests/e2e/weights.sh, tests/e2e/evaluation.sh
 */
#ifndef MNIST_DIST_APP_WEIGHTS_H
#define MNIST_DIST_APP_WEIGHTS_H

#include "app/options.h"
#include "io/file.h"

typedef struct weights {
    checkpoint_file *file; /* NULL: not open                                                   */
    char path[FILE_PATH];  /* of the file                                                      */
    failure note;          /* a line for the user, such as "last was damaged, took prev"; or "" */
    status refused;        /* not STATUS_OK: a Keras file whose model cannot be read           */
    failure reason;        /* why                                                              */
} weights;

/* Opens a file, or the file of this role in a run directory. Errors: STATUS_NO_INPUT, else as checkpoint_open_run. Call
 * weights_close after an error too. */
status weights_open(const char *operand, checkpoint_role which, weights *w, failure *why);
void weights_close(weights *w);

/* The settings with which the weights were trained, and their number of classes, with the settings of the command line over
 * them; resolved. The data is that of the command line alone: train/run_data.h knows that of the weights. STATUS_USAGE if
 * neither the file nor the command line names the model. */
status weights_settings(const options *o, const weights *w, settings *s, failure *why);

/* For --weights of a training: STATUS_BAD_DATA if the file has a model that cannot be read, or another one than the command
 * line says. A file that cannot be opened is refused later, where it is read. */
status weights_check(const options *o, const settings *cfg, failure *why);

#endif
