/* kernel/isa/bf16_tile.c - the chains of a tile of operands rounded to bfloat16; see include/kernel/bf16.h. */
#include "kernel/isa/bf16.h"

/* Keeps the compiler from loading a value again for each use: loads would then be what takes the time. */
#if defined __AVX2__
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#else
#define IN_REGISTER(v) ((void)0)
#endif

/* Both constant, so that strides are, too: a tile is not far from what a core decodes in the time of its multiply-adds. */
typedef struct shape {
    bf16_form form;
    int height;
} shape;

/* Floats of x from term to term, and from row to row. */
INLINE size_t x_step(shape s)
{
    return s.form == BF16_TURNED ? (size_t)s.height : 1;
}

INLINE size_t x_row(const bf16_tile_args *a, shape s)
{
    return s.form == BF16_TURNED ? 1 : a->row;
}

/* Floats of b from term to term. */
INLINE size_t b_step(shape s)
{
    return (s.form == BF16_HALF ? 4 : 2) * SIMD_LEN;
}

INLINE void tile_clear(int height, simd_float sum[][2])
{
    UNROLL for (int r = 0; r < height; r++) sum[r][0] = sum[r][1] = simd_zero();
}

/* sum[r][:] += x[r * row] b[:] for each row of the tile. */
INLINE void tile_step(const float *x, size_t row, const float *b, int height, simd_float sum[][2])
{
    simd_float b0 = simd_load(b), b1 = simd_load(b + SIMD_LEN);
    IN_REGISTER(b0);
    IN_REGISTER(b1);
    UNROLL for (int r = 0; r < height; r++)
    {
        simd_float v = simd_set(x[(size_t)r * row]);
        sum[r][0] = simd_fma(v, b0, sum[r][0]);
        sum[r][1] = simd_fma(v, b1, sum[r][1]);
    }
}

/* One chain: every second of n terms, from `first` on. It asks for the rows of b that the next chain reads, because processors
 * do not foresee every second row well; not if x is turned, because many tiles read the same b then. */
INLINE void tile_chain(const bf16_tile_args *a, int first, int n, shape s, simd_float sum[][2])
{
    size_t row = x_row(a, s), step = x_step(s), width = b_step(s);
    const float *x = a->x + (size_t)first * step, *b = a->b + (size_t)first * width;
    size_t next = (first == 0 ? 1 : BF16_BLOCK - 1) * width;
    tile_clear(s.height, sum);
    _Pragma("GCC unroll 4") for (int k = first; k < n; k += 2, x += 2 * step, b += 2 * width)
    {
        if (s.form != BF16_TURNED) __builtin_prefetch(b + next);
        tile_step(x, row, b, s.height, sum);
    }
}

/* Both chains of n terms at the same time. */
INLINE void tile_chains(const bf16_tile_args *a, int n, shape s, simd_float even[][2],
                        simd_float odd[][2])
{
    const float *x = a->x, *b = a->b;
    size_t row = x_row(a, s), step = x_step(s), width = b_step(s);
    tile_clear(s.height, even);
    tile_clear(s.height, odd);
    for (int k = 0; k + 2 <= n; k += 2, x += 2 * step, b += 2 * width) {
        tile_step(x, row, b, s.height, even);
        tile_step(x + step, row, b + width, s.height, odd);
    }
    if (n % 2) tile_step(x, row, b, s.height, even);
}

/* a->sum += a block of n terms. Adding 0 is what a missing term does: it makes 0 of -0. */
INLINE void tile_block(const bf16_tile_args *a, int n, shape s)
{
    simd_float even[BF16_TILE_ROWS][2], odd[BF16_TILE_ROWS][2];
    if (SIMD_LEN == 16)
        tile_chains(a, n, s, even, odd);
    else
        tile_chain(a, 0, n, s, even), tile_chain(a, 1, n, s, odd);
    UNROLL for (int r = 0; r < s.height; r++) UNROLL for (int v = 0; v < 2; v++)
    {
        float *sum = a->sum + (size_t)r * a->sum_row + v * SIMD_LEN;
        if (n + 1 < BF16_BLOCK) even[r][v] = even[r][v] + simd_zero();
        if (n < BF16_BLOCK) odd[r][v] = odd[r][v] + simd_zero();
        simd_store(sum, simd_load(sum) + (even[r][v] + odd[r][v]));
    }
}

/* All blocks. */
INLINE void tile_blocks(const bf16_tile_args *args, shape s)
{
    bf16_tile_args a = *args;
    for (; a.n >= BF16_BLOCK; a.n -= BF16_BLOCK) {
        tile_block(&a, BF16_BLOCK, s);
        a.x += BF16_BLOCK * x_step(s);
        a.b += BF16_BLOCK * b_step(s);
    }
    if (a.n > 0) tile_block(&a, a.n, s);
}

/* A function for each shape, so that the chains stay in registers. */
typedef void tile(const bf16_tile_args *a);
#define TILE(FORM, R)                                                                              \
    static void tile_##FORM##_##R(const bf16_tile_args *a)                                         \
    {                                                                                              \
        tile_blocks(a, (shape){BF16_##FORM, R});                                                   \
    }
#define EACH_HEIGHT_LOW(DO, FORM)  DO(FORM, 1) DO(FORM, 2) DO(FORM, 3) DO(FORM, 4)
#define EACH_HEIGHT_HIGH(DO, FORM) DO(FORM, 5) DO(FORM, 6)
#if SIMD_LEN == 16
#define EACH_HEIGHT(DO, FORM) EACH_HEIGHT_LOW(DO, FORM) EACH_HEIGHT_HIGH(DO, FORM)
#else
#define EACH_HEIGHT(DO, FORM) EACH_HEIGHT_LOW(DO, FORM)
#endif
EACH_HEIGHT(TILE, ROWS)
EACH_HEIGHT(TILE, TURNED)
EACH_HEIGHT(TILE, HALF)

/* Indexed by form and height; there are no tiles of height 0. */
#define TILE_NAME(FORM, R) tile_##FORM##_##R,
static tile *const tile_of[][BF16_TILE_ROWS + 1] = {
    [BF16_ROWS] = {NULL, EACH_HEIGHT(TILE_NAME, ROWS)},
    [BF16_TURNED] = {NULL, EACH_HEIGHT(TILE_NAME, TURNED)},
    [BF16_HALF] = {NULL, EACH_HEIGHT(TILE_NAME, HALF)}};

void KERNEL(bf16_tile)(bf16_form form, int height, const bf16_tile_args *a)
{
    tile_of[form][height](a);
}
