/* kernel/isa/conv_sparse.c - gradients of a 3 x 3 convolution with a 2 x 2 pooling behind it; see kernel/conv.h.
 *
 * At most one in four sums of the convolution has a gradient: the maximum of its window. For the gradient of w, filter after
 * filter is taken: the sums of its taps stay in registers while the windows with a gradient are visited. For the gradient of x,
 * position after position of the convolution's output is taken, and the filters with a gradient there are visited, which a
 * bit mask lists; sums for three columns of x are kept in registers, and move on by one column with each position. Both work on
 * vectors of channels. (Skipping zeros on CPUs: Gong et al., SparseTrain, PACT 2020.) */
#include "kernel/isa/variants.h"
#include "kernel/isa/windows.h"

enum {
    TAPS = 9,
    WEIGHT_ROWS = SIMD_LEN == 16 ? 3 : 1,    /* rows of taps in registers        */
    WEIGHT_VECTORS = SIMD_LEN == 16 ? 2 : 4, /* vectors of channels in registers */
    WEIGHT_CHANNELS = WEIGHT_VECTORS * SIMD_LEN,
    INPUT_ROWS = SIMD_LEN == 16 ? 3 : 1,
    INPUT_VECTORS = SIMD_LEN == 16 ? 1 : 4,
    INPUT_CHANNELS = INPUT_VECTORS * SIMD_LEN,
    INPUT_FLOATS = INPUT_ROWS * 3 * INPUT_CHANNELS, /* of a filter in one pass */
    WORD = 64                                       /* bits of a mask's word */
};

/* The windows of SIMD_LEN filters of one sample, those of a filter side by side: d, x [filter][stride]. */
typedef struct filter_windows {
    int stride, words;
    float *d;       /* gradient of the window                                 */
    int32_t *x;     /* floats to the pixel that its maximum's tap (0,0) meets */
    uint64_t *mask; /* [filter][words]: bit t: window t has a gradient        */
} filter_windows;

/* Places the arrays in scratch. */
static filter_windows divide(const conv_windows *g, float *scratch)
{
    int windows = g->rows * g->cols;
    filter_windows w = {.stride = (windows + SIMD_LEN - 1) / SIMD_LEN * SIMD_LEN,
                        .words = (windows + WORD - 1) / WORD};
    w.mask = (uint64_t *)(void *)scratch;
    w.d = scratch + 2 * SIMD_LEN * w.words;
    w.x = (int32_t *)(void *)(w.d + SIMD_LEN * w.stride);
    return w;
}

/* Windows [t, t + SIMD_LEN) of SIMD_LEN filters, from the order of dy and argmax (at the first filter) to that of w. */
INLINE void turn_windows(const conv_windows *g, const window_place *place, int t, const float *dy,
                         const uint8_t *argmax, const filter_windows *w)
{
    simd_float d[SIMD_LEN], x[SIMD_LEN];
    int windows = g->rows * g->cols, right = g->channels, below = g->width * g->channels;
    for (int i = 0; i < SIMD_LEN; i++) {
        d[i] = x[i] = simd_zero();
        if (t + i >= windows) continue;
        simd_int where = simd_load_bytes(argmax + place[t + i].y);
        d[i] = simd_load(dy + place[t + i].y);
        /* not -(where >> 1): of four lanes, gcc 9 makes an unsigned shift of it, which gives 1 for -1 */
        x[i] = (simd_float)(place[t + i].x + (-(where & 1) & right) + ((where > 1) & below));
    }
    simd_transpose(d);
    simd_transpose(x);
    UNROLL for (int f = 0; f < SIMD_LEN; f++)
    {
        uint64_t some = simd_bits(d[f] != simd_zero());
        simd_store(w->d + f * w->stride + t, d[f]);
        memcpy(w->x + f * w->stride + t, &x[f], sizeof x[f]);
        w->mask[f * w->words + t / WORD] |= some << t % WORD;
    }
}

static void turn_filters(const conv_windows *g, const window_place *place, const float *dy,
                         const uint8_t *argmax, const filter_windows *w)
{
    memset(w->mask, 0, (size_t)(SIMD_LEN * w->words) * sizeof *w->mask);
    for (int t = 0; t < w->stride; t += SIMD_LEN) turn_windows(g, place, t, dy, argmax, w);
}

