/* layer/maxpool.c - max pooling: maxpool SIZE [stride N] [same]
 *
 *   [H,W,C] -> [P,Q,C], stride SIZE unless given: P = (H - SIZE) / stride + 1, or ceil(H / stride) with `same` */
#include "layer/row.h"
#include "layer/stage.h"
#include "layer/windows.h"

enum { MOST_SIZE = 16 }; /* places of a window are kept in a byte */

static status maxpool_plan(layer *l, failure *why)
{
    if (l->cfg.size > MOST_SIZE)
        return fail(why, STATUS_USAGE, "maxpool %d: the largest window is %d", l->cfg.size,
                    MOST_SIZE);
    return windows_plan(l, l->in.dim[2], why);
}

static void stage_maxpool_plan(stage *s)
{
    s->saved_bytes = s->out_length;
}

static void maxpool_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    pool_args p = windows_of(s->layer);
    for (int i = 0; i < samples; i++)
        s->k->pool_forward(&p, io->x + (size_t)i * s->in_length, io->y + (size_t)i * s->out_length,
                           io->saved + (size_t)i * s->saved_bytes);
}

static void maxpool_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    (void)gradient; /* no parameters */
    if (!io->dx) return;
    pool_args p = windows_of(s->layer);
    for (int i = 0; i < samples; i++)
        s->k->pool_backward(
            &p, io->dy + (size_t)i * s->out_length, io->y + (size_t)i * s->out_length,
            io->saved + (size_t)i * s->saved_bytes, io->dx + (size_t)i * s->in_length);
}

static const stage_type stage_maxpool = {
    .name = "maxpool",
    .split = STAGE_BY_SAMPLE,
    .plan = stage_maxpool_plan,
    .forward = maxpool_forward,
    .backward_leaf = maxpool_backward_leaf,
};

static const layer_operand operands[] = {
    OPERAND_COUNT(size, "SIZE", "window size"),
    OPERAND_STRIDE(.like = LAYER_FIELD(size)),
    OPERAND_SAME,
    OPERANDS_END,
};

static const keras_field keras[] = {KERAS_WINDOW("pool_size"), KERAS_END};

const layer_type layer_maxpool = {
    .word = "maxpool",
    .operands = operands,
    .input = INPUT_IMAGE,
    .plan = maxpool_plan,
    .stages = (const stage_type *const[]){&stage_maxpool, NULL},
    .keras_class = "MaxPooling2D",
    .keras_stem = "max_pooling2d",
    .keras = keras,
};

int maxpool_tiles(const layer *l)
{
    return l && l->cfg.type == &layer_maxpool && l->cfg.stride == l->cfg.size &&
           l->cfg.pad == PADDING_VALID;
}
