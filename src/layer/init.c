/* layer/init.c - initial values of tensors. */
#include "layer/init.h"

#include <math.h>

#include "base/arena.h"
#include "kernel/scalar.h"

void init_zeros(const layer_tensor *t, rng_key key, float *values)
{
    (void)key;
    for (size_t i = 0; i < t->at.length; i++) values[i] = 0;
}

void init_ones(const layer_tensor *t, rng_key key, float *values)
{
    (void)key;
    for (size_t i = 0; i < t->at.length; i++) values[i] = 1;
}

void init_glorot_uniform(const layer_tensor *t, rng_key key, float *values)
{
    double fan_in = t->shape.dim[t->shape.rank - 2], fan_out = t->shape.dim[t->shape.rank - 1];
    for (int i = 0; i + 2 < t->shape.rank; i++) {
        fan_in *= t->shape.dim[i];
        fan_out *= t->shape.dim[i];
    }
    double limit = sqrt(6.0 / (fan_in + fan_out));
    for (size_t i = 0; i < t->at.length; i++)
        values[i] = (float)((2.0 * (double)rng_float(key, (uint32_t)i) - 1.0) * limit);
}

/* A normal number by Box and Muller (Ann. Math. Stat. 29, 1958) from two uniform ones. */
static double normal(rng_key key, uint32_t index)
{
    const double turn = 6.283185307179586;
    double radius = sqrt(-2.0 * scalar_log(1.0 - rng_double(key, 2 * index)));
    return radius * scalar_cos(turn * rng_double(key, 2 * index + 1));
}

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Takes out of v what it has of the orthonormal rows q [rows, n], then gives it length 1. Twice is enough for
 * orthogonality to working precision (Giraud, Langou, Rozloznik, Computers and Math. with Appl. 50, 2005). */
static void orthonormalise(const double *q, int rows, int n, double *v)
{
    for (int pass = 0; pass < 2; pass++)
        for (int r = 0; r < rows; r++) {
            const double *other = q + (size_t)r * (size_t)n;
            double share = dot(v, other, n);
            for (int i = 0; i < n; i++) v[i] -= share * other[i];
        }
    double length = sqrt(dot(v, v, n));
    for (int i = 0; i < n; i++) v[i] /= length;
}

/* The Q' of the QR factors of a normal [GU,U] matrix, R's diagonal positive; by Gram and Schmidt, in double. */
void init_orthogonal(const layer_tensor *t, rng_key key, float *values)
{
    int rows = t->shape.dim[0], n = t->shape.dim[1];
    double *q = memory_take(t->at.length * sizeof *q);
    for (int r = 0; r < rows; r++) {
        double *v = q + (size_t)r * (size_t)n;
        for (int i = 0; i < n; i++) v[i] = normal(key, (uint32_t)(r * n + i));
        orthonormalise(q, r, n, v);
    }
    for (size_t i = 0; i < t->at.length; i++) values[i] = (float)q[i];
    memory_free(q);
}
