/* stop.h - requests to stop: signals, and a time limit.                               room: base
 *
 * A signal handler only sets a flag; the trainer asks for it where stopping is safe. A second SIGINT ends the process at
 * once, with STATUS_INTERRUPTED.
 *
 * Threads: one thread calls stop_asked; a signal may arrive on any thread.   Collective: no; train/step.h passes the request
 * of one rank to all.   Memory: none.   Errors: none.   Test: tests/unit/base_stop.c, tests/e2e/signals.sh
 */
#ifndef MNIST_DIST_BASE_STOP_H
#define MNIST_DIST_BASE_STOP_H

/* A request: 0 for none, the number of a signal, or STOP_TIME. Of the requests of several ranks the largest holds. */
enum { STOP_TIME = 1000 };

/* Blocks SIGUSR1, SIGTERM, SIGHUP, SIGXCPU and SIGINT until stop_listen; the block survives an exec. */
void stop_hold(void);
/* Installs the handlers and unblocks the signals; a signal that was pending sets the flag now. A signal that the parent process
 * ignores, as nohup and a shell's `command &` in a script do, stays ignored. */
void stop_listen(void);

/* From now on stop_asked returns STOP_TIME early enough to finish by end_s, a time of timer_now_s(). It assumes that the
 * longest time between two of its calls so far is needed once more. */
void stop_set_deadline(double end_s);

/* The request, or 0. */
int stop_asked(void);

/* A request in words: "SIGUSR1", "the time limit"; a static string. */
const char *stop_reason(int asked);

#endif
