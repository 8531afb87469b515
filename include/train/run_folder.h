/* run_folder.h - the folder of a run: where it is, what is in it already, writing into it.   room: train
 *
 * Threads: one.   Collective: no; rank 0 alone.   Memory: none but the checkpoint that run_folder_choose opens.
 * Test: tests/e2e/resume.sh
 */
#ifndef MNIST_DIST_TRAIN_RUN_FOLDER_H
#define MNIST_DIST_TRAIN_RUN_FOLDER_H

#include "io/checkpoint.h"
#include "io/file.h"
#include "io/folder_lock.h"
#include "train/settings.h"

typedef struct run_place {
    char path[FILE_PATH];
    checkpoint_file *from; /* that the run continues, the caller closes it; NULL: the run begins */
    int is_last;           /* 1: that is the folder's own last.weights.h5, undamaged             */
    failure remark;        /* for the user, or ""                                                */
    folder_lock lock;      /* the caller releases it, after an error too                         */
    failure unlocked;      /* that the file system has no locks, or ""                           */
} run_place;

/* Makes the folder, --out or the first free runs/STEM-N, and locks it. A folder that holds a config.json, or a part of one, but
 * no checkpoint is of a run that was ended before its first checkpoint; that run begins again. Files that are not of a run do
 * not matter. STATUS_CANNOT_WRITE if the folder cannot be made, is in use by another process, holds a run and --resume is not
 * given, or holds parts of a run without a checkpoint; else as checkpoint_open. */
status run_folder_choose(const settings *cfg, const char *stem, run_place *f, failure *why);

/* Copies best weights and record from the folder of --resume-from, if it is one, into `path`. */
status run_folder_take_along(const settings *cfg, const char *path, failure *why);

/* Writes path/name whole, as file_write_whole. */
status run_folder_write(const char *path, const char *name, const void *bytes, size_t length,
                        failure *why);

#endif
