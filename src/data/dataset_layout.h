/* dataset_layout.h - where the parts of a data set lie in its memory; remarks in a plan.   room: data, private
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: none.   Test: tests/unit/data_dataset.c
 */
#ifndef MNIST_DIST_DATA_DATASET_LAYOUT_H
#define MNIST_DIST_DATA_DATASET_LAYOUT_H

#include <stddef.h>

#include "source.h"

enum { DATASET_ALIGN = 64 };

/* In bytes; offsets are multiples of DATASET_ALIGN. In front of each part are at least IDX_ROOM bytes of no other part. */
typedef struct dataset_layout {
    size_t offset[DATASET_PARTS], length[DATASET_PARTS];
    size_t trailer; /* offset of the DATASET_ALIGN spare bytes at the end */
    size_t bytes;   /* of the whole                                       */
} dataset_layout;

/* The layout of a plan whose sizes and counts are set. */
dataset_layout dataset_layout_of(const dataset_plan *plan);

/* Adds a sentence to plan->remark. */
void dataset_remark(dataset_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
