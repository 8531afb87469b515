/* kernel/isa/bf16.h - rounding to bfloat16 in vectors, and tiles; see include/kernel/bf16.h.  room: kernel (private)
 *
 * A tile has half the rows of those of gemm.c, since an element has two chains: 6 x 2 vectors on AVX-512, 3 x 2 on AVX2 and
 * below.
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

enum { BF16_TILE_ROWS = SIMD_LEN == 16 ? 6 : 3 };

/* x[r * row + k * step] times two vectors at b + k * width, terms k < n from the start of a block. */
typedef struct bf16_tile_args {
    const float *x;
    size_t row, step;
    const float *b;
    size_t width;
    int n;
} bf16_tile_args;

/* sum [height, 2] += the blocks of a; height 1 to BF16_TILE_ROWS. */
void KERNEL(bf16_tile)(int height, const bf16_tile_args *a, simd_float sum[][2]);

INLINE void bf16_tile_clear(int height, simd_float sum[][2])
{
    for (int r = 0; r < height; r++) sum[r][0] = sum[r][1] = simd_zero();
}

INLINE int bf16_tile_height(int left)
{
    return tile_height(left, BF16_TILE_ROWS);
}

INLINE int smaller(int a, int b)
{
    return a < b ? a : b;
}

#endif
