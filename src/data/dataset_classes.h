/* dataset_classes.h - the labels of a data set: how many classes, and are they in range?  room: data, private
 *
 * Threads: any.   Collective: no.   Memory: labels are read into memory that is freed again.   Errors: as in dataset.h.
 * Test: tests/unit/data_dataset.c
 */
#ifndef MNIST_DIST_DATA_DATASET_CLASSES_H
#define MNIST_DIST_DATA_DATASET_CLASSES_H

#include "source.h"

/* Reads the labels of a probed plan, sets plan->classes, and adds to plan->remark what is unusual about them. */
status dataset_count_classes(dataset_plan *plan, failure *why);

/* STATUS_BAD_DATA for the first label outside of plan->classes. part: TRAIN_LABELS or TEST_LABELS. */
status dataset_check_labels(const dataset_plan *plan, int part, const uint8_t *labels,
                            failure *why);

#endif
