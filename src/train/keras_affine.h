/* keras_affine.h - y = x scale + offset, value by value, on its way into the next layer with a kernel.     room: train, private
 *
 * BatchNormalization and Normalization compute this in inference. A layer x W + b behind it becomes
 *   W'[r, c] = scale[r] W[r, c],   b'[c] = b[c] + sum over r of offset[r] W[r, c]       in double, rounded once
 * Dense, Conv2D without padding, and recurrent layers take it. What stands between must let it pass: Flatten, Reshape, layers
 * of training, average pooling, and max pooling where all scales are positive.
 *
 * Threads: one.   Collective: no.   Errors: STATUS_BAD_DATA, with layer, class and argument.
 * Test: tests/interop/keras_import.sh
 */
#ifndef MNIST_DIST_TRAIN_KERAS_AFFINE_H
#define MNIST_DIST_TRAIN_KERAS_AFFINE_H

#include "keras_fold.h"

/* From layer k on: `length` scales and offsets, of which value i of a sample (channels last) has number i mod length. The state
 * takes over the memory, after an error too. */
status keras_affine_begin(keras_import_state *s, const keras_layer *k, size_t length, double *scale,
                          double *offset, failure *why);

/* May layer k stand behind what has begun? STATUS_OK if nothing has. k NULL: the end of the model. */
status keras_affine_check(const keras_import_state *s, const keras_layer *k, failure *why);

/* Into the last layer, whose values have been read, if it has a kernel and something has begun. k: the same layer in Keras. */
status keras_affine_take(keras_import_state *s, const keras_layer *k, failure *why);

void keras_affine_free(keras_import_state *s);

#endif
