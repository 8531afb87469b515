/* launch.h - from a process to ranks with threads.                                     layer: app
 *
 * Errors: none (comm and base/place CHECK).   Test: tests/e2e/cli.sh
 */
#ifndef MNIST_DIST_APP_LAUNCH_H
#define MNIST_DIST_APP_LAUNCH_H

#include "app/app.h"

/* This process' rank as the launcher announced it before MPI_Init; 0 where nothing is announced. Who prints before MPI
 * is there. */
int launch_announced_rank(void);

/* Where this rank will have several threads, starts the program again, once, with OpenMP's threads told to sleep soon
 * while they wait: libgomp reads that only when it is loaded. OMP_WAIT_POLICY and GOMP_SPINCOUNT of the user stay.
 * Otherwise, and where that fails, returns. A training's signals to stop wait from here on. */
void launch_again_with_patience(const app *a, char **argv);

/* Threads that the user wants: -t, else OMP_NUM_THREADS (its first number), else 0. */
int launch_asked_threads(const app *a);

/* Starts MPI, finds the threads of this rank, opens a->c. For a training alone: hears signals, finds a->limit, and sets
 * it (base/stop.h). Collective. */
void launch_begin(app *a, int *argc, char ***argv);
/* Closes a->c and finalises MPI. Collective. */
void launch_end(app *a);

#endif
