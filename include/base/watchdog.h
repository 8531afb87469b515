/* watchdog.h - a thread that calls a function at regular intervals.                   room: base
 *
 * It is the only thread outside of the team. It blocks all signals and sleeps between its calls of `look`. `look` runs beside
 * the team's work: it may use atomics, the clock and error_rank_lost; it must not call MPI.
 * Threads: one thread calls start and stop.   Collective: no.   Memory: none.   Errors: CHECK, if no thread can be created.
 * Test: tests/unit/base_watchdog.c
 */
#ifndef MNIST_DIST_BASE_WATCHDOG_H
#define MNIST_DIST_BASE_WATCHDOG_H

/* Calls look(context) every period_s seconds. CHECK: no other watchdog runs. */
void watchdog_start(double period_s, void (*look)(void *context), void *context);
/* Returns when `look` does not run and will not run again. Does nothing if no watchdog runs. */
void watchdog_stop(void);

#endif
