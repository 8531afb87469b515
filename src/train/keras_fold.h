/* keras_fold.h - a model of Keras while it is read, and layers of Keras that become part of others.     room: train, private
 *
 * Threads: one.   Collective: no.   Memory: the values of the layers are the state's.   Errors: STATUS_BAD_DATA, with layer,
 * class and argument.   Test: tests/e2e/keras_files.sh, tests/interop/keras_import.sh
 */
#ifndef MNIST_DIST_TRAIN_KERAS_FOLD_H
#define MNIST_DIST_TRAIN_KERAS_FOLD_H

#include "io/checkpoint.h"
#include "keras_chain.h"
#include "layer/kind.h"
#include "model/model.h"

typedef struct imported_layer {
    layer l;
    float *values[LAYER_MAX_TENSORS]; /* owned */
} imported_layer;

/* y = x scale + offset that no layer has taken yet; see keras_affine.h. layer NULL: there is none. */
typedef struct keras_affine {
    const keras_layer *layer;
    size_t length;
    double *scale, *offset; /* [length], owned */
} keras_affine;

typedef struct keras_import_state {
    checkpoint_file *file;
    keras_chain chain;
    int layers;
    imported_layer layer[MODEL_MAX_LAYERS];
    shape image; /* [H,W,C]                                                      */
    shape now;   /* after the last layer                                         */
    shape keras; /* the same as Keras has it: Reshape changes it, and no layer is added */
    int softmax; /* 1: the last layer gives probabilities                        */
    int scaled;  /* 1: a Rescaling or Normalization in front has been read       */
    int changed; /* 1: parameters are others than in the file, and its optimiser's state does not fit them */
    keras_affine affine;
    failure note;
} keras_import_state;

/* Adds a sentence to the note. */
void keras_note(keras_import_state *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* 1: layer k, which is read next, has the images before it, and no Rescaling or Normalization. */
int keras_is_in_front(const keras_import_state *s);

/* Variable `number` of a layer as float32; the caller frees *values, which may be NULL after an error. */
status keras_variable(const keras_import_state *s, const keras_layer *k, int number, size_t *length,
                      float **values, failure *why);

/* 1: such a factor on pixels is for those of 0..255. */
int keras_is_for_bytes(double scale);

/* Adds y = x scale + offset. In front of the model, a scale for pixels of 0..255 is multiplied by 255. */
status keras_rescale(keras_import_state *s, const keras_layer *k, double scale, double offset,
                     failure *why);

/* Normalization with one mean and variance becomes rescaling; with several, part of the next layer with a kernel. */
status keras_fold_normalization(keras_import_state *s, const keras_layer *k, failure *why);

/* BatchNormalization, with the mean and variance that it has learned, into the conv2d or dense layer before it, or else into
 * the next layer with a kernel. */
status keras_fold_batch(keras_import_state *s, const keras_layer *k, failure *why);

/* hard_sigmoid of Keras 2 and 1, min(max(0, x / 5 + 1/2), 1), is the one of Keras 3 of 1.2 x. Adds that factor where layer k,
 * whose activation is the function, is about to be added. */
status keras_fold_function(keras_import_state *s, const keras_layer *k, const layer_cfg *cfg,
                           failure *why);
/* The same in the parameters of the last layer, whose values have been read. */
status keras_fold_gates(keras_import_state *s, const keras_layer *k, failure *why);

#endif
