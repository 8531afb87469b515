/* watchdog.h - a thread that looks now and then at what the others do.                layer: base
 *
 * The one thread beside the team: it sleeps nearly always, takes no signal, and calls `look` every period. What `look` touches
 * must be safe beside the work: atomics, the clock, error_rank_lost. No MPI.
 * Threads: start and stop by one and the same.   Collective: no.   Errors: where no thread can be had: a CHECK.
 * Test: tests/unit/base_watchdog.c
 */
#ifndef MNIST_DIST_BASE_WATCHDOG_H
#define MNIST_DIST_BASE_WATCHDOG_H

/* One watchdog at a time (CHECK). */
void watchdog_start(double period_s, void (*look)(void *context), void *context);
/* Returns when `look` is not running and will not run again. Without a start: does nothing. */
void watchdog_stop(void);

#endif
