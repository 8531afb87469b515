/* digest.h - one text that stands for all bits of a model's parameters.                 room: train
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: none.   Test: tests/mpi/train_guard.c, tests/e2e/golden.sh
 */
#ifndef MNIST_DIST_TRAIN_DIGEST_H
#define MNIST_DIST_TRAIN_DIGEST_H

#include "model/model.h"

/* hex: XXH3-128, in hexadecimal, of the parameters[m->slab_length] as float32 little-endian, in Keras' variable order and
 * without the gaps between tensors. */
void digest_parameters(const model *m, const float *parameters, char hex[33]);

enum { DIGEST_TENSORS = MODEL_MAX_LAYERS * LAYER_MAX_TENSORS, DIGEST_NAME = 96 };

/* XXH3-128 of the bits of one tensor. */
typedef struct tensor_digest {
    uint64_t low, high;
} tensor_digest;
static inline int digest_same(tensor_digest a, tensor_digest b)
{
    return a.low == b.low && a.high == b.high;
}
/* One for each tensor of a slab, in the model's order; returns how many. */
int digest_tensors(const model *m, const float *slab, tensor_digest out[DIGEST_TENSORS]);

/* "conv2d/kernel" of the tensor with this number, in the model's order. */
typedef struct tensor_name {
    int number;
    char text[DIGEST_NAME];
} tensor_name;
tensor_name digest_tensor_name(const model *m, int number);

#endif
