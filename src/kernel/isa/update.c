/* kernel/isa/update.c - optimiser updates of consecutive parameters, and sums of squares for norms. */
#include "kernel/isa/variants.h"

/* Decided by the rule of kernel/isa/flush.h, on every processor. */
INLINE simd_float flush_fma(simd_float a, simd_float b, simd_float c)
{
    return flush_again(simd_fma(a, b, c), a, b, c);
}

INLINE simd_float flush_mul(simd_float a, simd_float b)
{
    return flush_again(simd_mul(a, b), a, b, simd_zero());
}

void KERNEL(adam)(const adam_args *a)
{
    simd_float c1 = simd_set(a->one_minus_beta1), c2 = simd_set(a->one_minus_beta2);
    simd_float alpha = simd_set(a->alpha), epsilon = simd_set(a->epsilon);
    for (size_t i = 0; i < a->length; i += SIMD_LEN) {
        simd_float g = simd_load(a->g + i), m = simd_load(a->m + i), v = simd_load(a->v + i);
        m = flush_fma(g - m, c1, m);
        v = flush_fma(flush_mul(g, g) - v, c2, v);
        simd_store(a->m + i, m);
        simd_store(a->v + i, v);
        simd_store(a->w + i, simd_load(a->w + i) - flush_mul(alpha, m) / (simd_sqrt(v) + epsilon));
    }
}

void KERNEL(adamax)(const adamax_args *a)
{
    simd_float c1 = simd_set(a->one_minus_beta1), beta2 = simd_set(a->beta2);
    simd_float alpha = simd_set(a->alpha), epsilon = simd_set(a->epsilon);
    for (size_t i = 0; i < a->length; i += SIMD_LEN) {
        simd_float g = simd_load(a->g + i), m = simd_load(a->m + i), u = simd_load(a->u + i);
        m = flush_fma(g - m, c1, m);
        u = simd_max(flush_mul(beta2, u), simd_max(g, simd_zero() - g));
        simd_store(a->m + i, m);
        simd_store(a->u + i, u);
        simd_store(a->w + i, simd_load(a->w + i) - flush_mul(alpha, m) / (u + epsilon));
    }
}

void KERNEL(rmsprop)(const rmsprop_args *a)
{
    simd_float rate = simd_set(a->learning_rate), momentum = simd_set(a->momentum);
    simd_float beta2 = simd_set(a->beta2), c2 = simd_set(a->one_minus_beta2);
    simd_float epsilon = simd_set(a->epsilon);
    for (size_t i = 0; i < a->length; i += SIMD_LEN) {
        simd_float g = simd_load(a->g + i),
                   v = flush_fma(flush_mul(g, g), c2, flush_mul(beta2, simd_load(a->v + i)));
        simd_store(a->v + i, v);
        simd_float step = flush_mul(rate, g) / simd_sqrt(v + epsilon);
        if (a->momentum != 0.0f) {
            step = flush_fma(momentum, simd_load(a->m + i), step);
            simd_store(a->m + i, step);
        }
        simd_store(a->w + i, simd_load(a->w + i) - step);
    }
}

void KERNEL(sgd)(const sgd_args *s)
{
    simd_float rate = simd_set(s->learning_rate), momentum = simd_set(s->momentum);
    for (size_t i = 0; i < s->length; i += SIMD_LEN) {
        simd_float step = flush_mul(simd_load(s->g + i), rate), w = simd_load(s->w + i);
        if (s->momentum != 0.0f) {
            simd_float m = flush_mul(momentum, simd_load(s->m + i)) - step;
            simd_store(s->m + i, m);
            w = s->nesterov ? w + (flush_mul(momentum, m) - step) : w + m;
        } else {
            w = w - step;
        }
        simd_store(s->w + i, w);
    }
}

void KERNEL(lamb)(const lamb_args *a)
{
    simd_float c1 = simd_set(a->one_minus_beta1), c2 = simd_set(a->one_minus_beta2);
    simd_float correction1 = simd_set(a->correction1), correction2 = simd_set(a->correction2);
    simd_float epsilon = simd_set(a->epsilon);
    for (size_t i = 0; i < a->length; i += SIMD_LEN) {
        simd_float g = simd_load(a->g + i), m = simd_load(a->m + i), v = simd_load(a->v + i);
        m = flush_fma(g - m, c1, m);
        v = flush_fma(flush_mul(g, g) - v, c2, v);
        simd_store(a->m + i, m);
        simd_store(a->v + i, v);
        simd_store(a->g + i, (m / correction1) / (simd_sqrt(v / correction2) + epsilon));
    }
}

void KERNEL(scale)(float *values, float factor, size_t length)
{
    simd_float by = simd_set(factor);
    for (size_t i = 0; i < length; i += SIMD_LEN)
        simd_store(values + i, flush_mul(simd_load(values + i), by));
}

void KERNEL(add_scaled)(float *y, const float *x, float factor, size_t length)
{
    simd_float by = simd_set(factor);
    for (size_t i = 0; i < length; i += SIMD_LEN)
        simd_store(y + i, flush_fma(simd_load(x + i), by, simd_load(y + i)));
}

enum { LANES = 16 };

double KERNEL(sum_squares)(const float *values, size_t length)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= length; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += (double)values[i + l] * (double)values[i + l];
    for (int l = 0; i < length; i++, l++) lane[l] += (double)values[i] * (double)values[i];
    for (int half = LANES / 2; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}
