/* kernel/isa/winograd.c - 3 x 3 convolutions by F(5x5, 3x3), with the pooling behind them; see kernel/conv.h.
 *
 *   U = G w G'        for each channel and filter, after each update      [7,3] [3,3] [3,7]
 *   V = B' x B        for each channel and tile of 7 x 7 pixels           from the monic polynomials of the points
 *   M = sum_c U V     49 independent products over the channels
 *   y = A' M A        the 5 x 5 sums of a tile                            from powers of the points
 * Points: 0, 1, -1, 2, -2, 1/2, infinity. (Lavin and Gray, CVPR 2016; for the points Barabasz et al., ACM TOMS 46:4, 2020.)
 *
 * Where a position's 3 x 3 pixels are 0 in all channels, its sum is set to 0, as a plain sum would give: with the rounding
 * error in its place, the ReLU of every blank position would pass it on while the biases are still 0. M is computed for TILES
 * tiles at a time, and each point of U is read once for all of them; in registers are the sums of 8 tiles (AVX-512) or 6,
 * two vectors each. */
#include "kernel/isa/variants.h"
#include "kernel/isa/windows.h"

enum {
    PANEL = 2 * SIMD_LEN,
    /* of a tile, each way: pixels, sums */
    SIDE = 7,
    OUT = 5,
    BLOCK_TILES = 4,
    /* blocks that share a reading of U, and their tiles */
    BLOCKS = SIMD_LEN == 16 ? 2 : 3,
    TILES = BLOCKS * BLOCK_TILES,
    /* of a block, each way: sums, which is also the distance of two blocks in pixels */
    BLOCK_PIXELS = 2 * OUT,
    /* floats between the points of V and of M: with distances of powers of two the points would share few lines of the cache */
    PAD = 16,
    /* floats from one point of M to the next */
    OUT_POINT = TILES * PANEL + PAD
};

/* Floats from one point of V to the next. */
INLINE size_t in_point(int channels)
{
    return (size_t)(TILES * channels + PAD);
}

/* G: row i is (1, a_i, a_i^2) / prod_{l != i} (a_i - a_l); the last, for infinity, (0, 0, 1). */
static const float G[SIDE][3] = {
    {-1.0f / 2, 0, 0},
    {-1.0f / 3, -1.0f / 3, -1.0f / 3},
    {1.0f / 9, -1.0f / 9, 1.0f / 9},
    {1.0f / 36, 1.0f / 18, 1.0f / 9},
    {-1.0f / 60, 1.0f / 30, -1.0f / 15},
    {32.0f / 45, 16.0f / 45, 8.0f / 45},
    {0, 0, 1},
};

/* u = G g. */
INLINE void transform_filter(const simd_float g[3], simd_float u[SIDE])
{
    UNROLL for (int i = 0; i < SIDE; i++)
        u[i] = simd_fma(simd_set(G[i][2]), g[2],
                        simd_fma(simd_set(G[i][1]), g[1], simd_mul(simd_set(G[i][0]), g[0])));
}

/* w [3,3,C,F] -> packed [F/PANEL][49][C+1][PANEL], panels [lo, hi); row C of a point is padding, neither written nor read. */
void KERNEL(winograd_pack)(int channels, int filters, const float *w, int lo, int hi, float *packed)
{
    size_t pixel = (size_t)channels * (size_t)filters, point = (size_t)(channels + 1) * PANEL;
    for (int f = lo * PANEL; f < hi * PANEL; f += SIMD_LEN)
        for (int c = 0; c < channels; c++) {
            const float *at = w + (size_t)c * (size_t)filters + (size_t)f;
            float *out = packed + (size_t)(f / PANEL) * WINOGRAD_POINTS * point +
                         (size_t)c * PANEL + (size_t)(f % PANEL);
            simd_float half[3][SIDE];
            UNROLL for (int s = 0; s < 3; s++)
            {
                simd_float g[3];
                UNROLL for (int r = 0; r < 3; r++)
                    g[r] = simd_load(at + (size_t)(3 * r + s) * pixel);
                transform_filter(g, half[s]);
            }
            for (int i = 0; i < SIDE; i++) {
                simd_float g[3] = {half[0][i], half[1][i], half[2][i]}, u[SIDE];
                transform_filter(g, u);
                UNROLL for (int j = 0; j < SIDE; j++)
                    simd_store(out + (size_t)(i * SIDE + j) * point, u[j]);
            }
        }
}

