/* norm.h - 2-norms whose bits depend on the tensors alone, not on the ranks that sum their parts.   room: optim
 *
 *   norm = sqrt(block 0 + block 1 + ...),   block b = sum of squares, in double, of elements [1024 b, 1024 (b + 1)) of a tensor
 * Blocks begin anew at each tensor. The rank that holds the elements of a block computes its sum (norm_squares); then the sums
 * of a tensor, or of all tensors, are added in block order (norm_of). A slice of the exchange consists of whole blocks.
 *
 * Threads: any; norm_squares on disjoint ranges of blocks.   Collective: no.   Memory: the caller's.   Errors: none.
 * Test: tests/prop/optim_norms.c
 */
#ifndef MNIST_DIST_OPTIM_NORM_H
#define MNIST_DIST_OPTIM_NORM_H

#include <stddef.h>

#include "kernel/kernels.h"

enum { NORM_BLOCK = 1024 };

typedef struct norm_block {
    size_t offset; /* in the slab   */
    int length;    /* in floats, at most NORM_BLOCK */
    int tensor;
} norm_block;

/* The blocks of a tensor of `length` floats at `offset`, written to block[]; returns their number. block may be NULL. */
int norm_cut(size_t offset, size_t length, int tensor, norm_block *block);

/* Sum of squares of a block whose elements begin at values. */
double norm_squares(const kernels *k, const norm_block *block, const float *values);

/* sqrt of the sum of squares[lo ... hi - 1], in this order. */
double norm_of(const double *squares, int lo, int hi);

/* The factor that makes the norm of g at most `most`, as Keras' global_clipnorm; 1 if it is. */
float norm_clip_factor(double norm, double most);

#endif
