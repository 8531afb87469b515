/* network_ref.h - a chain of layers in double: loss of one sample, its gradient, and a bound for rounding errors.
 *
 * Layers: conv2d and dense, both without activation or with ReLU, maxpool, flatten. CHECK fails for others.
 *
 * The magnitudes are the same sums over absolute values, through the same maxima, and the ReLUs with x > 0. The error of the
 * float gradient is at most (terms of all sums) * 2^-24 * magnitude, if rounding changes no maximum and no sign before a ReLU.
 * The margin is the smallest distance of any of them from changing (exact ties are not counted: both sides take the first).
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_NETWORK_REF_H
#define MNIST_DIST_TESTS_REFERENCE_NETWORK_REF_H

#include "layer/kind.h"

typedef struct network_ref {
    const layer *layer;
    int layers;
    const double *parameters; /* a slab */
} network_ref;

/* Where results go. Slabs are added to; each pointer may be NULL. */
typedef struct network_result {
    double *gradient, *magnitude; /* slabs   */
    double *dx;                   /* [input] */
    double margin;
} network_result;

/* Softmax cross-entropy of one sample. */
double network_ref_loss(const network_ref *n, const double *x, int label, network_result *result);

/* Roundings on the longest path from a pixel to the loss and back to a gradient, where gradients are sums over `samples`
 * samples. */
int network_ref_terms(const network_ref *n, int samples);

#endif