/* dw += the windows of filter f, for WEIGHT_ROWS rows of taps and WEIGHT_CHANNELS channels; x: at the first of both. pixel,
 * row: floats from a pixel of x to the next of its row, and to the next row; pixel is a constant where the caller has one. */
INLINE void add_windows(const filter_windows *w, int f, const float *x, const size_t pixel,
                        size_t row, float *dw)
{
    simd_float sum[WEIGHT_ROWS][3][WEIGHT_VECTORS];
    UNROLL for (int k = 0; k < WEIGHT_ROWS * 3; k++) UNROLL for (int v = 0; v < WEIGHT_VECTORS; v++)
        sum[k / 3][k % 3][v] = simd_load(dw + k * WEIGHT_CHANNELS + v * SIMD_LEN);
    for (int word = 0; word < w->words; word++) {
        size_t first = (size_t)(f * w->stride + word * WORD);
        for (uint64_t left = w->mask[f * w->words + word]; left; left &= left - 1) {
            size_t t = first + (size_t)__builtin_ctzll(left);
            const float *at = x + w->x[t];
            simd_float d = simd_set(w->d[t]);
            UNROLL for (int r = 0; r < WEIGHT_ROWS; r++, at += row)
                UNROLL for (int s = 0; s < 3; s++) UNROLL for (int v = 0; v < WEIGHT_VECTORS; v++)
                    sum[r][s][v] = simd_fma(d, simd_load(at + (size_t)s * pixel + v * SIMD_LEN),
                                            sum[r][s][v]);
        }
    }
    UNROLL for (int k = 0; k < WEIGHT_ROWS * 3; k++) UNROLL for (int v = 0; v < WEIGHT_VECTORS; v++)
        simd_store(dw + k * WEIGHT_CHANNELS + v * SIMD_LEN, sum[k / 3][k % 3][v]);
}

/* dw += all taps and channels of filter first + f. */
static void add_filter(const conv_windows *g, const filter_windows *w, int first, int f,
                       const float *x, float *dw)
{
    size_t pixel = (size_t)g->channels, row = (size_t)g->width * pixel;
    for (int c = 0; c < g->channels; c += WEIGHT_CHANNELS) {
        float *sums = dw + (size_t)(c * g->filters + (first + f) * WEIGHT_CHANNELS) * TAPS;
        for (int r = 0; r < 3; r += WEIGHT_ROWS, sums += WEIGHT_ROWS * 3 * WEIGHT_CHANNELS) {
            const float *corner = x + (size_t)r * row + (size_t)c;
            if (pixel == CONV_BLOCK)
                add_windows(w, f, corner, CONV_BLOCK, row, sums);
            else
                add_windows(w, f, corner, pixel, row, sums);
        }
    }
}

static void place_windows(const conv_windows *g, window_place *place)
{
    for (int i = 0; i < g->rows; i++)
        for (int j = 0; j < g->cols; j++) *place++ = window_at(g, i, j);
}

INLINE void weights(const conv_backward_args *a, const int rounds)
{
    const conv_windows *g = &a->g;
    filter_windows w = divide(g, a->scratch);
    window_place *place = (window_place *)(void *)(w.x + SIMD_LEN * w.stride);
    memset(a->dw, 0, (size_t)(TAPS * g->channels * g->filters) * sizeof(float));
    place_windows(g, place);
    for (int n = 0; n < a->samples; n++) {
        size_t out = (size_t)n * g->out_length;
        const float *x = a->x + (size_t)n * g->in_length;
        if (rounds) x = windows_rounded(g, x, a->scratch, conv_scratch_lengths(g).sparse);
        for (int f = 0; f < g->filters; f += SIMD_LEN) {
            turn_filters(g, place, a->dy + out + f, a->argmax + out + f, &w);
            for (int i = 0; i < SIMD_LEN; i++) add_filter(g, &w, f, i, x, a->dw);
        }
    }
}

void KERNEL(conv_sparse_weights)(const conv_backward_args *a)
{
    weights(a, 0);
}

void KERNEL(conv_sparse_weights_bf16)(const conv_backward_args *a)
{
    weights(a, 1);
}

