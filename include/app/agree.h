/* agree.h - all ranks have been given the same, or none of them begins.                room: app
 *
 * Compared are the version and the file of the program, the command, its operands and options, and the settings after --config
 * and --recipe; except --threads, which may differ from rank to rank.
 *
 * Threads: one.   Collective: over all ranks.   Test: tests/e2e/agree.sh
 */
#ifndef MNIST_DIST_APP_AGREE_H
#define MNIST_DIST_APP_AGREE_H

#include "app/app.h"

/* own, why: what this rank found in its command line. Errors, the same on all ranks: that of the lowest rank that found one;
 * STATUS_USAGE if a rank was given something else than rank 0, naming it, both values and hosts. */
status agree_to_begin(const app *a, comm *c, status own, failure *why);

#endif
