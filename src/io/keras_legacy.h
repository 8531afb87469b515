/* keras_legacy.h - weights files of Keras 2: which dataset is which tensor.           room: io, private
 *
 * The root, or /model_weights in a file of a whole model, has the attribute layer_names. The group of each layer has the
 * attribute weight_names, paths of datasets below it. The layers that have weights are the layers of the model that have
 * weights, in the same order (keras/src/legacy/saving/legacy_h5_format.py). Long lists are cut into layer_names0,
 * layer_names1, ...
 *
 * Threads: one at a time (libhdf5).   Collective: no.   Errors: STATUS_BAD_DATA, with the file's path.
 * Test: tests/io/io_keras_legacy.c
 */
#ifndef MNIST_DIST_IO_KERAS_LEGACY_H
#define MNIST_DIST_IO_KERAS_LEGACY_H

#include "hdf5_tools.h"
#include "io/checkpoint.h"

typedef struct legacy_layer {
    char name[HDF5_MAX_NAME];
    int tensors;
    char path[CHECKPOINT_MAX_TENSORS][HDF5_MAX_PATH];
} legacy_layer;

typedef struct legacy_index {
    int layers; /* with weights */
    legacy_layer layer[CHECKPOINT_MAX_LAYERS];
    int optimizer_variables; /* of /optimizer_weights, in its order */
    hdf5_name *optimizer;    /* [optimizer_variables] owned: names of the datasets in it */
} legacy_index;

/* 1 if the file has an attribute layer_names. */
int legacy_present(hid_t file);

/* Reads the lists of a file for which legacy_present is 1; the caller frees *index with legacy_free. path: the file's, for
 * failures. */
status legacy_open(hid_t file, const char *path, legacy_index **index, failure *why);
/* NULL: does nothing. */
void legacy_free(legacy_index *index);

/* Have the layers of the file as many tensors as those of the model? Else STATUS_BAD_DATA. */
status legacy_match(const legacy_index *index, const char *path, const checkpoint *c, failure *why);

/* The path in the file of a tensor of a layer of c. legacy_match has returned STATUS_OK. Valid as long as the index is. */
const char *legacy_path(const legacy_index *index, const checkpoint *c, int layer, int tensor);

#endif
