/* prop/kernel_adjoint.c - a convolution A made of the kernels, and its transpose: <A x, y> = <x, A' y>, and the same
 * as a function of the weights: <A_w x, y> = <w, dw>. All three against the double-precision twin as well. */
#include "check.h"

#include <stdlib.h>

#include "kernel/kernels.h"
#include "reference/conv2d.h"
#include "reference/values.h"

enum { LARGEST = 1 << 16 };

/* Stride 1, no padding: x [H,W,C], w [K,K,C,F], y [P,Q,F]. */
typedef struct conv {
    int height, width, channels, filters, kernel;
    int out_height, out_width, depth;
} conv;

static float *x, *y, *w, *ax, *aty, *dw, *wide_y, *flipped, *panels, *bias;
static double *reference[7]; /* x, w, y, A x, dx, dw, db */
static const kernels *tables[3];
static int table_count;

static int set_up(void **state)
{
    (void)state;
    float **all[] = {&x, &y, &w, &ax, &aty, &dw, &wide_y, &flipped, &panels, &bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = values_take(LARGEST * sizeof **all[i]);
    for (int i = 0; i < 7; i++) reference[i] = values_take(LARGEST * sizeof *reference[i]);
    table_count = kernels_available(tables);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    float *all[] = {x, y, w, ax, aty, dw, wide_y, flipped, panels, bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    for (int i = 0; i < 7; i++) free(reference[i]);
    return 0;
}

static void pack(const kernels *k, const float *source, int rows, int cols)
{
    k->gemm_pack(
        &(gemm_pack_args){source, rows, cols, (size_t)cols, 1, 0, kernels_panels(k, cols), panels});
}

/* Patches of an image of the given width and channels, as rows. */
static gemm_rows patches(const float *image, int out_height, int out_width, int width, int channels,
                         int kernel)
{
    size_t row = (size_t)width * (size_t)channels;
    return (gemm_rows){image, out_height,       out_width, kernel, kernel * channels,
                       row,   (size_t)channels, row};
}

static void forward(const kernels *k, const conv *s)
{
    pack(k, w, s->depth, s->filters);
    k->gemm_nn(
        &(gemm_nn_args){patches(x, s->out_height, s->out_width, s->width, s->channels, s->kernel),
                        panels, s->filters, 0, kernels_panels(k, s->filters), NULL, ACTIVATION_NONE,
                        ax, (size_t)(s->out_width * s->filters), (size_t)s->filters, 0, 0});
}

/* A' y: the convolution of y, K - 1 zeros around it, with the taps turned round and [F,C] in place of [C,F]. */
static void transposed(const kernels *k, const conv *s)
{
    int border = s->kernel - 1, width = s->out_width + 2 * border;
    memset(wide_y, 0, LARGEST * sizeof *wide_y);
    for (int p = 0; p < s->out_height; p++)
        memcpy(wide_y + ((p + border) * width + border) * s->filters,
               y + p * s->out_width * s->filters, (size_t)(s->out_width * s->filters) * sizeof *y);
    int taps = s->kernel * s->kernel;
    for (int i = 0; i < taps * s->filters * s->channels; i++) {
        int tap = i / (s->filters * s->channels), f = i / s->channels % s->filters,
            c = i % s->channels;
        flipped[i] = w[((taps - 1 - tap) * s->channels + c) * s->filters + f];
    }
    pack(k, flipped, taps * s->filters, s->channels);
    k->gemm_nn(&(gemm_nn_args){patches(wide_y, s->height, s->width, width, s->filters, s->kernel),
                               panels, s->channels, 0, kernels_panels(k, s->channels), NULL,
                               ACTIVATION_NONE, aty, (size_t)(s->width * s->channels),
                               (size_t)s->channels, 0, 0});
}

static void weights(const kernels *k, const conv *s)
{
    pack(k, y, s->out_height * s->out_width, s->filters);
    k->gemm_tn(
        &(gemm_tn_args){patches(x, s->out_height, s->out_width, s->width, s->channels, s->kernel),
                        panels, s->filters, GEMM_OVERWRITE, dw, 0});
}

/* <p, q> in double; *size becomes the sum of the magnitudes. */
static double dot(const float *p, const float *q, int count, double *size)
{
    double sum = 0;
    *size = 0;
    for (int i = 0; i < count; i++) {
        double term = (double)p[i] * (double)q[i];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* Each term below has an error of at most (chain + 2) 2^-24 of terms no larger than 1 in magnitude each. */
static void near_twin(const float *got, const double *want, int count, int chain)
{
    for (int i = 0; i < count; i++) NEAR(got[i], want[i], (chain + 2) * 0x1p-24 * chain);
}

static void check(const kernels *k, conv s)
{
    s.out_height = s.height - s.kernel + 1, s.out_width = s.width - s.kernel + 1;
    s.depth = s.kernel * s.kernel * s.channels;
    int x_count = s.height * s.width * s.channels, w_count = s.depth * s.filters;
    int positions = s.out_height * s.out_width, y_count = positions * s.filters;
    values_fill(x, (size_t)x_count, 1), values_fill(w, (size_t)w_count, 2);
    values_fill(y, (size_t)y_count, 3);
    forward(k, &s), transposed(k, &s), weights(k, &s);
    double size, unused, ax_y = dot(ax, y, y_count, &size);
    /* A chain of depth d is off by at most d 2^-24 of its magnitudes' sum: d per output at most, y_count outputs. */
    double bound = (s.depth + positions + s.kernel * s.kernel * s.filters + 6) * 0x1p-24;
    bound *= (double)y_count * s.depth;
    NEAR(dot(x, aty, x_count, &unused), ax_y, bound);
    NEAR(dot(w, dw, w_count, &unused), ax_y, bound);
    assert_true(bound < 0.05 * size + 1); /* the bound says something */
    values_widen(x, (size_t)x_count, reference[0]), values_widen(w, (size_t)w_count, reference[1]);
    values_widen(y, (size_t)y_count, reference[2]);
    conv2d_ref r = {s.height, s.width, s.channels, s.filters, s.kernel, 1, 0};
    double none[64] = {0};
    conv2d_ref_forward(&r, reference[0], reference[1], none, reference[3]);
    conv2d_ref_backward(&r, reference[0], reference[1], reference[2], reference[4], reference[5],
                        reference[6]);
    near_twin(ax, reference[3], y_count, s.depth);
    near_twin(aty, reference[4], x_count, s.kernel * s.kernel * s.filters);
    near_twin(dw, reference[5], w_count, positions);
}

static void convolution(void **state)
{
    (void)state;
    for (int t = 0; t < table_count; t++)
        for (int kernel = 1; kernel <= 5; kernel += 2)
            for (int channels = 1; channels <= 5; channels += 2)
                for (int filters = 1; filters <= 34; filters += 11) {
                    conv s = {.height = 6 + channels, .width = 9, .channels = channels};
                    s.filters = filters, s.kernel = kernel;
                    CASE("%s kernel %d channels %d filters %d", tables[t]->name, kernel, channels,
                         filters);
                    check(tables[t], s);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolution)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
