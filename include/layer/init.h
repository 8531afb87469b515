/* init.h - initial values of tensors, named by the tensors of a layer.                room: layer
 *
 * All are functions of the key and the tensor's shape; each writes all values of the tensor.
 * Threads: any.   Collective: no.   Memory: init_orthogonal takes some while it runs.   Test: tests/unit/layer_initialise.c
 */
#ifndef MNIST_DIST_LAYER_INIT_H
#define MNIST_DIST_LAYER_INIT_H

#include "layer/layer.h"

layer_init init_zeros, init_ones;

/* Uniform in [-limit, limit), limit = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, AISTATS 2010, eq. 16). Fans, as in
 * Keras: of a kernel [D,U] D and U, of a kernel [K,K,C,F] K K C and K K F. */
layer_init init_glorot_uniform;

/* [U,GU] with orthonormal rows (Saxe et al., ICLR 2014). */
layer_init init_orthogonal;

#endif
