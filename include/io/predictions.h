/* predictions.h - what a model answers to a labelled set, as an HDF5 file.               room: io
 *
 * predictions.h5 holds four data sets; the first three are in the order of the samples:
 *   probabilities   float32 [count, classes], of all classes
 *   labels          uint8 [count], the true class
 *   predicted       uint8 [count], the class of the largest logit (argmax of a row, except where rounding made two equal)
 *   class_names     [classes] texts, UTF-8, of the fixed length of the longest
 * The same values give the same bytes: the file has no times.
 *
 * Threads: one at a time (libhdf5).   Collective: no.   Errors: STATUS_CANNOT_WRITE.   Test: tests/io/io_predictions.c
 */
#ifndef MNIST_DIST_IO_PREDICTIONS_H
#define MNIST_DIST_IO_PREDICTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* All arrays are borrowed. */
typedef struct predictions {
    int count, classes;
    const uint8_t *labels;      /* [count]          */
    const uint8_t *predicted;   /* [count]          */
    const float *probabilities; /* [count, classes] */
    const char *const *names;   /* [classes]        */
} predictions;

/* The bytes of the file; the caller frees *bytes with memory_free. NULL after an error. */
status predictions_build(const predictions *p, unsigned char **bytes, size_t *length, failure *why);

#endif
