/* env.h - the versions of the program and of its libraries.                            room: app
 *
 * Threads: one.   Collective: no.   Errors: none.   Test: tests/e2e/cli.sh
 */
#ifndef MNIST_DIST_APP_ENV_H
#define MNIST_DIST_APP_ENV_H

#include <stdio.h>

/* Prints what `mnist_dist --version` shows. MPI need not have started. */
void env_print_version(FILE *out);

#endif
