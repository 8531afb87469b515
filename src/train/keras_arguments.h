/* keras_arguments.h - the arguments of one layer of Keras as those of one of ours.      room: train, private
 *
 * The fields that each kind's row declares for export (layer/kind.h) are read backwards. Every other argument must be known to
 * change nothing, or have the value with which it changes nothing: else the layer is refused, never read as something else.
 *
 * Threads: any.   Collective: no.   Memory: none is kept.   Errors: STATUS_BAD_DATA, with layer, class and argument.
 * Test: tests/e2e/keras_files.sh, tests/interop/keras_import.sh
 */
#ifndef MNIST_DIST_TRAIN_KERAS_ARGUMENTS_H
#define MNIST_DIST_TRAIN_KERAS_ARGUMENTS_H

#include "keras_chain.h"
#include "layer/layer.h"

/* What a layer's arguments say besides its layer_cfg. */
typedef struct keras_said {
    layer_cfg cfg;   /* type NULL: the layer changes nothing                          */
    layer_cfg after; /* an activation that has to be a layer of its own; type NULL: none */
    int softmax;     /* 1: the activation is softmax, or the layer is one             */
    /* names of tensors that the layer does not have: [0] counts as zeros, [1] as ones; NULL: none */
    const char *lacks[2];
} keras_said;

/* Reads the arguments of a layer that a kind of this program computes, of Activation or of Softmax. */
status keras_arguments_read(const keras_layer *k, keras_said *said, failure *why);

/* Checks the arguments of another layer; `read`, " scale offset ", are those that the caller reads. */
status keras_arguments_check(const keras_layer *k, const char *read, failure *why);

/* 1 if a kind of this program has this class. */
int keras_arguments_knows(const char *class);

/* 1 if a kind of this program has this class, and does nothing in inference. */
int keras_arguments_trains(const char *class);

/* "layer NAME (CLASS): ARGUMENT is VALUE: WHAT" */
status keras_arguments_refuse(const keras_layer *k, const char *argument, const char *what,
                              failure *why);

#endif