/* e = B' d. Row i of B' holds the coefficients of the product of (z - a_l) over the points l != i; the factor z - 1/2, which
 * all points except 1/2 have, is applied first: p. */
INLINE void transform_input(const simd_float d[SIDE], simd_float e[SIDE])
{
    simd_float two = simd_set(2), four = simd_set(4), five = simd_set(-5), p[SIDE - 1];
    UNROLL for (int k = 0; k < SIDE - 1; k++) p[k] = simd_fma(simd_set(-0.5f), d[k], d[k + 1]);
    simd_float even = simd_fma(-four, p[2], p[4]), odd = simd_fma(-four, p[1], p[3]);
    simd_float even2 = p[4] - p[2], odd2 = p[3] - p[1];
    e[0] = simd_fma(four, p[0], simd_fma(five, p[2], p[4]));
    e[1] = even + odd;
    e[2] = even - odd;
    e[3] = simd_fma(two, odd2, even2);
    e[4] = simd_fma(-two, odd2, even2);
    e[5] = simd_fma(four, d[1], simd_fma(five, d[3], d[5]));
    e[6] = simd_fma(four, p[1], simd_fma(five, p[3], p[5]));
}

/* y = A' m. */
INLINE void transform_output(const simd_float m[SIDE], simd_float y[OUT])
{
    simd_float s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4], h = m[5];
    y[0] = m[0] + s1 + (s2 + h);
    y[1] = simd_fma(simd_set(2), d2, simd_fma(simd_set(0.5f), h, d1));
    y[2] = simd_fma(simd_set(4), s2, simd_fma(simd_set(0.25f), h, s1));
    y[3] = simd_fma(simd_set(8), d2, simd_fma(simd_set(0.125f), h, d1));
    y[4] = simd_fma(simd_set(16), s2, simd_fma(simd_set(0.0625f), h, s1 + m[6]));
}

/* V of the tile with corner x: v at its row of [49][TILES][C]. */
static void tile_input(const conv_windows *g, const float *x, float *v)
{
    size_t pixel = (size_t)g->channels, point = in_point(g->channels);
    for (int c = 0; c < g->channels; c += SIMD_LEN) {
        simd_float half[SIDE][SIDE];
        UNROLL for (int j = 0; j < SIDE; j++)
        {
            simd_float d[SIDE], e[SIDE];
            UNROLL for (int i = 0; i < SIDE; i++)
                d[i] = simd_load(x + (size_t)(i * g->width + j) * pixel + (size_t)c);
            transform_input(d, e);
            UNROLL for (int i = 0; i < SIDE; i++) half[i][j] = e[i];
        }
        UNROLL for (int i = 0; i < SIDE; i++)
        {
            simd_float e[SIDE];
            transform_input(half[i], e);
            UNROLL for (int j = 0; j < SIDE; j++)
                simd_store(v + (size_t)(i * SIDE + j) * point + (size_t)c, e[j]);
        }
    }
}

/* M [49][TILES][PANEL] of the first `tiles` tiles; the sums of `height` tiles, which divides `tiles`, are in registers. */
INLINE void point_products(const float *v, const float *u, int channels, const int tiles,
                           const int height, float *m)
{
    for (int p = 0; p < WINOGRAD_POINTS; p++) {
        for (int first = 0; first < tiles; first += height) {
            const float *x = v + first * channels, *w = u;
            simd_float sum[TILES][2];
            UNROLL for (int t = 0; t < height; t++) sum[t][0] = sum[t][1] = simd_zero();
            _Pragma("GCC unroll 4") for (int c = 0; c < channels; c++, w += PANEL)
            {
                simd_float w0 = simd_load(w), w1 = simd_load(w + SIMD_LEN);
                UNROLL for (int t = 0; t < height; t++)
                {
                    simd_float factor = simd_set(x[t * channels + c]);
                    sum[t][0] = simd_fma(factor, w0, sum[t][0]);
                    sum[t][1] = simd_fma(factor, w1, sum[t][1]);
                }
            }
            UNROLL for (int t = 0; t < height; t++)
            {
                simd_store(m + (first + t) * PANEL, sum[t][0]);
                simd_store(m + (first + t) * PANEL + SIMD_LEN, sum[t][1]);
            }
        }
        u += (channels + 1) * PANEL;
        v += in_point(channels);
        m += OUT_POINT;
    }
}

