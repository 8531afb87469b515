/* layer/gelu.c - gelu: y = x F(x), F the normal distribution's cumulative function (Hendrycks and Gimpel, arXiv 1606.08415,
 * without their approximation by tanh). Backward: dx = dy (F(x) + x f(x)), f the density, so it reads x.
 *
 * F(-a) = e^(-a^2/2) p(t) for a >= 0, with t = 1 / (1 + 0.21 a), as Abramowitz and Stegun's 26.2.17 has it. p is a polynomial
 * of degree 9 fitted for this file: its relative error is below 2e-8 for a from 0 to 14. F(-a) and f(a) are 0 from a = 13 on.
 * In float, F is off by less than 3e-7, y by less than 2e-7 max(1, |y|), dx by less than 4e-7 |dy|.
 *
 * Plain float arithmetic, so the bits are the same on every instruction set. The output has the input's shape. */
#include <stdint.h>
#include <string.h>

#include "kernel/product.h"
#include "layer/row.h"
#include "layer/stage.h"

/* e^x for -87 <= x <= 0: x = n ln 2 + r, and degree 6 in r, as simd_exp of the kernels. n is read from the bits of
 * n + 1.5 * 2^23, whose last place is 1. */
static inline float exponential(float x)
{
    const float magic = 0x1.8p23f; /* bits 0x4b400000 */
    float shifted = x * 1.44269504f + magic, n = shifted - magic;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + (r + 1);
    uint32_t bits;
    float power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4b400000U + 127U) << 23;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* F(x); *density: f(x). */
static inline float cumulative(float x, float *density)
{
    float a = x < 0 ? -x : x, t = 1 / (1 + 0.21f * a);
    float e = a < 13 ? exponential(-0.5f * (a * a)) : 0;
    float p = -0.0716563415f;
    p = p * t + 0.283588822f;
    p = p * t - 0.330254082f;
    p = p * t + 0.349401971f;
    p = p * t - 0.0939259694f;
    p = p * t + 0.124873090f;
    p = p * t + 0.0691920681f;
    p = p * t + 0.0850688735f;
    p = p * t + 0.0837115747f;
    float tail = product(e, p * t);
    *density = 0.398942280f * e;
    return x > 0 ? 1 - tail : tail;
}

static void gelu_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    size_t length = (size_t)samples * s->out_length;
    for (size_t i = 0; i < length; i++) {
        float density;
        io->y[i] = product(io->x[i], cumulative(io->x[i], &density));
    }
}

static void gelu_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    (void)gradient; /* no parameters */
    size_t length = io->dx ? (size_t)samples * s->out_length : 0;
    for (size_t i = 0; i < length; i++) {
        float density, below = cumulative(io->x[i], &density);
        io->dx[i] = product(io->dy[i], below + product(io->x[i], density));
    }
}

static const stage_type stage_gelu = {
    .name = "gelu",
    .split = STAGE_BY_SAMPLE,
    .forward = gelu_forward,
    .backward_leaf = gelu_backward_leaf,
};

const layer_type layer_gelu = {
    .word = "gelu",
    .plan = keep_shape,
    .stages = (const stage_type *const[]){&stage_gelu, NULL},
    .keras_class = "Activation",
    .keras_stem = "activation",
    .keras = (const keras_field[]){KERAS_TEXT("activation", "gelu"), KERAS_END},
};
