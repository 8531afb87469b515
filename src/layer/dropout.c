/* layer/dropout.c - dropout RATE: inverted dropout (Srivastava et al., JMLR 15, 2014), as Keras has it: in training
 *
 *   y[i] = x[i] / (1 - rate) where element i is kept, else 0;   otherwise y = x
 *
 * Element i of sample n is dropped where 16 bits of f(seed, RNG_DROPOUT, epoch, n, place) are below rate 2^16: one draw
 * gives eight elements, place = layer number * 2^26 + i / 8. The rate is rounded to a multiple of 2^-16, and 1 - rate is
 * what is left after that, so that the expected value of y is x. The mask depends on neither the thread nor the pass. */
#include <string.h>

#include "kernel/product.h"
#include "layer/row.h"
#include "layer/stage.h"

enum { OF_A_DRAW = 8, LAYER_SHIFT = 26, LEVELS = 1 << 16 };

/* Elements with 16 bits below this are dropped. */
static int threshold_of(const stage *s)
{
    return (int)(s->layer->cfg.rate * LEVELS + 0.5);
}

static float scale_of(const stage *s)
{
    return (float)(1.0 / (1.0 - (double)threshold_of(s) / LEVELS));
}

static void stage_dropout_plan(stage *s)
{
    s->saved_bytes = s->out_length; /* 1: kept */
    CHECK(s->out_length <= (size_t)OF_A_DRAW << LAYER_SHIFT, "%zu elements", s->out_length);
}

/* keep [out_length] of one sample. */
static void draw_mask(const stage *s, rng_key key, uint8_t *keep)
{
    uint32_t first = (uint32_t)s->layer->number << LAYER_SHIFT;
    int threshold = threshold_of(s);
    for (size_t i = 0; i < s->out_length; i += OF_A_DRAW) {
        rng_words drawn = rng_draw(key, first + (uint32_t)(i / OF_A_DRAW));
        size_t left = s->out_length - i < OF_A_DRAW ? s->out_length - i : OF_A_DRAW;
        for (size_t j = 0; j < left; j++)
            keep[i + j] = (int)(drawn.word[j / 2] >> (j % 2 * 16) & 0xffff) >= threshold;
    }
}

/* to = from * scale where kept, else 0; by bits, so that the loop has no branch. */
static void scale_kept(size_t length, const uint8_t *restrict keep, float scale,
                       const float *restrict from, float *restrict to)
{
    for (size_t i = 0; i < length; i++) {
        union {
            float value;
            uint32_t bits;
        } scaled = {.value = product(from[i], scale)};
        scaled.bits &= (uint32_t) - (int32_t)keep[i];
        to[i] = scaled.value;
    }
}

static void dropout_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    size_t length = s->out_length;
    if (!io->draw.trains) {
        memcpy(io->y, io->x, (size_t)samples * length * sizeof(float));
        return;
    }
    for (int i = 0; i < samples; i++) {
        rng_key key = stage_draw_key(&io->draw, RNG_DROPOUT, i);
        draw_mask(s, key, io->saved + (size_t)i * length);
    }
    scale_kept((size_t)samples * length, io->saved, scale_of(s), io->x, io->y);
}

static void dropout_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    (void)gradient; /* no parameters */
    if (io->dx) scale_kept((size_t)samples * s->out_length, io->saved, scale_of(s), io->dy, io->dx);
}

static const stage_type stage_dropout = {
    .name = "dropout",
    .split = STAGE_BY_SAMPLE,
    .plan = stage_dropout_plan,
    .forward = dropout_forward,
    .backward_leaf = dropout_backward_leaf,
};

static const layer_operand operands[] = {
    {.sort = OPERAND_REAL,
     .field = LAYER_FIELD(rate),
     .form = "RATE",
     .name = "rate",
     .most = 0.99},
    OPERANDS_END,
};

const layer_type layer_dropout = {
    .word = "dropout",
    .operands = operands,
    .plan = keep_shape,
    .only_in_training = 1,
    .stages = (const stage_type *const[]){&stage_dropout, NULL},
    .keras_class = "Dropout",
    .keras_stem = "dropout",
    .keras = (const keras_field[]){KERAS_FIELD("rate", KERAS_REAL, rate), KERAS_END},
};
