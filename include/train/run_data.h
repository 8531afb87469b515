/* run_data.h - the data that weights were trained on, and how it is found again.          room: train
 *
 * A run remembers its data in two places:
 *   a checkpoint   the digest of the content and the number of classes (train/state.h); no path, so that the same run has the
 *                  same bytes wherever its data lies
 *   config.json    the setting "data", the absolute path of the folder, or "synthetic"; and the member "dataset": name, digest
 *                  of all and of the test set, numbers of images, their shape, number and names of the classes, names of the
 *                  files in the folder. Paths are written as io/json.h says
 * Data is the run's if its digest is; a path is only where to look first.
 *
 * Threads: one.   Collective: no.   Memory: none that stays.   Test: tests/e2e/run_data.sh
 */
#ifndef MNIST_DIST_TRAIN_RUN_DATA_H
#define MNIST_DIST_TRAIN_RUN_DATA_H

#include <jansson.h>

#include "data/class_names.h"
#include "data/dataset.h"
#include "io/checkpoint.h"
#include "train/settings.h"

/* Plain bytes; a rank can send it to others. */
typedef struct run_data {
    char folder[DATASET_PATH];        /* as dataset.folder when the training began; "": not known */
    char name[64];                    /* likewise                                                 */
    char digest[33], test_digest[33]; /* likewise                                                 */
    int classes;                      /* 0: not known                                             */
    char model[SETTINGS_TEXT];        /* the setting; "": not known                               */
    class_names names;                /* of the classes; count 0: not known                       */
    int is_weights;                   /* 1: it is about weights, 0: of no run at all              */
} run_data;

/* What a weights file and the config.json of its run folder tell. path: a run folder, or a file in it. file: NULL: the
 * config.json alone. Nothing is known of a plain Keras file that is named by itself. */
run_data run_data_of(const char *path, const checkpoint_file *file);

/* Finds the data of these settings: cfg->data if it is given; else the run's: in its folder, else in the places of
 * dataset_place or as synthetic digits, where the digest is the run's. known: NULL, or without digest: as dataset_find,
 * except that evaluating weights of which nothing is known needs data that is named or found: synthetic digits are not taken
 * unless cfg->data says it. test_only: as in dataset_cfg. Errors: as dataset_find; STATUS_NO_INPUT, if the run's data is not
 * found, with its name and last place. */
status run_data_find(const run_data *known, const settings *cfg, int test_only, dataset_plan *plan,
                     failure *why);

/* 1 if this is the run's data: by the digest of all, or of the test set where there is no other or it alone is known; -1 if
 * nothing is known to compare. */
int run_data_is(const run_data *known, const dataset *d);

/* A note for the user where --data names other data than the run's. */
#define RUN_DATA_OTHER "this is not the data of the run: other images or labels"

/* STATUS_BAD_DATA, if this is other data than the run's. For data that was not asked for by --data. */
status run_data_check(const run_data *known, const dataset *d, failure *why);

/* The member "dataset" of config.json, a new value. */
json_t *run_data_record(const dataset *d, const class_names *names);

/* The names of the classes as a list of texts, a new value. */
json_t *run_data_names(const class_names *names);

#endif