/* [C/B][F][9][B] of conv_sparse_weights -> [9][C][F]. */
void KERNEL(conv_sparse_unpack)(int channels, int filters, const float *sums, float *dw)
{
    for (int c = 0; c < channels; c += SIMD_LEN)
        for (int f = 0; f < filters; f += SIMD_LEN)
            for (int k = 0; k < TAPS; k++) {
                int block = c / WEIGHT_CHANNELS * WEIGHT_CHANNELS;
                const float *from = sums + (size_t)(block * filters + f * WEIGHT_CHANNELS) * TAPS +
                                    k * WEIGHT_CHANNELS + c % WEIGHT_CHANNELS;
                float *to = dw + (size_t)(k * channels + c) * (size_t)filters + (size_t)f;
                simd_float v[SIMD_LEN];
                UNROLL for (int i = 0; i < SIMD_LEN; i++)
                    v[i] = simd_load(from + (size_t)i * TAPS * WEIGHT_CHANNELS);
                simd_transpose(v);
                UNROLL for (int i = 0; i < SIMD_LEN; i++)
                    simd_store(to + (size_t)i * (size_t)filters, v[i]);
            }
}

/* w [9][C][F] -> packed [C/INPUT_CHANNELS][3/INPUT_ROWS][F][INPUT_ROWS * 3][INPUT_CHANNELS], filters [lo, hi). */
INLINE void pack(int channels, int filters, const float *w, int lo, int hi, float *packed,
                 const int rounds)
{
    for (int c = 0; c < channels; c += SIMD_LEN)
        for (int f = lo; f < hi; f += SIMD_LEN)
            for (int k = 0; k < TAPS; k++) {
                const float *from = w + (size_t)(k * channels + c) * (size_t)filters + (size_t)f;
                int pass = c / INPUT_CHANNELS * (3 / INPUT_ROWS) + k / (3 * INPUT_ROWS);
                float *to = packed + (size_t)(pass * filters + f) * INPUT_FLOATS +
                            k % (3 * INPUT_ROWS) * INPUT_CHANNELS + c % INPUT_CHANNELS;
                simd_float v[SIMD_LEN];
                UNROLL for (int i = 0; i < SIMD_LEN; i++)
                    v[i] = simd_load(from + (size_t)i * (size_t)filters);
                simd_transpose(v);
                UNROLL for (int i = 0; i < SIMD_LEN; i++)
                    simd_store(to + i * INPUT_FLOATS, rounds ? bf16_round(v[i]) : v[i]);
            }
}

void KERNEL(conv_sparse_pack)(int channels, int filters, const float *w, int lo, int hi,
                              float *packed)
{
    pack(channels, filters, w, lo, hi, packed, 0);
}

void KERNEL(conv_sparse_pack_bf16)(int channels, int filters, const float *w, int lo, int hi,
                                   float *packed)
{
    pack(channels, filters, w, lo, hi, packed, 1);
}

/* mask [2 rows][2 cols][words], a word of bits for each position of the convolution's output: bit f is set where the maximum of
 * filter f lies there and has a gradient. */
static void mask_positions(const conv_windows *g, const float *dy, const uint8_t *argmax,
                           uint64_t *mask)
{
    int words = (g->filters + WORD - 1) / WORD;
    memset(mask, 0, (size_t)(4 * g->rows * g->cols * words) * sizeof *mask);
    for (int i = 0; i < g->rows; i++)
        for (int j = 0; j < g->cols; j++) {
            int at = window_at(g, i, j).y;
            uint64_t *corner = mask + (size_t)((2 * i * 2 * g->cols + 2 * j) * words);
            for (int f = 0; f < g->filters; f += SIMD_LEN) {
                simd_int some = simd_load(dy + at + f) != simd_zero();
                simd_int where = simd_load_bytes(argmax + at + f);
                UNROLL for (int q = 0; q < 4; q++)
                {
                    uint64_t bits = simd_bits(some & (where == q));
                    corner[(q / 2 * 2 * g->cols + q % 2) * words + f / WORD] |= bits << f % WORD;
                }
            }
        }
}

