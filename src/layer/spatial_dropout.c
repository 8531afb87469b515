/* layer/spatial_dropout.c - spatial_dropout RATE: dropout of whole channels (Tompson et al., CVPR 2015, section 3.2), as Keras'
 * SpatialDropout2D: in training
 *
 *   y[p,q,c] = x[p,q,c] / (1 - rate) where channel c of the sample is kept, else 0;   otherwise y = x
 *
 * Channel c is dropped where 16 bits of f(seed, RNG_DROPOUT, epoch, sample, layer number * 2^26 + c / 8) are below rate 2^16,
 * as in dropout.c; no other layer has this number. The rate is rounded to a multiple of 2^-16. */
#include <string.h>

#include "kernel/product.h"
#include "layer/row.h"
#include "layer/stage.h"

enum { OF_A_DRAW = 8, LAYER_SHIFT = 26, LEVELS = 1 << 16 };

static int threshold_of(const stage *s)
{
    return (int)(s->layer->cfg.rate * LEVELS + 0.5);
}

/* Saved: the factor of each channel, 0 or 1 / (1 - rate). */
static void stage_spatial_dropout_plan(stage *s)
{
    s->saved_bytes = (size_t)s->layer->in.dim[2] * sizeof(float);
}

static float *factors_of(const stage *s, const stage_io *io, int sample)
{
    return (float *)(void *)(io->saved + (size_t)sample * s->saved_bytes);
}

static void draw_factors(const stage *s, rng_key key, float *factor)
{
    uint32_t first = (uint32_t)s->layer->number << LAYER_SHIFT;
    int threshold = threshold_of(s), channels = s->layer->in.dim[2];
    float kept = (float)(1.0 / (1.0 - (double)threshold / LEVELS));
    for (int c = 0; c < channels; c++) {
        rng_words drawn = rng_draw(key, first + (uint32_t)(c / OF_A_DRAW));
        int j = c % OF_A_DRAW, bits = (int)(drawn.word[j / 2] >> (j % 2 * 16) & 0xffff);
        factor[c] = bits < threshold ? 0.0f : kept;
    }
}

/* to [pixels, channels] = from * factor; 0 in a dropped channel, whatever `from` is there. */
static void scale_channels(size_t pixels, int channels, const float *factor, const float *from,
                           float *to)
{
    for (size_t p = 0; p < pixels; p++, from += channels, to += channels)
        for (int c = 0; c < channels; c++)
            to[c] = factor[c] == 0.0f ? 0.0f : product(from[c], factor[c]);
}

static void spatial_dropout_forward(const stage *s, const stage_io *io, int samples, int part,
                                    int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    int channels = s->layer->in.dim[2];
    size_t length = s->out_length, pixels = length / (size_t)channels;
    if (!io->draw.trains) {
        memcpy(io->y, io->x, (size_t)samples * length * sizeof(float));
        return;
    }
    for (int i = 0; i < samples; i++) {
        rng_key key = stage_draw_key(&io->draw, RNG_DROPOUT, i);
        draw_factors(s, key, factors_of(s, io, i));
        scale_channels(pixels, channels, factors_of(s, io, i), io->x + (size_t)i * length,
                       io->y + (size_t)i * length);
    }
}

static void spatial_dropout_backward_leaf(const stage *s, const stage_io *io, int samples,
                                          float *gradient)
{
    (void)gradient; /* no parameters */
    if (!io->dx) return;
    int channels = s->layer->in.dim[2];
    size_t length = s->out_length;
    for (int i = 0; i < samples; i++)
        scale_channels(length / (size_t)channels, channels, factors_of(s, io, i),
                       io->dy + (size_t)i * length, io->dx + (size_t)i * length);
}

static const stage_type stage_spatial_dropout = {
    .name = "spatial_dropout",
    .split = STAGE_BY_SAMPLE,
    .plan = stage_spatial_dropout_plan,
    .forward = spatial_dropout_forward,
    .backward_leaf = spatial_dropout_backward_leaf,
};

const layer_type layer_spatial_dropout = {
    .word = "spatial_dropout",
    .operands = (const layer_operand[]){{.sort = OPERAND_REAL,
                                         .field = LAYER_FIELD(rate),
                                         .form = "RATE",
                                         .name = "rate",
                                         .most = 0.99},
                                        OPERANDS_END},
    .input = INPUT_IMAGE,
    .plan = keep_shape,
    .only_in_training = 1,
    .stages = (const stage_type *const[]){&stage_spatial_dropout, NULL},
    .keras_class = "SpatialDropout2D",
    .keras_stem = "spatial_dropout2d",
    .keras = (const keras_field[]){KERAS_FIELD("rate", KERAS_REAL, rate), KERAS_END},
};
