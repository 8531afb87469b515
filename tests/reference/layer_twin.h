/* layer_twin.h - what each kind of layer computes for one sample, in double, and its gradients: a row per kind.
 *
 * Parameters and gradients lie in slabs, as the layer's spans say. Used by tests/ref/model_kinds.c (the stages against the
 * twins) and tests/grad/model_kinds.c (the twins' gradients against differences).
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_LAYER_TWIN_H
#define MNIST_DIST_TESTS_REFERENCE_LAYER_TWIN_H

#include "layer/kind.h"

typedef struct layer_twin {
    const char *word;
    /* Without the activation that is an operand. x: the layer's input, y: its output. */
    void (*forward)(const layer *l, const double *slab, const double *x, double *y);
    /* Of the same; overwrites dx, adds to gradient (a slab). */
    void (*backward)(const layer *l, const double *slab, const double *x, const double *dy,
                     double *dx, double *gradient);
    /* What the float results may be off by, in units of 2^-24 max(1, |result|), for inputs, parameters and dy in [-1,1). */
    double (*roundings)(const layer *l);
    const char *elsewhere; /* of kinds without a twin: the test that holds them */
} layer_twin;

/* NULL where the kind has no row. */
const layer_twin *layer_twin_of(const layer_type *type);

/* The whole layer, with the activation. */
void layer_twin_forward(const layer *l, const double *slab, const double *x, double *y);
void layer_twin_backward(const layer *l, const double *slab, const double *x, const double *dy,
                         double *dx, double *gradient);

#endif
