/* difference.h - what two checkpoints, or two records of a run, do not have in common.     layer: io
 *
 * Bits are compared, not values: 0 and -0 differ, a NaN equals the same NaN. What is found is told in lines:
 *   settings, state    each member whose JSON differs, with both values; of the history the first epoch
 *   record             the first record of metrics.jsonl in which another field than those of the clock differs (seconds,
 *                      images_per_second, phase_s), and how many do; parameters_digest counts where both have it
 *   tensors            those that one file lacks, other shapes; else the first element that differs with both values and
 *                      their bits, how many do, and the largest difference
 * A file of Keras has no settings, state and optimiser: then the layers' tensors alone are compared.
 *
 * Threads: one.   Collective: no.   Errors: of reading; differences are no error.   Test: tests/io/io_difference.c
 */
#ifndef MNIST_DIST_IO_DIFFERENCE_H
#define MNIST_DIST_IO_DIFFERENCE_H

#include "io/checkpoint.h"
#include "io/file.h"

typedef struct differences {
    int found;         /* lines below */
    text_buffer lines; /* each ends in a newline */
    int tensors, records;
    int64_t values; /* compared */
} differences;

/* The checkpoints a and b. */
status difference_of_checkpoints(const checkpoint_file *a, const checkpoint_file *b, differences *d,
                                 message *why);
/* Two files metrics.jsonl, read side by side, record by record. A torn last line is left out. */
status difference_of_records(const char *a, const char *b, differences *d, message *why);

void differences_free(differences *d);

#endif
