/* reference/bf16.c - by frexp and rint instead of bit patterns. */
#include "reference/bf16.h"

#include <float.h>
#include <math.h>

#include "kernel/bf16.h"

float bf16_ref_round(float x)
{
    if (isnan(x) || isinf(x)) return x;
    if (fabs((double)x) < (double)FLT_MIN) return copysignf(0.0f, x);
    int exponent;
    double significand = frexp((double)x, &exponent); /* in [0.5, 1) */
    double rounded = ldexp(rint(ldexp(significand, 8)), exponent - 8);
    return fabs(rounded) > (double)FLT_MAX ? copysignf(INFINITY, x) : (float)rounded;
}

float bf16_ref_sum(const bf16_terms *t)
{
    float sum = t->start;
    for (int first = 0; first < t->n; first += BF16_BLOCK) {
        float chain[2] = {0, 0};
        for (int k = first; k < first + BF16_BLOCK; k++) {
            int there = k < t->n;
            float a = there ? bf16_ref_round(t->a[(size_t)k * t->step_a]) : 0;
            float b = there ? bf16_ref_round(t->b[(size_t)k * t->step_b]) : 0;
            chain[k % 2] = fmaf(a, b, chain[k % 2]);
        }
        float both = chain[0] + chain[1];
        sum = sum + both;
    }
    return sum;
}

double bf16_ref_double(const bf16_terms *t, double *size)
{
    double sum = (double)t->start;
    *size = fabs(sum);
    for (int k = 0; k < t->n; k++) {
        double term = (double)bf16_ref_round(t->a[(size_t)k * t->step_a]) *
                      (double)bf16_ref_round(t->b[(size_t)k * t->step_b]);
        sum += term;
        *size += fabs(term);
    }
    return sum;
}
