/* child.h - work on bytes that may crash or never end, in a child process.                             room: io, private
 *
 * The child has a copy of this process' memory, and limits: on its memory, and on its processor time, with one second more for
 * each CHILD_BYTES_PER_S bytes that it works on. It has the default action for signals, prints nothing, and makes no MPI or
 * OpenMP call.
 *
 * Threads: any; the work runs on a copy of the calling thread alone.   Collective: no.
 * Memory: in the child at most CHILD_BYTES and 8 times the bytes that it works on; given back at its end.
 * Test: tests/io/io_child.c
 */
#ifndef MNIST_DIST_IO_CHILD_H
#define MNIST_DIST_IO_CHILD_H

#include <stddef.h>

#include "base/text_buffer.h"

enum { CHILD_BYTES = 512 << 20, CHILD_S = 5, CHILD_BYTES_PER_S = 20 << 20 };

typedef struct child_end {
    int well;     /* 1: the work returned                            */
    int at_limit; /* 1: of time                                      */
    int signal;   /* that ended it, or 0                             */
} child_end;

/* out: a descriptor; what is written to it reaches the caller. */
typedef void (*child_work)(void *context, int out);

/* Runs the work. bytes: how many it works on, for the limits. *answer: what it wrote, with a 0 behind it; the caller frees it
 * with text_buffer_free. NULL: no answer is wanted, and out is -1. If no child can be started, or its end is not told: `well`,
 * and no answer. */
child_end child_run(child_work work, void *context, size_t bytes, text_buffer *answer);

/* For the work: writes all of it, or leaves the rest out after an error. */
void child_write(int out, const void *from, size_t length);

#endif
