/* kernel/isa/bf16.h - rounding to bfloat16 in vectors, and tiles; see include/kernel/bf16.h.  room: kernel (private)
 *
 * A tile has 6 x 2 vectors on AVX-512, whose registers hold both chains of all elements. The others compute one chain after the
 * other in each block of 4 x 2: 3 x 2 with both chains need more loads, 6 x 2 with one wait longer between the chains.
 */
#ifndef MNIST_DIST_KERNEL_ISA_BF16_H
#define MNIST_DIST_KERNEL_ISA_BF16_H

#include "kernel/bf16.h"
#include "kernel/isa/simd.h"
#include "kernel/isa/tiles.h"

INLINE simd_float bf16_round(simd_float x)
{
    simd_uint u = (simd_uint)x, nan = (simd_uint)((simd_int)(u & 0x7fffffff) > 0x7f800000);
    simd_uint tiny = (simd_uint)((simd_int)(u & 0x7f800000) == 0);
    simd_uint add = 0x7fff + ((u >> 16) & 1);
    simd_uint y = (u + (add & ~nan)) | (nan & 0x400000); /* of NaN: the upper half, quiet */
    return (simd_float)(y & 0xffff0000 & ~(tiny & 0x7fffffff));
}

/* out[i] = the rounded x[i]; out may be x. */
INLINE void bf16_round_all(const float *x, size_t length, float *out)
{
    size_t i = 0;
    for (; i + SIMD_LEN <= length; i += SIMD_LEN) simd_store(out + i, bf16_round(simd_load(x + i)));
    int rest = (int)(length - i);
    if (rest > 0) simd_store_first(out + i, bf16_round(simd_load_first(x + i, rest)), rest);
}

enum { BF16_TILE_ROWS = SIMD_LEN == 16 ? 6 : 4 };

typedef enum bf16_form {
    BF16_ROWS,   /* x has rows `row` floats apart                 */
    BF16_TURNED, /* x is [n, height]                              */
    BF16_HALF    /* as BF16_ROWS, and b is two of 4 vectors a term */
} bf16_form;

/* sum [height, 2 vectors], rows sum_row floats apart, += the blocks of x times b [n, 2 vectors], n terms from the start of a
 * block. */
typedef struct bf16_tile_args {
    const float *x;
    size_t row;
    const float *b;
    int n;
    float *sum;
    size_t sum_row;
} bf16_tile_args;

/* height: 1 to BF16_TILE_ROWS. */
void KERNEL(bf16_tile)(bf16_form form, int height, const bf16_tile_args *a);

INLINE void bf16_tile_clear(int height, simd_float sum[][2])
{
    for (int r = 0; r < height; r++) sum[r][0] = sum[r][1] = simd_zero();
}

INLINE int bf16_tile_height(int left)
{
    return tile_height(left, BF16_TILE_ROWS);
}

#endif
