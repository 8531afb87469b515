/* difference.h - compares two checkpoints, or the records of two runs.                     room: io
 *
 * Bits are compared, not values: 0 and -0 differ, a NaN equals the same NaN. Each difference is a line of text:
 *   settings, state    each member whose JSON differs, with both values; of the history the number of epochs, and the first
 *                      epoch that differs; without a member "numerics" it is 1. Only if both files are checkpoints
 *   records            the first line of metrics.jsonl in which a field differs, and how many lines differ. Fields of the clock
 *                      (seconds, images_per_second, phase_s) are left out; parameters_digest is compared if both lines have it.
 *                      Numbers are compared as numbers: 1 is 1.0
 *   tensors            a tensor that one file lacks; another shape or type of number; else the first element that differs, with
 *                      both values, the number of elements that differ and, of float32, their bits and the largest difference
 * If one of the files has no state of an optimizer, only the tensors of the layers are compared.
 *
 * Threads: any, with files of its own.   Collective: no.   Errors: those of reading; a difference is not an error.
 * Test: tests/io/io_difference.c, tests/e2e/verify.sh
 */
#ifndef MNIST_DIST_IO_DIFFERENCE_H
#define MNIST_DIST_IO_DIFFERENCE_H

#include "io/checkpoint.h"
#include "base/text_buffer.h"
#include "io/file.h"

/* {0} before the first call. */
typedef struct differences {
    int found;            /* how many differences `lines` tells   */
    text_buffer lines;    /* each ends with a newline             */
    int tensors, records; /* how many pairs were compared         */
    int64_t values;       /* how many pairs of elements           */
    int parameters_alone; /* 1: one of the files has no state of an optimizer */
} differences;

/* Adds the differences of two open checkpoints to *d. Takes as much memory as the tensors of a. STATUS_BAD_DATA, if there is
 * nothing to compare. */
status difference_of_checkpoints(const checkpoint_file *a, const checkpoint_file *b, differences *d,
                                 failure *why);
/* Adds the differences of two files metrics.jsonl, given by their paths. One line of each is in memory at a time. An incomplete
 * last line is left out. */
status difference_of_records(const char *a, const char *b, differences *d, failure *why);

/* Frees the lines. */
void differences_free(differences *d);

#endif