/* By the number of blocks, with its tiles as a constant. */
static void products_1(const float *v, const float *u, int channels, float *m)
{
    point_products(v, u, channels, BLOCK_TILES, BLOCK_TILES, m);
}

static void products_2(const float *v, const float *u, int channels, float *m)
{
    point_products(v, u, channels, 2 * BLOCK_TILES, SIMD_LEN == 16 ? 8 : 4, m);
}

#if SIMD_LEN != 16
static void products_3(const float *v, const float *u, int channels, float *m)
{
    point_products(v, u, channels, 3 * BLOCK_TILES, 6, m);
}
#endif

typedef void block_products(const float *v, const float *u, int channels, float *m);
static block_products *const products_of[BLOCKS + 1] = {
    NULL,
    products_1,
    products_2,
#if SIMD_LEN != 16
    products_3,
#endif
};

/* For each row of a block's positions, bit q: the 3 x 3 pixels of position q are 0 in all channels. */
typedef struct blank_rows {
    uint32_t row[BLOCK_PIXELS];
} blank_rows;

/* 1: some channel of the pixel is not 0. */
INLINE uint32_t pixel_has_ink(const conv_windows *g, const float *pixel)
{
    simd_int any = {0};
    for (int c = 0; c < g->channels; c += SIMD_LEN)
        any = any | (simd_load(pixel + c) != simd_zero());
    return simd_bits(any) != 0;
}

/* 1: every third pixel of every third row of a block has ink. Then no position is blank, as it reads one of these. */
static int is_covered(const conv_windows *g, const float *x)
{
    uint32_t all = 1;
    for (int i = 2; i < BLOCK_PIXELS + 2; i += 3)
        for (int j = 2; j < BLOCK_PIXELS + 2; j += 3)
            all &= pixel_has_ink(g, x + (i * g->width + j) * g->channels);
    return (int)all;
}

static blank_rows find_blank(const conv_windows *g, const float *x)
{
    if (is_covered(g, x)) return (blank_rows){{0}};
    uint32_t ink[BLOCK_PIXELS + 2];
    for (int i = 0; i < BLOCK_PIXELS + 2; i++, x += g->width * g->channels) {
        uint32_t some = 0;
        for (int j = 0; j < BLOCK_PIXELS + 2; j++)
            some |= pixel_has_ink(g, x + j * g->channels) << j;
        ink[i] = some | some >> 1 | some >> 2;
    }
    blank_rows b;
    for (int i = 0; i < BLOCK_PIXELS; i++) b.row[i] = ~(ink[i] | ink[i + 1] | ink[i + 2]);
    return b;
}

