/* kernel/isa/bf16_tile.c - the chains of a tile of operands rounded to bfloat16; see include/kernel/bf16.h. */
#include "kernel/isa/bf16.h"

/* Keeps the compiler from loading a value again for each use: loads would then be what takes the time. */
#if defined __AVX2__
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#else
#define IN_REGISTER(v) ((void)0)
#endif

INLINE void tile_clear(int height, simd_float sum[][2])
{
    UNROLL for (int r = 0; r < height; r++) sum[r][0] = sum[r][1] = simd_zero();
}

/* sum[r][:] += x[r * stride] b[:] for each row of the tile. */
INLINE void tile_step(const float *x, size_t stride, const float *b, int height,
                      simd_float sum[][2])
{
    simd_float b0 = simd_load(b), b1 = simd_load(b + SIMD_LEN);
    IN_REGISTER(b0);
    IN_REGISTER(b1);
    UNROLL for (int r = 0; r < height; r++)
    {
        simd_float v = simd_set(x[(size_t)r * stride]);
        sum[r][0] = simd_fma(v, b0, sum[r][0]);
        sum[r][1] = simd_fma(v, b1, sum[r][1]);
    }
}

/* sum += a block of n terms of a. Adding 0 is what a missing term does: it makes 0 of -0. */
INLINE void tile_block(const bf16_tile_args *a, int n, int height, simd_float sum[][2])
{
    const float *x = a->x, *b = a->b;
    size_t row = a->row, step = a->step, width = a->width;
    simd_float even[BF16_TILE_ROWS][2], odd[BF16_TILE_ROWS][2];
    tile_clear(height, even);
    tile_clear(height, odd);
    for (int k = 0; k + 2 <= n; k += 2, x += 2 * step, b += 2 * width) {
        tile_step(x, row, b, height, even);
        tile_step(x + step, row, b + width, height, odd);
    }
    if (n % 2) tile_step(x, row, b, height, even);
    UNROLL for (int r = 0; r < height; r++) UNROLL for (int v = 0; v < 2; v++)
    {
        if (n + 1 < BF16_BLOCK) even[r][v] = even[r][v] + simd_zero();
        if (n < BF16_BLOCK) odd[r][v] = odd[r][v] + simd_zero();
        sum[r][v] = sum[r][v] + (even[r][v] + odd[r][v]);
    }
}

/* All blocks. */
INLINE void tile_blocks(const bf16_tile_args *args, int height, simd_float sum[][2])
{
    bf16_tile_args a = *args;
    for (; a.n >= BF16_BLOCK; a.n -= BF16_BLOCK) {
        tile_block(&a, BF16_BLOCK, height, sum);
        a.b += BF16_BLOCK * a.width;
        a.x += BF16_BLOCK * a.step;
    }
    if (a.n > 0) tile_block(&a, a.n, height, sum);
}

/* A function for each height, so that the chains stay in registers. */
typedef void tile(const bf16_tile_args *a, simd_float sum[][2]);
#define TILE(R)                                                                                    \
    static void tile_##R(const bf16_tile_args *a, simd_float sum[][2])                             \
    {                                                                                              \
        tile_blocks(a, R, sum);                                                                    \
    }
#define EACH_HEIGHT_LOW(DO)  DO(1) DO(2) DO(3)
#define EACH_HEIGHT_HIGH(DO) DO(4) DO(5) DO(6)
#if SIMD_LEN == 16
#define EACH_HEIGHT(DO) EACH_HEIGHT_LOW(DO) EACH_HEIGHT_HIGH(DO)
#else
#define EACH_HEIGHT(DO) EACH_HEIGHT_LOW(DO)
#endif
EACH_HEIGHT(TILE)

/* Indexed by height; there are no tiles of height 0. */
#define TILE_NAME(R) tile_##R,
static tile *const tile_of[BF16_TILE_ROWS + 1] = {NULL, EACH_HEIGHT(TILE_NAME)};

void KERNEL(bf16_tile)(int height, const bf16_tile_args *a, simd_float sum[][2])
{
    tile_of[height](a, sum);
}
