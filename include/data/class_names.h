/* class_names.h - what the classes of a data set are called.                              room: data
 *
 * The first of these that applies:
 *   classes.txt       in the data folder: UTF-8, one name a line, as many as there are classes
 *   Fashion-MNIST     recognised by its content (dataset_find): its ten kinds of clothes
 *   EMNIST            in files with its names, emnist-letters-... and the like: letters and digits
 *   else              the numbers of the classes: "0", "1", ...
 *
 * Threads: one.   Collective: no.   Errors: STATUS_BAD_DATA for a classes.txt with another number of names, a name twice, an
 * empty or long name, or bytes that are no text.   Test: tests/unit/data_class_names.c, tests/e2e/class_names.sh
 */
#ifndef MNIST_DIST_DATA_CLASS_NAMES_H
#define MNIST_DIST_DATA_CLASS_NAMES_H

#include "base/error.h"
#include "data/dataset.h"

enum { CLASS_NAME_BYTES = 64 };

typedef struct class_names {
    int count;
    char name[DATASET_MAX_CLASSES][CLASS_NAME_BYTES];
} class_names;

/* Fills *out with the names of d's classes. */
status class_names_of(const dataset *d, class_names *out, failure *why);

/* "0", "1", ... */
class_names class_names_numbers(int classes);
int class_names_are_numbers(const class_names *names);

/* Appends a name. 0, if it is empty, too long or no text, or there are too many. */
int class_names_add(class_names *names, const char *name);

#endif
