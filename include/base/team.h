/* team.h - the threads of this rank; the only file that opens OpenMP regions.        room: base
 *
 * All threads of a region flush denormals to zero (base/denormals.h), so that the bits of a value do not depend on the thread.
 * Collective: team_barrier, over the threads of the team.   Memory: none.   Errors: team_try.   Test: tests/e2e/openmp.sh
 */
#ifndef MNIST_DIST_BASE_TEAM_H
#define MNIST_DIST_BASE_TEAM_H

#include "base/error.h"
#include "base/place.h"

/* The variable (OMP_PROC_BIND, OMP_PLACES or GOMP_CPU_AFFINITY) by which libgomp binds threads, and in *offered the cores to
 * which it binds them; NULL if it binds none. It binds the main thread to the first of these places when it is loaded. */
const char *team_places(place_mask *offered);
/* The most threads that OMP_THREAD_LIMIT allows. */
int team_limit(void);
/* Bytes of stack of each thread but the main one: OMP_STACKSIZE, else GOMP_STACKSIZE, else the system's (ulimit -s). */
size_t team_stack_bytes(void);

/* Can a team of this number of threads be started? Starts them all, and ends them. STATUS_NO_THREADS, with the number of
 * threads that can. Call it outside of regions. */
status team_try(int threads, failure *why);

/* Sets the number of threads of all later regions, >= 1; returns it. Call them outside of regions. */
void team_set_threads(int threads);
int team_threads(void);

/* Runs work(context, thread) on every thread and returns when all have returned. The caller is thread 0. A region must not
 * open another one. */
void team_run(void (*work)(void *context, int thread), void *context);

/* Inside a region: waits until every thread of the team has called it. */
void team_barrier(void);

#endif
