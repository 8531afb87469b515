/* layer/prelu.c - prelu: y = x, or alpha x below 0, with one trainable slope alpha per channel, at first 0 (He, Zhang, Ren and
 * Sun, arXiv 1502.01852).
 *
 * A channel is an element of the last axis. Backward reads x, since alpha may be negative: dx = dy, or alpha dy where x is not
 * above 0; dalpha adds dy x of these elements row after row, sample after sample. The output has the input's shape. */
#include <string.h>

#include "kernel/product.h"
#include "layer/init.h"
#include "layer/row.h"
#include "layer/stage.h"

/* alpha has the input's rank, as in Keras, with 1 for each axis but the last. */
static status prelu_plan(layer *l, failure *why)
{
    (void)why;
    shape slopes = l->in;
    for (int i = 0; i + 1 < slopes.rank; i++) slopes.dim[i] = 1;
    l->out = l->in;
    l->tensors = 1;
    l->tensor[0] = (layer_tensor){.name = "alpha", .shape = slopes, .init = init_zeros};
    return STATUS_OK;
}

static void prelu_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    span at = s->layer->tensor[0].at;
    const float *alpha = io->parameters + at.offset;
    size_t length = (size_t)samples * s->in_length;
    for (size_t row = 0; row < length; row += at.length)
        for (size_t c = 0; c < at.length; c++) {
            float x = io->x[row + c];
            io->y[row + c] = x > 0 ? x : product(alpha[c], x);
        }
}

static void prelu_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    span at = s->layer->tensor[0].at;
    const float *alpha = io->parameters + at.offset;
    size_t length = (size_t)samples * s->in_length;
    memset(gradient, 0, s->leaf_length * sizeof(float));
    for (size_t row = 0; row < length; row += at.length) {
        const float *x = io->x + row, *dy = io->dy + row;
        for (size_t c = 0; c < at.length; c++) gradient[c] += x[c] > 0 ? 0 : product(dy[c], x[c]);
        if (!io->dx) continue;
        for (size_t c = 0; c < at.length; c++)
            io->dx[row + c] = x[c] > 0 ? dy[c] : product(alpha[c], dy[c]);
    }
}

static const stage_type stage_prelu = {
    .name = "prelu",
    .split = STAGE_BY_SAMPLE,
    .forward = prelu_forward,
    .backward_leaf = prelu_backward_leaf,
};

static const keras_field keras[] = {
    {.key = "shared_axes", .sort = KERAS_AXES},
    KERAS_END,
};

const layer_type layer_prelu = {
    .word = "prelu",
    .plan = prelu_plan,
    .stages = (const stage_type *const[]){&stage_prelu, NULL},
    .keras_class = "PReLU",
    .keras_stem = "p_re_lu",
    .keras = keras,
};
