/* metrics_table.h - the records of a run as the bytes of metrics.h5.                  room: io, private
 *
 * Compound tables /steps and /epochs, as io/metrics.h describes them.
 *
 * Threads: one at a time (libhdf5).   Collective: no.   Errors: STATUS_CANNOT_WRITE, if libhdf5 fails.
 * Test: tests/io/io_metrics.c
 */
#ifndef MNIST_DIST_IO_METRICS_TABLE_H
#define MNIST_DIST_IO_METRICS_TABLE_H

#include <stddef.h>

#include "io/metrics.h"

/* step[steps], epoch[epochs]: the records, either may be none. The caller frees *bytes with memory_free. */
status metrics_table_build(const metrics_step *step, size_t steps, const metrics_epoch *epoch,
                           size_t epochs, unsigned char **bytes, size_t *length, failure *why);

#endif
