/* launch.h - starts MPI, and decides the threads of each rank.                         room: app
 *
 * Threads: one.   Errors: as said.   Test: tests/e2e/cli.sh, tests/e2e/agree.sh
 */
#ifndef MNIST_DIST_APP_LAUNCH_H
#define MNIST_DIST_APP_LAUNCH_H

#include "app/app.h"

/* Starts the program again, once, with the environment that libgomp should have: it reads it only when it is loaded. Waiting
 * threads sleep soon, unless the user has set OMP_WAIT_POLICY or GOMP_SPINCOUNT. Stacks have 1 MiB at least. Threads are not
 * bound to the same cores as those of other ranks. Returns if nothing has to change, the command uses no threads, or the start
 * fails. From here on, signals that stop a training are held back until launch_begin. Call it before MPI starts. */
void launch_again(const app *a, char **argv);

/* The threads that the user asks for: --threads, else the first number of OMP_NUM_THREADS, else 0. */
int launch_asked_threads(const app *a);

/* The threads of a command of COMMAND_ALONE: those asked for, else all cores of this process; at most OMP_THREAD_LIMIT. */
int launch_threads_alone(const app *a);

/* 1 if the command works on all ranks; 0 if one rank does it, or the user asks for help. */
int launch_uses_ranks(const app *a);

/* Starts MPI, and learns from it, not from the environment, whether this process is rank 0: a->speaks. own, why: what this rank
 * found in its command line. All ranks agree on the status: own's, or that of agree_to_begin; STATUS_USAGE if MPI knows this
 * task alone and the launcher announced more; STATUS_NO_THREADS. If the command uses ranks, it also decides the threads of this
 * rank, opens a->c, and for a training listens for signals, finds a->limit and sets it as deadline (base/stop.h). Otherwise,
 * and after an error, MPI has ended on return, and a->c is NULL. Collective. */
status launch_begin(app *a, int *argc, char ***argv, status own, failure *why);
/* --ranks, --hosts: *as becomes *a on that layout, on hosts that have the cores of this one; *l is its layout. STATUS_USAGE if
 * a host had no rank. */
status launch_imagine(const app *a, app *as, comm_layout *l, failure *why);

/* Closes a->c, if it is open, and finalises MPI. Collective. */
void launch_end(app *a);

#endif
