/* kernel/isa/conv_pixels.c - a 3 x 3 convolution of one channel with the pooling behind it; see kernel/conv.h.
 *
 * Forward: the nine weights of VECTORS vectors of filters stay in registers over all windows of a sample. Each of a window's
 * 16 pixels is broadcast once and added to those of the four sums that it belongs to. Backward: only the maximum of a window
 * has a gradient. Over the four sums a weight meets a quad of four pixels; argmax picks one of them, so that a window takes
 * 9 fused multiply-adds instead of 36. Windows without ink, half of those of MNIST, are left out.
 *
 * With operands rounded to bfloat16 the nine terms of a sum are two chains (kernel/bf16.h). */
#include "kernel/isa/variants.h"
#include "kernel/isa/windows.h"

enum { VECTORS = SIMD_LEN == 16 ? 2 : 1, TAPS = 9 };

/* place [rows * cols] = all windows of a sample: those with ink first, in row order. Returns the number of these. */
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

/* The four sums of the window at x, for `vectors` vectors of filters: one chain each, weights in row order; or two chains, of
 * the even weights and of the odd ones. */
INLINE void window_sums(const float *x, size_t width, simd_float w[TAPS][VECTORS],
                        const int vectors, const int chains, simd_float sum[VECTORS][4])
{
    simd_float odd[VECTORS][4];
    UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int q = 0; q < 4; q++)
        sum[v][q] = odd[v][q] = simd_zero();
    UNROLL for (int r = 0; r < 4; r++) UNROLL for (int s = 0; s < 4; s++)
    {
        simd_float pixel = simd_set(x[(size_t)r * width + (size_t)s]);
        UNROLL for (int q = 0; q < 4; q++)
        {
            int y = r - q / 2, c = s - q % 2;
            if (y < 0 || y > 2 || c < 0 || c > 2) continue;
            simd_float(*chain)[4] = chains == 2 && (3 * y + c) % 2 ? odd : sum;
            UNROLL for (int v = 0; v < vectors; v++)
                chain[v][q] = simd_fma(pixel, w[3 * y + c][v], chain[v][q]);
        }
    }
    if (chains == 1) return;
    UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int q = 0; q < 4; q++)
        sum[v][q] = simd_zero() + (sum[v][q] + odd[v][q]);
}

/* All windows of the sample x, for VECTORS vectors of filters from f on, or for one where a sum has two chains. place as
 * place_windows leaves it. keeps: argmax is wanted; a constant, as the test costs time in the loop. */
INLINE void forward_filters(const conv_forward_args *a, const float *x, const window_place *place,
                            int inked, int f, const int chains, const int keeps)
{
    const int vectors = chains == 2 ? 1 : VECTORS;
    const conv_windows *g = &a->g;
    simd_float w[TAPS][VECTORS], bias[VECTORS];
    UNROLL for (int k = 0; k < TAPS; k++) UNROLL for (int v = 0; v < vectors; v++)
    {
        w[k][v] = simd_load(a->w + k * g->filters + f + v * SIMD_LEN);
        if (chains == 2) w[k][v] = bf16_round(w[k][v]);
    }
    UNROLL for (int v = 0; v < vectors; v++) bias[v] = simd_load(a->bias + f + v * SIMD_LEN);
    for (int i = 0; i < inked; i++) {
        simd_float sum[VECTORS][4];
        int at = place[i].y + f;
        window_sums(x + place[i].x, (size_t)g->width, w, vectors, chains, sum);
        UNROLL for (int v = 0; v < vectors; v++)
            window_store(sum[v], bias[v], a->act, a->y + at + v * SIMD_LEN,
                         keeps ? a->argmax + at + v * SIMD_LEN : NULL);
    }
    const simd_float none[4] = {simd_zero(), simd_zero(), simd_zero(), simd_zero()};
    for (int i = inked; i < g->rows * g->cols; i++) UNROLL for (int v = 0; v < vectors; v++)
        {
            int at = place[i].y + f + v * SIMD_LEN;
            window_store(none, bias[v], a->act, a->y + at, keeps ? a->argmax + at : NULL);
        }
}

static void forward_with_argmax(const conv_forward_args *a, const float *x,
                                const window_place *place, int inked, int f)
{
    forward_filters(a, x, place, inked, f, 1, 1);
}

static void forward_alone(const conv_forward_args *a, const float *x, const window_place *place,
                          int inked, int f)
{
    forward_filters(a, x, place, inked, f, 1, 0);
}

static void rounded_with_argmax(const conv_forward_args *a, const float *x,
                                const window_place *place, int inked, int f)
{
    forward_filters(a, x, place, inked, f, 2, 1);
}

static void rounded_alone(const conv_forward_args *a, const float *x, const window_place *place,
                          int inked, int f)
{
    forward_filters(a, x, place, inked, f, 2, 0);
}

static const float *rounded_pixels(const conv_windows *g, const float *x, float *scratch)
{
    return windows_rounded(g, x, scratch, conv_scratch_lengths(g).pixels);
}

/* rounds: the operands are rounded. Then one vector of filters at a time: the eight chains of two would not leave registers for
 * the weights. */
INLINE void forward(const conv_forward_args *all, const int rounds)
{
    const int step = (rounds ? 1 : VECTORS) * SIMD_LEN;
    conv_forward_args a = *all;
    window_place *place = (window_place *)(void *)a.scratch;
    for (int n = 0; n < a.samples; n++) {
        const float *x = rounds ? rounded_pixels(&a.g, a.x, a.scratch) : a.x;
        int inked = place_windows(&a.g, x, place);
        for (int f = 0; f < a.g.filters; f += step)
            if (rounds)
                (a.argmax ? rounded_with_argmax : rounded_alone)(&a, x, place, inked, f);
            else
                (a.argmax ? forward_with_argmax : forward_alone)(&a, x, place, inked, f);
        a.x += a.g.in_length, a.y += a.g.out_length;
        if (a.argmax) a.argmax += a.g.out_length;
    }
}

void KERNEL(conv_pixels_forward)(const conv_forward_args *a)
{
    forward(a, 0);
}

void KERNEL(conv_pixels_forward_bf16)(const conv_forward_args *a)
{
    forward(a, 1);
}

/* quad [window][weight] = the four pixels that the weight meets in the four sums of the window. */
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

INLINE void backward(const conv_backward_args *a, const int rounds)
{
    const conv_windows *g = &a->g;
    const int windows = g->rows * g->cols;
    window_place *place = (window_place *)(void *)a->scratch;
    float(*quad)[TAPS][4] = (float(*)[TAPS][4])(void *)(a->scratch + 2 * windows);
    memset(a->dw, 0, (size_t)(TAPS * g->filters) * sizeof(float));
    for (int n = 0; n < a->samples; n++) {
        const float *x = a->x + (size_t)n * g->in_length, *dy = a->dy + (size_t)n * g->out_length;
        const uint8_t *argmax = a->argmax + (size_t)n * g->out_length;
        if (rounds) x = rounded_pixels(g, x, a->scratch);
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

void KERNEL(conv_pixels_backward)(const conv_backward_args *a)
{
    backward(a, 0);
}

void KERNEL(conv_pixels_backward_bf16)(const conv_backward_args *a)
{
    backward(a, 1);
}
