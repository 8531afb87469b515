/* layer/avgpool.c - average pooling over windows, and over the whole image.
 *
 * avgpool SIZE [stride N] [same]   [H,W,C] -> [P,Q,C], as maxpool; padding is not averaged
 * global_avgpool                   [H,W,C] -> [C]: y[c] = (sum of x[p,q,c], pixels in row order) / (H W) */
#include "layer/row.h"
#include "layer/stage.h"
#include "layer/windows.h"

/* ---- over windows ---- */

static status avgpool_plan(layer *l, failure *why)
{
    return windows_plan(l, l->in.dim[2], why);
}

static void avgpool_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    pool_args p = windows_of(s->layer);
    for (int i = 0; i < samples; i++)
        s->k->average_forward(&p, io->x + (size_t)i * s->in_length,
                              io->y + (size_t)i * s->out_length);
}

static void avgpool_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    (void)gradient; /* no parameters */
    if (!io->dx) return;
    pool_args p = windows_of(s->layer);
    for (int i = 0; i < samples; i++)
        s->k->average_backward(&p, io->dy + (size_t)i * s->out_length,
                               io->dx + (size_t)i * s->in_length);
}

static const stage_type stage_avgpool = {
    .name = "avgpool",
    .split = STAGE_BY_SAMPLE,
    .forward = avgpool_forward,
    .backward_leaf = avgpool_backward_leaf,
};

static const layer_operand operands[] = {
    OPERAND_COUNT(size, "SIZE", "window size"),
    OPERAND_STRIDE(.like = LAYER_FIELD(size)),
    OPERAND_SAME,
    OPERANDS_END,
};

static const keras_field keras[] = {KERAS_WINDOW("pool_size"), KERAS_END};

const layer_type layer_avgpool = {
    .word = "avgpool",
    .operands = operands,
    .input = INPUT_IMAGE,
    .plan = avgpool_plan,
    .stages = (const stage_type *const[]){&stage_avgpool, NULL},
    .keras_class = "AveragePooling2D",
    .keras_stem = "average_pooling2d",
    .keras = keras,
};

/* ---- over the image ---- */

static status global_plan(layer *l, failure *why)
{
    (void)why;
    l->out = shape_vector(l->in.dim[2]);
    return STATUS_OK;
}

static void global_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    const shape *in = &s->layer->in;
    int pixels = in->dim[0] * in->dim[1], channels = in->dim[2];
    for (int i = 0; i < samples; i++) {
        float *y = io->y + (size_t)i * s->out_length;
        s->k->column_sums(pixels, channels, io->x + (size_t)i * s->in_length, GEMM_OVERWRITE, y);
        for (int c = 0; c < channels; c++) y[c] = y[c] / (float)pixels;
    }
}

/* dx[p,q,c] = dy[c] / (H W); dy becomes the quotients. */
static void global_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    (void)gradient; /* no parameters */
    if (!io->dx) return;
    const shape *in = &s->layer->in;
    int pixels = in->dim[0] * in->dim[1], channels = in->dim[2];
    for (int i = 0; i < samples; i++) {
        float *dy = io->dy + (size_t)i * s->out_length, *dx = io->dx + (size_t)i * s->in_length;
        for (int c = 0; c < channels; c++) dy[c] = dy[c] / (float)pixels;
        for (int p = 0; p < pixels; p++)
            for (int c = 0; c < channels; c++) *dx++ = dy[c];
    }
}

static const stage_type stage_global_avgpool = {
    .name = "global_avgpool",
    .split = STAGE_BY_SAMPLE,
    .forward = global_forward,
    .backward_leaf = global_backward_leaf,
};

const layer_type layer_global_avgpool = {
    .word = "global_avgpool",
    .input = INPUT_IMAGE,
    .plan = global_plan,
    .stages = (const stage_type *const[]){&stage_global_avgpool, NULL},
    .keras_class = "GlobalAveragePooling2D",
    .keras_stem = "global_average_pooling2d",
    .keras = KERAS_NOTHING,
};
