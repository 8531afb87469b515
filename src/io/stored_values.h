/* stored_values.h - the numbers of a dataset: how they are stored, and how they become float32.     room: io, private
 *
 * Keras writes float32, or float16, bfloat16 and float64 where a model has such a dtype. h5py stores bfloat16 as opaque values
 * of 2 bytes, with the attribute dtype="bfloat16". People pack files again, so chunks and every filter that libhdf5 has are
 * read.
 *
 * Threads: one at a time (libhdf5).   Collective: no.   Memory: none is kept.   Errors: STATUS_BAD_DATA, with the file's path.
 * Test: tests/io/io_damage.c, tests/e2e/keras_files.sh
 */
#ifndef MNIST_DIST_IO_STORED_VALUES_H
#define MNIST_DIST_IO_STORED_VALUES_H

#include "checkpoint_file.h"

typedef enum stored_kind {
    STORED_OTHER, /* texts, records, ... */
    STORED_INTEGER,
    STORED_FLOAT32,
    STORED_BFLOAT16,
    STORED_FLOAT16,
    STORED_FLOAT64
} stored_kind;

/* 1 if there is a dataset of this path. */
int stored_exists(const checkpoint_file *file, const char *path);

stored_kind stored_kind_of(hid_t dataset);

/* 1 if the values are numbers that can be converted to float32; float32 itself is one of them. */
static inline int stored_is_real(stored_kind kind)
{
    return kind >= STORED_FLOAT32;
}

/* "float16" */
const char *stored_kind_name(stored_kind kind);

/* Are all values in this file, as contiguous bytes or in chunks that can be unpacked, and no more of them than such a file can
 * hold? path: the dataset's, for the failure. */
status stored_check(const checkpoint_file *file, hid_t dataset, const char *path, failure *why);

/* Reads all values as float32, rounded to nearest. stored_check has accepted the dataset, and stored_is_real its kind. */
status stored_read(const checkpoint_file *file, const char *path, float *values, failure *why);

#endif
