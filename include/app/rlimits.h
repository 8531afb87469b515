/* rlimits.h - the limits that a shell or a site sets for this process (ulimit).                room: app
 *
 * Threads: one, before others start.   Collective: no.   Memory: none.   Test: tests/e2e/limits.sh
 */
#ifndef MNIST_DIST_APP_RLIMITS_H
#define MNIST_DIST_APP_RLIMITS_H

#include "base/error.h"

/* Raises the limits of the stack and of open files to what the libraries need, as far as this process may. STATUS_NO_THREADS:
 * it may not; the libraries would crash, or name a wrong reason. */
status rlimits_raise(failure *why);

/* Where SIGKILL comes at the same CPU time as SIGXCPU, as after `ulimit -t`, SIGXCPU comes earlier from now on, so that a
 * training stops with a checkpoint. */
void rlimits_warn_early(void);

#endif
