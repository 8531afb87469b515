/* limit.h - when a training must stop: at --time-limit, else at the end of its SLURM job.   room: app
 *
 * The end of the job is SLURM_JOB_END_TIME (seconds since 1970), if it has not passed; else `squeue --format=%L` tells the
 * time left.
 *
 * Threads: one. It may start a process (by popen, which MPI allows).   Collective: no.
 * Errors: none; `text` says that the end is not known.
 * Test: tests/unit/app_limit.c
 */
#ifndef MNIST_DIST_APP_LIMIT_H
#define MNIST_DIST_APP_LIMIT_H

#include "train/settings.h"

typedef struct limit {
    double seconds; /* from now until the training stops, without the margin; INFINITY: no limit */
    char text[256]; /* for the first screen; "": no limit                                        */
} limit;

/* The margin before the end of a job is --time-margin, but at most half of the time left, so that short jobs train too. */
limit limit_find(const settings *cfg);

#endif
