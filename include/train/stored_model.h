/* stored_model.h - a model and its parameters from a file, in one process and without MPI.   room: train
 *
 * Threads: one.   Collective: no.   Memory: the model's own arena.   Test: tests/e2e/predict.sh, tests/e2e/export.sh
 */
#ifndef MNIST_DIST_TRAIN_STORED_MODEL_H
#define MNIST_DIST_TRAIN_STORED_MODEL_H

#include "base/arena.h"
#include "io/checkpoint.h"
#include "model/model.h"
#include "train/settings.h"

/* Where neither a file nor the user says which images a model is for: MNIST's, 28 x 28 x 1. */
enum { STORED_USUAL_SIDE = 28, STORED_USUAL_CLASSES = 10 };

/* The images that a model is made for. */
typedef struct stored_images {
    shape shape; /* {3, {H, W, C}} */
    int classes;
    int found; /* 1: neither said nor the usual ones, but the tensors of the file fit them */
} stored_images;

typedef struct stored_model {
    arena memory;
    const kernels *k;
    model m;
    float *parameters; /* [m.slab_length] */
} stored_model;

/* What the checkpoint was trained on. If the file does not say, as Keras' files: the usual images; or else square ones, grey
 * or in colour, for which the model of cfg has the tensors of the file, if there are such. cfg->classes, if given, overrides
 * the file's. */
stored_images stored_model_images(const checkpoint_file *file, const settings *cfg);

/* Opens *s, which must be zeroed; the caller frees it in any case. cfg: resolved; its model, gemm and isa are used. Errors: as
 * model_build, kernels_select and checkpoint_read. */
status stored_model_open(stored_model *s, const settings *cfg, stored_images images,
                         const checkpoint_file *file, failure *why);
void stored_model_free(stored_model *s);

#endif
