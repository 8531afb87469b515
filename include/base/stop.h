/* stop.h - a wish to stop: signals, and a moment in time.                             layer: base
 *
 * Handlers only set a flag; whoever works asks for it at places where stopping is safe. A second SIGINT ends the process at
 * once, with STATUS_INTERRUPTED.
 *
 * Threads: stop_asked by one thread; signals may arrive on any.   Collective: no (train/step.h lets the wish of one rank
 * reach all).   Memory: none.   Test: tests/unit/base_stop.c, tests/e2e/signals.sh
 */
#ifndef MNIST_DIST_BASE_STOP_H
#define MNIST_DIST_BASE_STOP_H

/* Why to stop: 0 not at all, a signal's number, or STOP_TIME. The larger of two is as good as any. */
enum { STOP_TIME = 1000 };

/* Signals SIGUSR1, SIGTERM and SIGINT wait from here on, also through an exec, until stop_listen. */
void stop_hold(void);
/* From here on they set the flag; one that waited sets it now. */
void stop_listen(void);

/* The wish comes up so early that all is over by this time of timer_now_s(): the longest time between two calls of
 * stop_asked is taken to be needed once more. */
void stop_set_deadline(double end_s);

/* The wish, if any. */
int stop_asked(void);

/* "SIGUSR1", "the time limit"; static storage. */
const char *stop_reason(int asked);

#endif