/* A vector of filters of a block: 4 tiles of m -> 10 x 10 sums -> 5 x 5 windows at y and argmax. */
INLINE void block_output(const conv_forward_args *a, const float *m, const float *bias,
                         const blank_rows *blank, float *y, uint8_t *argmax)
{
    simd_float sum[BLOCK_PIXELS][BLOCK_PIXELS], b = simd_load(bias);
    for (int t = 0; t < BLOCK_TILES; t++) {
        const float *tile = m + t * PANEL;
        simd_float half[OUT][SIDE];
        UNROLL for (int j = 0; j < SIDE; j++)
        {
            simd_float column[SIDE], z[OUT];
            UNROLL for (int i = 0; i < SIDE; i++)
                column[i] = simd_load(tile + (i * SIDE + j) * OUT_POINT);
            transform_output(column, z);
            UNROLL for (int i = 0; i < OUT; i++) half[i][j] = z[i];
        }
        UNROLL for (int i = 0; i < OUT; i++)
            transform_output(half[i], &sum[t / 2 * OUT + i][t % 2 * OUT]);
    }
    for (int i = 0; i < WINOGRAD_WINDOWS; i++) UNROLL for (int j = 0; j < WINOGRAD_WINDOWS; j++)
        {
            simd_float window[4] = {sum[2 * i][2 * j], sum[2 * i][2 * j + 1], sum[2 * i + 1][2 * j],
                                    sum[2 * i + 1][2 * j + 1]};
            uint32_t above = blank->row[2 * i] >> 2 * j & 3,
                     below = blank->row[2 * i + 1] >> 2 * j & 3;
            if (above | below)
                UNROLL for (int q = 0; q < 4; q++) if ((above | below << 2) >> q & 1)
                    window[q] = simd_zero();
            int at = (i * a->g.out_width + j) * a->g.filters;
            window_store(window, b, a->act, y + at, argmax ? argmax + at : NULL);
        }
}

static void block_with_argmax(const conv_forward_args *a, const float *m, const float *bias,
                              const blank_rows *blank, float *y, uint8_t *argmax)
{
    block_output(a, m, bias, blank, y, argmax);
}

static void block_alone(const conv_forward_args *a, const float *m, const float *bias,
                        const blank_rows *blank, float *y)
{
    block_output(a, m, bias, blank, y, NULL);
}

/* A block's place: floats to its corner in x, and to its first window in y (and argmax). */
typedef struct block_place {
    size_t x, y;
} block_place;

INLINE block_place block_at(const conv_windows *g, int index)
{
    int across = g->cols / WINOGRAD_WINDOWS, blocks = g->rows / WINOGRAD_WINDOWS * across;
    int sample = index / blocks, row = index % blocks / across, col = index % across;
    window_place first = window_at(g, row * WINOGRAD_WINDOWS, col * WINOGRAD_WINDOWS);
    return (block_place){(size_t)sample * g->in_length + (size_t)first.x,
                         (size_t)sample * g->out_length + (size_t)first.y};
}

/* Blocks [first, first + count); count <= BLOCKS. */
static void some_blocks(const conv_forward_args *a, int first, int count)
{
    const conv_windows *g = &a->g;
    float *v = a->scratch, *m = v + WINOGRAD_POINTS * in_point(g->channels);
    block_place at[BLOCKS];
    blank_rows blank[BLOCKS];
    for (int b = 0; b < count; b++) {
        at[b] = block_at(g, first + b);
        blank[b] = find_blank(g, a->x + at[b].x);
        for (int t = 0; t < BLOCK_TILES; t++)
            tile_input(g,
                       a->x + at[b].x +
                           (size_t)(t / 2 * OUT * g->width + t % 2 * OUT) * (size_t)g->channels,
                       v + (b * BLOCK_TILES + t) * g->channels);
    }
    for (int f = a->filter_lo; f < (a->filter_hi ? a->filter_hi : g->filters); f += PANEL) {
        const float *u = a->w + (size_t)f * WINOGRAD_POINTS * (size_t)(g->channels + 1);
        products_of[count](v, u, g->channels, m);
        for (int b = 0; b < count; b++)
            for (int n = 0; n < PANEL; n += SIMD_LEN) {
                const float *sums = m + b * BLOCK_TILES * PANEL + n, *bias = a->bias + f + n;
                size_t to = at[b].y + (size_t)(f + n);
                if (a->argmax)
                    block_with_argmax(a, sums, bias, &blank[b], a->y + to, a->argmax + to);
                else
                    block_alone(a, sums, bias, &blank[b], a->y + to);
            }
    }
}

void KERNEL(winograd_forward)(const conv_forward_args *a)
{
    int blocks = a->samples * (a->g.rows / WINOGRAD_WINDOWS) * (a->g.cols / WINOGRAD_WINDOWS);
    for (int b = 0; b < blocks; b += BLOCKS)
        some_blocks(a, b, blocks - b < BLOCKS ? blocks - b : BLOCKS);
}
