/* idx_folder.h - finds the four IDX files of a data set under the names that people have them.   room: data, private
 *
 * A file is called PREFIX, STEM, "-" or ".", "idx", a digit, "-", a type, and ".gz" or nothing:
 *   STEM     train-images, train-labels, t10k-images or test-images, t10k-labels or test-labels
 *   PREFIX   nothing; or the name of a data set and "-", as in emnist-letters-train-images-idx3-ubyte.gz
 * It may lie in a folder of its own name. Of two names for one part, the first wins: plain before .gz, idx3 before idx4, "-"
 * before ".", outside of a folder before inside, t10k before test. What is named can be the folder; a folder that has such a
 * folder below it, of any name, or as MNIST/raw; or FOLDER/PREFIX, which chooses between data sets that lie in one folder.
 *
 * Threads: any.   Collective: no.   Memory: the caller's.   Test: tests/unit/data_idx_folder.c
 */
#ifndef MNIST_DIST_DATA_IDX_FOLDER_H
#define MNIST_DIST_DATA_IDX_FOLDER_H

#include "source.h"

enum { IDX_PREFIX = 64 };

typedef struct idx_folder {
    char folder[DATASET_PATH];              /* in which the files lie                     */
    char prefix[IDX_PREFIX];                /* of their names, without the "-" at its end */
    char file[DATASET_PARTS][DATASET_PATH]; /* "": there is none                          */
} idx_folder;

/* 1 if at least one file of a data set is there. */
int idx_folder_recognise(const char *where);

/* Finds the files. STATUS_NO_INPUT: there are none, or they are of several data sets, which the failure lists. */
status idx_folder_find(const char *where, idx_folder *f, failure *why);

#endif
