/* layer/rescaling.c - rescaling SCALE [OFFSET]: y = x SCALE + OFFSET, as Keras' Rescaling; product and sum are each rounded to
 * float. The pixels that a model gets are in 0 ... 1: "rescaling 2 -1" maps them to -1 ... 1. */
#include "kernel/product.h"
#include "layer/row.h"
#include "layer/stage.h"

static void rescaling_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    float scale = (float)s->layer->cfg.scale, offset = (float)s->layer->cfg.offset;
    size_t length = (size_t)samples * s->out_length;
    for (size_t i = 0; i < length; i++) io->y[i] = product(io->x[i], scale) + offset;
}

static void rescaling_backward_leaf(const stage *s, const stage_io *io, int samples,
                                    float *gradient)
{
    (void)gradient; /* no parameters */
    if (!io->dx) return;
    float scale = (float)s->layer->cfg.scale;
    size_t length = (size_t)samples * s->out_length;
    for (size_t i = 0; i < length; i++) io->dx[i] = product(io->dy[i], scale);
}

static const stage_type stage_rescaling = {
    .name = "rescaling",
    .split = STAGE_BY_SAMPLE,
    .forward = rescaling_forward,
    .backward_leaf = rescaling_backward_leaf,
};

enum { MOST = 1000000 }; /* of a number, either way */

static const layer_operand operands[] = {
    {.sort = OPERAND_REAL,
     .field = LAYER_FIELD(scale),
     .form = "SCALE",
     .name = "scale",
     .least = -MOST,
     .most = MOST},
    {.sort = OPERAND_REAL,
     .field = LAYER_FIELD(offset),
     .form = "OFFSET",
     .name = "offset",
     .least = -MOST,
     .most = MOST,
     .optional = 1},
    OPERANDS_END,
};

const layer_type layer_rescaling = {
    .word = "rescaling",
    .operands = operands,
    .plan = keep_shape,
    .stages = (const stage_type *const[]){&stage_rescaling, NULL},
    .keras_class = "Rescaling",
    .keras_stem = "rescaling",
    .keras = (const keras_field[]){KERAS_FIELD("scale", KERAS_REAL, scale),
                                   KERAS_FIELD("offset", KERAS_REAL, offset), KERAS_END},
};
