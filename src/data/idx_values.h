/* idx_values.h - elements of any IDX type as the bytes that the program works with.     room: data, private
 *
 *   pixels   whole numbers from 0 to 255 stay; numbers from 0 to 1 that are steps of 1/255 are multiplied by 255. A file of
 *            only 0 and 1 is taken for the latter if its type is a float
 *   labels   whole numbers from 0 to 255 stay; a row of 0s with one 1 is the label of its place (one-hot); of a row of 8 that
 *            is none, the first number is the label (QMNIST: C. Yadav and L. Bottou, arXiv 1905.10498); a row of 1 is that
 *            number
 *
 * Nothing is rounded: what is none of these is refused, with its place.
 *
 * Threads: any.   Collective: no.   Memory: the caller's.   Errors: STATUS_BAD_DATA.   Test: tests/unit/data_idx_kinds.c
 */
#ifndef MNIST_DIST_DATA_IDX_VALUES_H
#define MNIST_DIST_DATA_IDX_VALUES_H

#include "idx_file.h"

/* The conversion of one file. */
typedef struct idx_values {
    const idx_file *f;
    idx_kind kind;
    int unit;    /* 1: so far all values are from 0 to 1, and `out` has them times 255           */
    int one_hot; /* 1: so far all rows are one-hot, and `out` has the place of the 1             */
    size_t done; /* bytes of `out` that are there                                                */
    uint8_t *out;
} idx_values;

/* f: its header is read. out: [idx_bytes(&f->header)], borrowed. */
idx_values idx_values_begin(const idx_file *f, idx_kind kind, uint8_t *out);

/* The next elements, as many whole rows (or pixels) as `raw` holds: bytes / (columns * idx_element_bytes). */
status idx_values_put(idx_values *v, const uint8_t *raw, size_t bytes, failure *why);

#endif
