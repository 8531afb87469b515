/* schedule.h - the learning rate over time, as a factor of the run's rate.            room: optim
 *
 * Of T steps in all, W of them warm-up, t = 0, 1, ... the step about to be done, p = (t - W) / (T - W):
 *   constant                      1
 *   step LENGTH FACTOR            FACTOR ^ floor(t / LENGTH)                                      (1epochs 0.5)
 *   cosine END                    END + (1 - END) (1 + cos(pi p)) / 2                             (0)
 *                                 Loshchilov and Hutter, arXiv 1608.03983, equation 5, without restarts
 *   linear END                    1 - (1 - END) p                                                 (0)
 *   one-cycle PEAK START END      from 1/START up to 1 at step PEAK T - 1, down to 1/(START END) at the last step, both
 *                                 as half cosines: Smith and Topin, arXiv 1708.07120, as PyTorch's OneCycleLR (0.3 25 1e4)
 *   plateau PATIENCE FACTOR       FACTOR ^ (times that the validation loss stayed), as Keras' ReduceLROnPlateau (10 0.1)
 *   warm-up                       (t + 1) / W while t < W: Goyal et al., arXiv 1706.02677, section 2.2. step and plateau go on
 *                                 beneath it
 * A LENGTH is 2 or 2epochs, or 500steps; a blank before the unit is allowed. Parameters may be left out, the last ones first.
 *
 * Each schedule is one row, a schedule_type, in src/optim/schedule.c; names, checks and help go through the rows.
 *
 * Pure functions of the step, and of the losses of whole epochs for plateau; in double, by kernel/scalar.h.
 * Threads: any.   Collective: no.   Memory: none.   Errors: STATUS_USAGE, as base/words.h has it.
 * Test: tests/unit/optim_schedule.c
 */
#ifndef MNIST_DIST_OPTIM_SCHEDULE_H
#define MNIST_DIST_OPTIM_SCHEDULE_H

#include <stdint.h>

#include "base/error.h"

/* A length of training: epochs, or optimiser steps; the other of the two is 0. */
typedef struct schedule_length {
    int64_t epochs, steps;
} schedule_length;

/* A schedule with its parameters; one that its type does not have is 0. */
typedef struct schedule {
    const struct schedule_type *type;
    schedule_length warmup; /* 0, 0: none */
    schedule_length every;  /* step */
    double factor;          /* step, plateau */
    double end;             /* cosine, linear: a part of the rate; one-cycle: a divisor */
    double peak, start;     /* one-cycle */
    int64_t patience;       /* plateau, epochs */
} schedule;

/* Where a run is. */
typedef struct schedule_place {
    int64_t step; /* steps done: the rate is that of the next one */
    int64_t steps_per_epoch, epochs;
    int64_t reductions; /* of the plateau */
} schedule_place;

enum { SCHEDULE_MAX_PARAMETERS = 3 };

struct words;

/* One schedule. */
typedef struct schedule_type {
    const char *name;
    const char *form;     /* the name and its parameters: "step LENGTH FACTOR" */
    const char *defaults; /* the parameters' values: "1epochs 0.5" */
    const char *help;     /* what the learning rate does, for --help */
    /* Takes the next word (base/words.h) as the first, second, ... parameter; NULL past the last one. */
    status (*take[SCHEDULE_MAX_PARAMETERS])(struct words *w, schedule *s, failure *why);
    int spans_all;    /* 1: see schedule_spans_all */
    int warms_up;     /* 1: has a warm-up of its own, so that --warmup is refused */
    int follows_loss; /* 1: at.reductions counts */
    /* The factor without the warm-up. part: p of the table above, from 0 to 1. */
    double (*factor)(const schedule *s, schedule_place at, double part);
} schedule_type;

/* The row of an index from 0 on; NULL past the last. Its name, likewise. */
const schedule_type *schedule_row(int index);
const char *schedule_name(int index);

/* spec and warmup as a user writes them; warmup "0": none. */
status schedule_parse(const char *spec, const char *warmup, schedule *s, failure *why);

/* 1: another number of epochs makes other rates in the epochs before, too. */
int schedule_spans_all(const schedule *s);

/* What a plateau remembers of the epochs so far; starts as plateau_begin() gives it. */
typedef struct plateau {
    double best;
    int64_t wait, reductions;
} plateau;
plateau plateau_begin(void);
/* An epoch ended with this loss. No effect for other schedules. */
void plateau_see(plateau *p, const schedule *s, double loss);

/* What the run's learning rate is multiplied by at `at`. */
double schedule_factor(const schedule *s, schedule_place at);

#endif
