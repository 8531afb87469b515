/* source.h - a kind of source of labelled images, as one row.                            room: data, private
 *
 * To add one: a file source_NAME.c with the row, its declaration below, and its line in sources.c. dataset_find asks the rows
 * in their order which one recognises the folder or the word, and lets that row probe; dataset_load lets it read. Failures and
 * help take their lists from the rows.
 *
 * Threads: any.   Collective: no.   Memory: the caller's; a row keeps nothing.   Errors: of probe and read, as in dataset.h.
 * Test: tests/unit/data_dataset.c
 */
#ifndef MNIST_DIST_DATA_SOURCE_H
#define MNIST_DIST_DATA_SOURCE_H

#include "data/dataset.h"

/* The parts of a data set in memory, in this order. */
enum { TRAIN_PIXELS, TRAIN_LABELS, TEST_PIXELS, TEST_LABELS, DATASET_PARTS };

typedef struct dataset_source {
    const char *form;  /* what --data is given: "a folder of IDX files"        */
    const char *files; /* the files in that folder, for failures; NULL: none */
    int classes;       /* of a source without read_labels                    */

    /* 1 if this source is meant. where: a word given to --data, or the path of a folder; NULL: nothing is named, and no folder
     * that is searched holds data. is_folder: 1 if a folder of that name exists. */
    int (*recognise)(const char *where, int is_folder);

    /* Fills name, note, remark, folder, file, height, width, channels, train and test of *plan. Its cfg and source are set, the
     * rest is zero. Reads headers and a few labels, no more. where: as it was recognised. */
    status (*probe)(const char *where, dataset_plan *plan, failure *why);

    /* Reads train and test labels of a probed plan, without the pixels. NULL: classes are always as many. */
    status (*read_labels)(const dataset_plan *plan, uint8_t *train, uint8_t *test, failure *why);

    /* Fills the parts of a probed plan: train or test * height * width * channels bytes of pixels, train or test bytes of
     * labels. The caller checks the range of the labels. */
    status (*read)(const dataset_plan *plan, uint8_t *const part[DATASET_PARTS], failure *why);
} dataset_source;

extern const dataset_source source_idx, source_synthetic;

/* Row `index` of the list, 0 up; NULL past the last. */
const dataset_source *source_at(int index);

#endif
