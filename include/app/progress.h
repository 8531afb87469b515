/* progress.h - shows the progress of a training: a bar, plain lines, or JSON.           room: app
 *
 * mpirun connects a rank's standard output with a terminal even if its own output goes to a file, and a rank's standard error
 * with a pipe even if its own is a terminal. So --progress=auto draws a bar only if both are terminals; under mpirun it prints
 * plain lines, one every few seconds.
 *
 * Rank 0 alone.   Threads: one.   Collective: no.   Errors: none.   Test: tests/unit/app_options.c, tests/e2e/cli.sh
 */
#ifndef MNIST_DIST_APP_PROGRESS_H
#define MNIST_DIST_APP_PROGRESS_H

#include "app/app.h"
#include "train/trainer.h"

typedef struct progress {
    const app *a;
    progress_style style;   /* never PROGRESS_AUTO                               */
    int epochs, steps;      /* of the run, of an epoch                           */
    int step_of_epoch;      /* the last one that was reported                    */
    int utf8;               /* 1: the locale has it                              */
    int shown;              /* columns of the line that hold a bar now           */
    double begin_s, told_s; /* timer_now_s() at the epoch's begin, at the last print */
} progress;

progress progress_new(const app *a);
/* The functions that train_run calls; they use *p, which must outlive the observer. */
train_observer progress_observer(progress *p);
/* The style of --progress, with auto decided: PROGRESS_NONE with --quiet, else a bar if both are terminals. term: $TERM;
 * "dumb", "" and NULL have no bar. */
progress_style progress_choose(const options *o, int output_is_terminal, int errors_are_terminal,
                               const char *term);

#endif
