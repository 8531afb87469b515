/* kernel/isa/softmax.c - softmax cross-entropy of rows of logits.
 *
 * The sum over the classes has 16 lanes: lane l adds the classes l, l + 16, ... Then lanes l and l + 8 are added, l and l + 4,
 * l and l + 2, 0 and 1. The order is the same for every length of a vector. */
#include <math.h>

#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"
#include "kernel/product.h"
#include "kernel/scalar.h"

enum { LANES = 16, MAX_CLASSES = 256 };

static const double LOSS_SCALE = 0x1p32; /* a loss is counted in units of 2^-32 */
static const double LOSS_LIMIT = 0x1p20; /* of a sample; see loss_sums            */

/* The class of the largest logit, the first of equal ones. */
static int first_largest(const float *z, int classes)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (z[c] > z[best]) best = c;
    return best;
}

/* e[c] = exp(z[c] - largest), and 0 past the last class up to a multiple of LANES; returns their sum. */
static float exponentials(const float *z, int classes, float largest, float *e)
{
    _Alignas(64) float lane[LANES] = {0};
    for (int c = 0; c < classes; c += SIMD_LEN) {
        simd_float v = simd_exp(simd_load_first(z + c, classes - c) - simd_set(largest));
        for (int i = 0; i < SIMD_LEN; i++) e[c + i] = c + i < classes ? v[i] : 0.0f;
    }
    int padded = (classes + LANES - 1) / LANES * LANES;
    for (int c = (classes + SIMD_LEN - 1) / SIMD_LEN * SIMD_LEN; c < padded; c++) e[c] = 0.0f;
    for (int c = 0; c < padded; c += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += e[c + l];
    for (int half = LANES / 2; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

/* The mean over the classes of (largest - z[c]): what the uniform part of a smoothed target adds to the loss, see row_loss. */
static double mean_distance(const float *z, int classes, float largest)
{
    double lane[LANES] = {0};
    for (int c = 0; c < classes; c++) lane[c % LANES] += (double)largest - (double)z[c];
    for (int half = LANES / 2; half >= 1; half /= 2)
        for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0] / classes;
}

/* Adds a sample's loss; one that is not finite or too large counts as the limit, and as nonfinite. */
static void count_loss(double loss, loss_sums *sums)
{
    if (!(loss < LOSS_LIMIT)) {
        sums->nonfinite++;
        loss = LOSS_LIMIT;
    }
    sums->loss = loss_add(sums->loss, (int64_t)floor(loss * LOSS_SCALE + 0.5));
}

/* loss = log(sum exp(z - max)) + sum_c target_c (max - z_c); targets sum to 1. */
static double row_loss(const softmax_args *s, const float *z, int label, float largest, float total)
{
    double distance = (double)largest - (double)z[label], a = (double)s->smoothing;
    if (s->smoothing != 0.0f)
        distance = (1.0 - a) * distance + a * mean_distance(z, s->classes, largest);
    return scalar_log((double)total) + distance;
}

/* p = e / total. Where total is NaN, all are C's NAN: the sign of a NaN that was computed depends on the processor. */
static void probabilities(const float *e, float total, int classes, float *p)
{
    for (int c = 0; c < classes; c++) p[c] = isnan(total) ? NAN : e[c] / total;
}

void KERNEL(softmax_loss)(const softmax_args *s, loss_sums *sums)
{
    _Alignas(64) float e[MAX_CLASSES + LANES];
    float others = s->smoothing / (float)s->classes, right = 1.0f - s->smoothing + others;
    for (int row = s->lo; row < s->hi; row++) {
        size_t first = (size_t)row * (size_t)s->classes;
        const float *z = s->logits + first;
        int label = s->labels[row], best = first_largest(z, s->classes);
        float total = exponentials(z, s->classes, z[best], e);
        count_loss(row_loss(s, z, label, z[best], total), sums);
        sums->correct += best == label;
        if (s->predicted) s->predicted[row] = (uint8_t)best;
        if (s->probabilities) probabilities(e, total, s->classes, s->probabilities + first);
        if (!s->dlogits) continue;
        float *d = s->dlogits + first;
        for (int c = 0; c < s->classes; c++)
            d[c] = product(e[c] / total - (c == label ? right : others), s->scale);
    }
}
