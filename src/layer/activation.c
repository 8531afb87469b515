/* layer/activation.c - an activation that is a layer of its own: relu, leaky_relu [SLOPE], tanh, sigmoid, elu,
 *                      hard_sigmoid
 *
 * A new one is a row here if kernels.activate can compute it and its derivative is a function of y (docs/contributing.md). The
 * output has the input's shape. */
#include <string.h>

#include "layer/row.h"
#include "layer/stage.h"

static void activation_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    const layer_cfg *c = &s->layer->cfg;
    size_t length = (size_t)samples * s->out_length;
    memcpy(io->y, io->x, length * sizeof(float));
    s->k->activate(c->type->act, (float)c->slope, length, io->y);
}

static void activation_backward_leaf(const stage *s, const stage_io *io, int samples,
                                     float *gradient)
{
    (void)gradient; /* no parameters */
    if (!io->dx) return;
    const layer_cfg *c = &s->layer->cfg;
    s->k->activation_backward(c->type->act, (float)c->slope, (size_t)samples * s->out_length,
                              io->dy, io->y, io->dx);
}

static const stage_type stage_activation = {
    .name = "activation",
    .split = STAGE_BY_SAMPLE,
    .forward = activation_forward,
    .backward_leaf = activation_backward_leaf,
};

static const stage_type *const stages[] = {&stage_activation, NULL};

const layer_type layer_relu = {
    .word = "relu",
    .plan = keep_shape,
    .stages = stages,
    .act = ACTIVATION_RELU,
    .keras_class = "ReLU",
    .keras_stem = "re_lu",
    .keras = KERAS_NOTHING,
    .keras_function = "relu",
};

/* 0.3 is the slope of Keras' LeakyReLU; Keras' function leaky_relu has another one. */
static const layer_operand slope[] = {
    {.sort = OPERAND_REAL,
     .field = LAYER_FIELD(slope),
     .form = "SLOPE",
     .name = "slope",
     .most = 1,
     .optional = 1,
     .otherwise = 0.3},
    OPERANDS_END,
};

static const keras_field keras_slope[] = {
    KERAS_FIELD("negative_slope", KERAS_REAL, slope),
    KERAS_END,
};

const layer_type layer_leaky_relu = {
    .word = "leaky_relu",
    .operands = slope,
    .plan = keep_shape,
    .stages = stages,
    .act = ACTIVATION_LEAKY_RELU,
    .keras_class = "LeakyReLU",
    .keras_stem = "leaky_re_lu",
    .keras = keras_slope,
};

const layer_type layer_tanh = {
    .word = "tanh",
    .plan = keep_shape,
    .stages = stages,
    .act = ACTIVATION_TANH,
    .keras_class = "Activation",
    .keras_stem = "activation",
    .keras = (const keras_field[]){KERAS_TEXT("activation", "tanh"), KERAS_END},
    .keras_function = "tanh",
};

const layer_type layer_sigmoid = {
    .word = "sigmoid",
    .plan = keep_shape,
    .stages = stages,
    .act = ACTIVATION_SIGMOID,
    .keras_class = "Activation",
    .keras_stem = "activation",
    .keras = (const keras_field[]){KERAS_TEXT("activation", "sigmoid"), KERAS_END},
    .keras_function = "sigmoid",
};

/* Clevert, Unterthiner and Hochreiter, arXiv 1511.07289, with alpha = 1. */
const layer_type layer_elu = {
    .word = "elu",
    .plan = keep_shape,
    .stages = stages,
    .act = ACTIVATION_ELU,
    .keras_class = "ELU",
    .keras_stem = "elu",
    .keras = (const keras_field[]){{.key = "alpha", .sort = KERAS_FIXED_REAL, .real = 1},
                                   KERAS_END},
    .keras_function = "elu",
};

const layer_type layer_hard_sigmoid = {
    .word = "hard_sigmoid",
    .plan = keep_shape,
    .stages = stages,
    .act = ACTIVATION_HARD_SIGMOID,
    .keras_class = "Activation",
    .keras_stem = "activation",
    .keras = (const keras_field[]){KERAS_TEXT("activation", "hard_sigmoid"), KERAS_END},
    .keras_function = "hard_sigmoid",
};
