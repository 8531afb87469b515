/* model_twin.h - a model of model_fixture.h in double: its mean loss and gradient; and the float gradient to compare. */
#ifndef MNIST_DIST_TESTS_MODEL_TWIN_H
#define MNIST_DIST_TESTS_MODEL_TWIN_H

#include "model_fixture.h"

#include <stdlib.h>

#include "reference/network_ref.h"

/* The double network on the same numbers. */
typedef struct twin {
    network_ref net;
    double *slab, *gradient, *magnitude, *x;
    size_t pixels;
} twin;

static inline twin twin_open(const fixture *f)
{
    twin t = {.pixels = shape_length(f->m->input)};
    size_t slab = f->m->slab_length, pixels = t.pixels * (size_t)f->samples;
    t.slab = values_take(slab * sizeof *t.slab);
    t.gradient = values_take(slab * sizeof *t.gradient);
    t.magnitude = values_take(slab * sizeof *t.magnitude);
    t.x = values_take(pixels * sizeof *t.x);
    values_widen(f->parameters, slab, t.slab);
    for (size_t i = 0; i < pixels; i++) t.x[i] = f->pixels[i] / 255.0;
    t.net = (network_ref){f->m->layer, f->m->layers, t.slab};
    return t;
}

static inline void twin_close(twin *t)
{
    free(t->slab), free(t->gradient), free(t->magnitude), free(t->x);
}

/* Mean loss; with the gradient and its magnitude where wanted, and the smallest margin. */
static inline double mean_loss(twin *t, const fixture *f, int with_gradient, double *margin)
{
    double loss = 0;
    for (int i = 0; i < f->samples; i++) {
        network_result r = {.gradient = with_gradient ? t->gradient : NULL,
                            .magnitude = with_gradient ? t->magnitude : NULL};
        loss += network_ref_loss(&t->net, t->x + (size_t)i * t->pixels, f->labels[i], &r);
        if (margin) *margin = fmin(*margin, r.margin);
    }
    for (size_t j = 0; with_gradient && j < f->m->slab_length; j++) {
        t->gradient[j] /= f->samples;
        t->magnitude[j] /= f->samples;
    }
    return loss / f->samples;
}

/* One training pass of all samples as one leaf after another; its nodes summed into partials[0]. */
static inline void float_gradient(const fixture *f, int threads, int grain, float *sum)
{
    arena memory = {0};
    float *partials[TREE_MAX_NODES] = {sum};
    executor *r = executor_new(f->m, f->samples, grain, threads, f->parameters, f->packed, &memory);
    int leaves = tree_leaves(f->samples, grain);
    pass_args pass = {.pixels = f->pixels,
                      .labels = f->labels,
                      .count = f->samples,
                      .leaves = leaves,
                      .range = {0, leaves},
                      .scale = 1.0f / (float)f->samples,
                      .partials = partials};
    fixture_run(r, &pass, threads);
    arena_free(&memory);
}

#endif
