/* layer/gaussian_noise.c - gaussian_noise STDDEV: additive noise (Bishop, Neural Computation 7, 1995), as Keras' GaussianNoise:
 *
 *   y[i] = x[i] + stddev n[i] in training, n normal with mean 0 and variance 1;   otherwise y = x;   dx = dy
 *
 * One draw gives the elements 4 j ... 4 j + 3 of a sample: its four words f(seed, RNG_NOISE, epoch, sample, layer number * 2^26
 * + j) are two pairs (a, b) of uniform numbers, each pair gives two normal ones by Box and Muller (Ann. Math. Stat. 29, 1958):
 * r cos t and r sin t with r = sqrt(-2 log((a + 1) 2^-32)), t = 2 pi b 2^-32. In double, rounded once to float. */
#include <math.h>
#include <string.h>

#include "kernel/product.h"
#include "kernel/scalar.h"
#include "layer/row.h"
#include "layer/stage.h"

enum { OF_A_DRAW = 4, LAYER_SHIFT = 26 };

static void stage_gaussian_noise_plan(stage *s)
{
    CHECK(s->out_length <= (size_t)OF_A_DRAW << LAYER_SHIFT, "%zu elements", s->out_length);
}

/* Four normal numbers. */
static void draw_normal(rng_key key, uint32_t index, double normal[OF_A_DRAW])
{
    const double turn = 6.283185307179586;
    rng_words drawn = rng_draw(key, index);
    for (int pair = 0; pair < 2; pair++) {
        double a = ((double)drawn.word[2 * pair] + 1.0) * 0x1p-32;
        double angle = turn * (double)drawn.word[2 * pair + 1] * 0x1p-32;
        double radius = sqrt(-2.0 * scalar_log(a));
        normal[2 * pair] = radius * scalar_cos(angle);
        normal[2 * pair + 1] = radius * scalar_sin(angle);
    }
}

/* One sample, [out_length]. */
static void add_noise(const stage *s, rng_key key, const float *x, float *y)
{
    uint32_t first = (uint32_t)s->layer->number << LAYER_SHIFT;
    double stddev = s->layer->cfg.stddev, normal[OF_A_DRAW];
    for (size_t i = 0; i < s->out_length; i++) {
        if (i % OF_A_DRAW == 0) draw_normal(key, first + (uint32_t)(i / OF_A_DRAW), normal);
        y[i] = x[i] + product_narrow(stddev * normal[i % OF_A_DRAW]);
    }
}

static void gaussian_noise_forward(const stage *s, const stage_io *io, int samples, int part,
                                   int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    size_t length = s->out_length;
    if (!io->draw.trains) {
        memcpy(io->y, io->x, (size_t)samples * length * sizeof(float));
        return;
    }
    for (int i = 0; i < samples; i++) {
        rng_key key = stage_draw_key(&io->draw, RNG_NOISE, i);
        add_noise(s, key, io->x + (size_t)i * length, io->y + (size_t)i * length);
    }
}

static void gaussian_noise_backward_leaf(const stage *s, const stage_io *io, int samples,
                                         float *gradient)
{
    (void)gradient; /* no parameters */
    if (io->dx) memcpy(io->dx, io->dy, (size_t)samples * s->out_length * sizeof(float));
}

static const stage_type stage_gaussian_noise = {
    .name = "gaussian_noise",
    .split = STAGE_BY_SAMPLE,
    .plan = stage_gaussian_noise_plan,
    .forward = gaussian_noise_forward,
    .backward_leaf = gaussian_noise_backward_leaf,
};

const layer_type layer_gaussian_noise = {
    .word = "gaussian_noise",
    .operands = (const layer_operand[]){{.sort = OPERAND_REAL,
                                         .field = LAYER_FIELD(stddev),
                                         .form = "STDDEV",
                                         .name = "standard deviation",
                                         .most = 1},
                                        OPERANDS_END},
    .plan = keep_shape,
    .only_in_training = 1,
    .stages = (const stage_type *const[]){&stage_gaussian_noise, NULL},
    .keras_class = "GaussianNoise",
    .keras_stem = "gaussian_noise",
    .keras = (const keras_field[]){KERAS_FIELD("stddev", KERAS_REAL, stddev), KERAS_END},
};
