/* run_folder.h - where a run goes, and what of it is there already.                     layer: train
 *
 * Rank 0 alone.   Threads: one.   Collective: no.   Errors: STATUS_CANNOT_WRITE where the folder holds a run that shall not
 * go on, or cannot be made; as checkpoint_open.   Test: tests/e2e/resume.sh
 */
#ifndef MNIST_DIST_TRAIN_RUN_FOLDER_H
#define MNIST_DIST_TRAIN_RUN_FOLDER_H

#include "io/checkpoint.h"
#include "train/session.h"

/* folder[FILE_PATH]: --out, or a new one below runs/, made. *from: the checkpoint that the run continues, NULL where it
 * begins: a folder with a config.json, or with a part of it, and without a checkpoint is a run that was ended before its
 * first. *is_last: that checkpoint is the folder's own last.weights.h5, undamaged. remark: what the user should know, or
 * empty. */
status run_folder_choose(const session *s, char *folder, checkpoint_file **from, int *is_last,
                         message *remark, message *why);

/* --resume-from a folder: the best weights so far and the record come along. */
status run_folder_take_along(const session *s, const char *folder, message *why);

#endif
