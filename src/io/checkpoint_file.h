/* checkpoint_file.h - what an open checkpoint is.                              room: io, private
 *
 * Threads: one at a time (libhdf5).   Collective: no.   Test: tests/io/io_damage.c
 */
#ifndef MNIST_DIST_IO_CHECKPOINT_FILE_H
#define MNIST_DIST_IO_CHECKPOINT_FILE_H

#include "hdf5_tools.h"
#include "io/checkpoint.h"
#include "io/file.h"
#include "keras_legacy.h"

struct checkpoint_file {
    hid_t image;
    size_t bytes;                /* of the whole file; no dataset can be larger    */
    char path[FILE_PATH];        /* for failures                                   */
    char *configuration, *state; /* owned; NULL for a file of Keras                */
    int has_state;               /* 1: a checkpoint                                */
    legacy_index *legacy;        /* owned; NULL: the layout of `.weights.h5`       */
    const char *stem;            /* before a layer's key: "/layers/"; NULL: legacy */
    char *architecture;          /* owned; Keras' JSON of the model, or NULL       */
    int keras_version;           /* the first number of it; 0: not said            */
    failure note;                /* what was converted, or ""                      */
    /* checkpoint_take_model's; their values are owned */
    checkpoint_tensor taken[CHECKPOINT_MAX_TAKEN];
    int tensors_taken;
    int changed; /* 1: they are not the parameters that the optimiser's state belongs to */
};

/* Copies the tensors of checkpoint_take_model to those of c, in their order, if all shapes are the same. */
status taken_read(const checkpoint_file *file, checkpoint *c, failure *why);
void taken_free(checkpoint_file *file);

/* The shape of a dataset; STATUS_BAD_DATA, if no tensor of a file of this size can have it. path: the dataset's, for the
 * failure. */
status checkpoint_shape(const checkpoint_file *file, hid_t dataset, const char *path, shape *s,
                        failure *why);

/* The number of tensors in all layers. */
int checkpoint_variables(const checkpoint *c);

/* i of /optimizer/vars/<i>, which holds this slot of this variable. FIRST_SLOT: iteration and learning rate come first. */
enum { FIRST_SLOT = 2 };
int checkpoint_slot_dataset(const checkpoint *c, int variable, int slot);

/* ---- checkpoint_optimizer.c ---- */

/* The dataset of variable `number` of the optimiser, in Keras' order with a learning rate, which the file may lack. */
typedef struct tensor_path {
    char text[HDF5_MAX_PATH];
} tensor_path;
tensor_path optimizer_path(const checkpoint_file *file, int number);
/* 0: the file has no learning rate, since Keras' schedule made it. */
int optimizer_has_rate(const checkpoint_file *file);

#endif