/* sum += dy[f] w[f] for the filters f of a mask. */
INLINE void add_filters(const uint64_t *mask, int words, const float *dy, const float *w,
                        simd_float sum[INPUT_ROWS][3][INPUT_VECTORS])
{
    for (int word = 0; word < words; word++)
        for (uint64_t left = mask[word]; left; left &= left - 1) {
            size_t f = (size_t)(word * WORD + __builtin_ctzll(left));
            const float *at = w + f * INPUT_FLOATS;
            simd_float d = simd_set(dy[f]);
            UNROLL for (int k = 0; k < INPUT_ROWS * 3; k++)
                UNROLL for (int v = 0; v < INPUT_VECTORS; v++) sum[k / 3][k % 3][v] = simd_fma(
                    d, simd_load(at + k * INPUT_CHANNELS + v * SIMD_LEN), sum[k / 3][k % 3][v]);
        }
}

/* Adds what one row of positions gives to the INPUT_ROWS rows of dx from `dx` on. sum: of the three columns that the position
 * at hand adds to; the leftmost of them is complete after it. */
static void slide_row(const conv_windows *g, const float *dy, const uint64_t *mask, const float *w,
                      float *dx)
{
    int words = (g->filters + WORD - 1) / WORD;
    size_t pixel = (size_t)g->channels, row = (size_t)g->width * pixel;
    simd_float sum[INPUT_ROWS][3][INPUT_VECTORS];
    UNROLL for (int r = 0; r < INPUT_ROWS; r++) UNROLL for (int v = 0; v < INPUT_VECTORS; v++)
    {
        sum[r][1][v] = simd_load(dx + (size_t)r * row + v * SIMD_LEN);
        sum[r][2][v] = simd_load(dx + (size_t)r * row + pixel + v * SIMD_LEN);
    }
    for (int x = 0; x < 2 * g->cols; x++, dx += pixel) {
        UNROLL for (int r = 0; r < INPUT_ROWS; r++) UNROLL for (int v = 0; v < INPUT_VECTORS; v++)
        {
            sum[r][0][v] = sum[r][1][v];
            sum[r][1][v] = sum[r][2][v];
            sum[r][2][v] = simd_load(dx + (size_t)r * row + 2 * pixel + v * SIMD_LEN);
        }
        add_filters(mask + x * words, words, dy + x / 2 * g->filters, w, sum);
        UNROLL for (int r = 0; r < INPUT_ROWS; r++) UNROLL for (int v = 0; v < INPUT_VECTORS; v++)
            simd_store(dx + (size_t)r * row + v * SIMD_LEN, sum[r][0][v]);
    }
    UNROLL for (int r = 0; r < INPUT_ROWS; r++) UNROLL for (int v = 0; v < INPUT_VECTORS; v++)
    {
        simd_store(dx + (size_t)r * row + v * SIMD_LEN, sum[r][1][v]);
        simd_store(dx + (size_t)r * row + pixel + v * SIMD_LEN, sum[r][2][v]);
    }
}

void KERNEL(conv_sparse_input)(const conv_input_args *a)
{
    const conv_windows *g = &a->g;
    uint64_t *mask = (uint64_t *)(void *)a->scratch;
    int words = (g->filters + WORD - 1) / WORD;
    size_t row = (size_t)g->width * (size_t)g->channels;
    for (int n = 0; n < a->samples; n++) {
        const float *dy = a->dy + (size_t)n * g->out_length;
        float *dx = a->dx + (size_t)n * g->in_length;
        mask_positions(g, dy, a->argmax + (size_t)n * g->out_length, mask);
        memset(dx, 0, (size_t)a->height * row * sizeof(float));
        for (int c = 0; c < g->channels; c += INPUT_CHANNELS)
            /* r descends, so that each row of dx gets its terms with y ascending */
            for (int r = 3 - INPUT_ROWS; r >= 0; r -= INPUT_ROWS) {
                int pass = c / INPUT_CHANNELS * (3 / INPUT_ROWS) + r / INPUT_ROWS;
                const float *w = a->turned + (size_t)(pass * g->filters) * INPUT_FLOATS;
                for (int y = 0; y < 2 * g->rows; y++)
                    slide_row(g, dy + y / 2 * g->out_width * g->filters,
                              mask + (size_t)(y * 2 * g->cols * words), w,
                              dx + (size_t)(y + r) * row + c);
            }
    }
}
