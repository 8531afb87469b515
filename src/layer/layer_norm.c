/* layer/layer_norm.c - layer_norm: layer normalisation along the last axis; formulas in kernel/kernels.h.
 *
 * Every pixel of an image, every step of a sequence, or the whole vector is a row. A leaf's gradients add row after row,
 * sample after sample. */
#include <string.h>

#include "layer/init.h"
#include "layer/row.h"
#include "layer/stage.h"

#define EPSILON 1e-3 /* Keras' default */

static layer_norm_args rows_of(const stage *s, const float *parameters, int samples)
{
    const layer *l = s->layer;
    int length = l->in.dim[l->in.rank - 1];
    return (layer_norm_args){.rows = samples * (int)(s->in_length / (size_t)length),
                             .length = length,
                             .gamma = parameters + l->tensor[0].at.offset,
                             .beta = parameters + l->tensor[1].at.offset,
                             .epsilon = (float)EPSILON};
}

static status layer_norm_plan(layer *l, failure *why)
{
    (void)why;
    shape last = shape_vector(l->in.dim[l->in.rank - 1]);
    l->out = l->in;
    l->tensors = 2;
    l->tensor[0] = (layer_tensor){.name = "gamma", .shape = last, .init = init_ones};
    l->tensor[1] = (layer_tensor){.name = "beta", .shape = last, .init = init_zeros};
    return STATUS_OK;
}

static void stage_layer_norm_plan(stage *s)
{
    size_t rows = s->in_length / s->layer->tensor[0].at.length;
    s->saved_bytes = rows * 2 * sizeof(float); /* mean and scale of each */
}

static void layer_norm_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    layer_norm_args n = rows_of(s, io->parameters, samples);
    s->k->layer_norm_forward(&n, io->x, io->y, (float *)(void *)io->saved);
}

static void layer_norm_backward_leaf(const stage *s, const stage_io *io, int samples,
                                     float *gradient)
{
    layer_norm_args n = rows_of(s, io->parameters, samples);
    float *dbeta = gradient + stage_gradient_offset(s, 1);
    memset(gradient, 0, s->leaf_length * sizeof(float));
    s->k->layer_norm_backward(&n, io->x, (const float *)(const void *)io->saved, io->dy, io->dx,
                              gradient, dbeta);
}

static const stage_type stage_layer_norm = {
    .name = "layer_norm",
    .split = STAGE_BY_SAMPLE,
    .plan = stage_layer_norm_plan,
    .forward = layer_norm_forward,
    .backward_leaf = layer_norm_backward_leaf,
};

static const keras_field keras[] = {
    {.key = "epsilon", .sort = KERAS_FIXED_REAL, .real = EPSILON},
    KERAS_END,
};

const layer_type layer_layer_norm = {
    .word = "layer_norm",
    .plan = layer_norm_plan,
    .stages = (const stage_type *const[]){&stage_layer_norm, NULL},
    .keras_class = "LayerNormalization",
    .keras_stem = "layer_normalization",
    .keras = keras,
};
