/* layer_ref.h - the linear part of each layer of include/layer/layer.h for one sample, in double, and its gradients.
 *
 * Parameters and gradients lie in slabs, as the layer's spans say. The padding of `same` may differ between the two sides, so
 * the image is copied into a frame of zeros, which is convolved without padding. The caller applies activations. Shapes   x,
 * dx: the layer's input; y, dy: its output.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_LAYER_REF_H
#define MNIST_DIST_TESTS_REFERENCE_LAYER_REF_H

#include "kernel/kernels.h"
#include "layer/kind.h"

/* conv2d and dense: y = x * kernel + bias. */
void layer_ref_forward(const layer *l, const double *slab, const double *x, double *y);

/* Adds to gradient (a slab); overwrites dx. */
void layer_ref_backward(const layer *l, const double *slab, const double *x, const double *dy,
                        double *dx, double *gradient);

/* The arguments of the pooling references (pool.h) for a maxpool layer. */
pool_args layer_ref_pool(const layer *l);

/* Terms of the longest sum that gives an output, an element of dx, or one sample's part of a gradient. */
int layer_ref_terms(const layer *l);

#endif
