/* kernel/isa/conv_pixels.c - the first convolution: one channel, 3 x 3, with the pooling behind it; see kernel/conv.h.
 *
 * Forward: the nine weights of a few filters stay in registers while window after window is computed: 16 pixels, each
 * broadcast once, give the four sums. Backward: in each window a filter has one pixel that counts for each weight, out of
 * a quad of four: a permutation picks it, so a window costs 9 fused multiply-adds instead of 36. Half of MNIST's windows
 * have no ink; they are left out. */
#include "kernel/isa/variants.h"
#include "kernel/isa/windows.h"

enum { VECTORS = SIMD_LEN == 16 ? 2 : 1, TAPS = 9 };

/* All windows of a sample: those with ink first, in row order; returns their number. */
static int place_windows(const conv_windows *g, const float *x, window_place *place)
{
    int ink[CONV_MAX_WIDTH], inked = 0, blank = g->rows * g->cols;
    for (int i = 0; i < g->rows; i++) {
        const float *row = x + (size_t)(2 * i) * (size_t)g->width;
        for (int c = 0; c < 2 * g->cols + 2; c++)
            ink[c] = (row[c] != 0) | (row[c + g->width] != 0) | (row[c + 2 * g->width] != 0) |
                     (row[c + 3 * g->width] != 0);
        for (int j = 0; j < g->cols; j++) {
            int any = ink[2 * j] | ink[2 * j + 1] | ink[2 * j + 2] | ink[2 * j + 3];
            blank -= 1 - any;
            place[any ? inked : blank] = window_at(g, i, j);
            inked += any;
        }
    }
    return inked;
}

/* The four sums of a window; one chain each, w ascending. */
INLINE void window_sums(const float *x, size_t width, const simd_float w[TAPS][VECTORS],
                        simd_float sum[VECTORS][4])
{
    UNROLL for (int v = 0; v < VECTORS; v++) UNROLL for (int q = 0; q < 4; q++)
        sum[v][q] = simd_zero();
    UNROLL for (int r = 0; r < 4; r++) UNROLL for (int s = 0; s < 4; s++)
    {
        simd_float pixel = simd_set(x[(size_t)r * width + (size_t)s]);
        UNROLL for (int q = 0; q < 4; q++)
        {
            int y = r - q / 2, c = s - q % 2;
            if (y < 0 || y > 2 || c < 0 || c > 2) continue;
            UNROLL for (int v = 0; v < VECTORS; v++)
                sum[v][q] = simd_fma(pixel, w[3 * y + c][v], sum[v][q]);
        }
    }
}

/* VECTORS vectors of filters, from f on, of all windows of a sample. */
static void forward_filters(const conv_forward_args *a, const float *x, const window_place *place,
                            int inked, int f)
{
    const conv_windows *g = &a->g;
    simd_float w[TAPS][VECTORS], bias[VECTORS];
    UNROLL for (int k = 0; k < TAPS; k++) UNROLL for (int v = 0; v < VECTORS; v++)
        w[k][v] = simd_load(a->w + k * g->filters + f + v * SIMD_LEN);
    UNROLL for (int v = 0; v < VECTORS; v++) bias[v] = simd_load(a->bias + f + v * SIMD_LEN);
    for (int i = 0; i < inked; i++) {
        simd_float sum[VECTORS][4];
        int at = place[i].y + f;
        window_sums(x + place[i].x, (size_t)g->width, w, sum);
        UNROLL for (int v = 0; v < VECTORS; v++) window_store(
            sum[v], bias[v], a->act, a->y + at + v * SIMD_LEN, a->argmax + at + v * SIMD_LEN);
    }
    const simd_float none[4] = {simd_zero(), simd_zero(), simd_zero(), simd_zero()};
    for (int i = inked; i < g->rows * g->cols; i++) UNROLL for (int v = 0; v < VECTORS; v++)
        {
            int at = place[i].y + f + v * SIMD_LEN;
            window_store(none, bias[v], a->act, a->y + at, a->argmax + at);
        }
}

void KERNEL(conv_pixels_forward)(const conv_forward_args *all)
{
    conv_forward_args a = *all;
    window_place *place = (window_place *)(void *)a.scratch;
    for (int n = 0; n < a.samples; n++) {
        int inked = place_windows(&a.g, a.x, place);
        for (int f = 0; f < a.g.filters; f += VECTORS * SIMD_LEN)
            forward_filters(&a, a.x, place, inked, f);
        a.x += a.g.in_length, a.y += a.g.out_length, a.argmax += a.g.out_length;
    }
}

/* Of each window and weight the pixels that it meets in the four sums. */
static void gather_quads(const conv_windows *g, const float *x, const window_place *place,
                         int inked, float (*quad)[TAPS][4])
{
    for (int i = 0; i < inked; i++) {
        const float *corner = x + place[i].x;
        UNROLL for (int k = 0; k < TAPS; k++)
        {
            const float *pixel = corner + k / 3 * g->width + k % 3;
            memcpy(quad[i][k], pixel, 2 * sizeof *pixel);
            memcpy(quad[i][k] + 2, pixel + g->width, 2 * sizeof *pixel);
        }
    }
}

void KERNEL(conv_pixels_backward)(const conv_backward_args *a)
{
    const conv_windows *g = &a->g;
    const int windows = g->rows * g->cols;
    window_place *place = (window_place *)(void *)a->scratch;
    float(*quad)[TAPS][4] = (float(*)[TAPS][4])(void *)(a->scratch + 2 * windows);
    memset(a->dw, 0, (size_t)(TAPS * g->filters) * sizeof(float));
    for (int n = 0; n < a->samples; n++) {
        const float *x = a->x + (size_t)n * g->in_length, *dy = a->dy + (size_t)n * g->out_length;
        const uint8_t *argmax = a->argmax + (size_t)n * g->out_length;
        int inked = place_windows(g, x, place);
        gather_quads(g, x, place, inked, quad);
        for (int f = 0; f < g->filters; f += SIMD_LEN) {
            float *dw = a->dw + f;
            simd_float sum[TAPS];
            UNROLL for (int k = 0; k < TAPS; k++) sum[k] = simd_load(dw + k * g->filters);
            for (int i = 0; i < inked; i++) {
                simd_float d = simd_load(dy + place[i].y + f);
                simd_int where = simd_load_bytes(argmax + place[i].y + f);
                UNROLL for (int k = 0; k < TAPS; k++)
                    sum[k] = simd_fma(d, simd_pick4(quad[i][k], where), sum[k]);
            }
            UNROLL for (int k = 0; k < TAPS; k++) simd_store(dw + k * g->filters, sum[k]);
        }
    }
}
