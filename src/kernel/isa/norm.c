/* kernel/isa/norm.c - layer normalisation of rows, and its gradients.
 *
 * Sums along a row have 16 lanes: lane l adds the elements l, l + 16, ... Then lanes l and l + 8 are added, l and l + 4, l and
 * l + 2, 0 and 1. The order is the same for every length of a vector. */
#include <math.h>

#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"

enum { LANES = 16, VECTORS = LANES / SIMD_LEN };

/* The 16 lanes of a sum. */
typedef struct lanes {
    simd_float v[VECTORS];
} lanes;

/* Elements [at, at + SIMD_LEN) of a row; 0 past its end. */
INLINE simd_float load_part(const float *row, int at, int length)
{
    return at < length ? simd_load_first(row + at, length - at) : simd_zero();
}

/* v, with 0 in the lanes from n on. */
INLINE simd_float keep_first(simd_float v, int n)
{
    return simd_select(simd_first(n), v, simd_zero());
}

INLINE float lanes_sum(const lanes *sums)
{
    float lane[LANES];
    memcpy(lane, sums, sizeof lane);
    for (int half = LANES / 2; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

INLINE float row_mean(const float *x, int length)
{
    lanes sum = {{{0}}};
    for (int at = 0; at < length; at += LANES)
        for (int v = 0; v < VECTORS; v++)
            sum.v[v] = sum.v[v] + load_part(x, at + v * SIMD_LEN, length);
    return lanes_sum(&sum) / (float)length;
}

INLINE float row_variance(const float *x, int length, float mean)
{
    lanes sum = {{{0}}};
    for (int at = 0; at < length; at += LANES)
        for (int v = 0; v < VECTORS; v++) {
            int c = at + v * SIMD_LEN;
            simd_float d = keep_first(load_part(x, c, length) - simd_set(mean), length - c);
            sum.v[v] = simd_fma(d, d, sum.v[v]);
        }
    return lanes_sum(&sum) / (float)length;
}

void KERNEL(layer_norm_forward)(const layer_norm_args *n, const float *x, float *y, float *stats)
{
    for (int r = 0; r < n->rows; r++, x += n->length, y += n->length, stats += 2) {
        stats[0] = row_mean(x, n->length);
        stats[1] = 1.0f / sqrtf(row_variance(x, n->length, stats[0]) + n->epsilon);
        simd_float mean = simd_set(stats[0]), scale = simd_set(stats[1]);
        for (int c = 0; c < n->length; c += SIMD_LEN) {
            int left = n->length - c;
            simd_float normal = simd_mul(simd_load_first(x + c, left) - mean, scale);
            simd_store_first(y + c,
                             simd_fma(normal, simd_load_first(n->gamma + c, left),
                                      simd_load_first(n->beta + c, left)),
                             left);
        }
    }
}

/* Adds the row's terms to dgamma and dbeta; means: of g = dy gamma, and of g normal, over the row. */
INLINE void row_gradients(const layer_norm_args *n, const float *x, const float *stats,
                          const float *dy, float *dgamma, float *dbeta, float means[2])
{
    lanes g_sum = {{{0}}}, product_sum = {{{0}}};
    for (int at = 0; at < n->length; at += LANES)
        for (int v = 0; v < VECTORS; v++) {
            int c = at + v * SIMD_LEN, left = n->length - c;
            if (left <= 0) continue;
            simd_float d = simd_load_first(dy + c, left);
            simd_float normal = simd_mul(simd_load_first(x + c, left) - simd_set(stats[0]),
                                         simd_set(stats[1]));
            simd_float g = simd_mul(d, simd_load_first(n->gamma + c, left));
            g_sum.v[v] = g_sum.v[v] + g;
            product_sum.v[v] = simd_fma(g, normal, product_sum.v[v]);
            simd_store_first(dgamma + c, simd_fma(d, normal, simd_load_first(dgamma + c, left)),
                             left);
            simd_store_first(dbeta + c, simd_load_first(dbeta + c, left) + d, left);
        }
    means[0] = lanes_sum(&g_sum) / (float)n->length;
    means[1] = lanes_sum(&product_sum) / (float)n->length;
}

/* dx of the row, from the means of row_gradients. */
INLINE void row_input_gradient(const layer_norm_args *n, const float *x, const float *stats,
                               const float *dy, const float means[2], float *dx)
{
    simd_float mean = simd_set(stats[0]), scale = simd_set(stats[1]);
    for (int c = 0; c < n->length; c += SIMD_LEN) {
        int left = n->length - c;
        simd_float normal = simd_mul(simd_load_first(x + c, left) - mean, scale);
        simd_float g = simd_mul(simd_load_first(dy + c, left), simd_load_first(n->gamma + c, left));
        simd_store_first(
            dx + c,
            simd_mul(scale, (g - simd_set(means[0])) - simd_mul(normal, simd_set(means[1]))), left);
    }
}

void KERNEL(layer_norm_backward)(const layer_norm_args *n, const float *x, const float *stats,
                                 const float *dy, float *dx, float *dgamma, float *dbeta)
{
    for (int r = 0; r < n->rows; r++, x += n->length, dy += n->length, stats += 2) {
        float means[2];
        row_gradients(n, x, stats, dy, dgamma, dbeta, means);
        if (!dx) continue;
        row_input_gradient(n, x, stats, dy, means, dx);
        dx += n->length;
    }
}
