/* limit.h - when a training must have left: --time-limit, else the end of its SLURM job.   layer: app
 *
 * The job's end is SLURM_JOB_END_TIME (seconds since 1970) where it is set, else what `squeue --format=%L` says is left.
 *
 * Threads: one; starts a process, so before MPI.   Collective: no.   Errors: none; what cannot be found is said in text.
 * Test: tests/unit/app_limit.c
 */
#ifndef MNIST_DIST_APP_LIMIT_H
#define MNIST_DIST_APP_LIMIT_H

#include "train/settings.h"

typedef struct limit {
    double
        seconds; /* from now until the checkpoint must be written: margin taken off; INFINITY: no limit */
    char text[256]; /* for the first screen; "": nothing to say */
} limit;

/* The end of a job takes at most half of what is left as its margin, so that short jobs train too. */
limit limit_find(const settings *cfg);

#endif
