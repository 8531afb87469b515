/* kernel/amx/tiles.h - AMX' eight tiles, and bfloat16 as they take it.                room: kernel (private)
 *
 * TDPBF16PS adds to C [16, 16] the product of A [16 rows, 16 pairs] and B [16 pairs, 16 columns]: a pair is two successive
 * terms, as two bfloat16 in 32 bits. So a tile of A or B is one block of terms (kernel/bf16.h). Tiles 0 to 3 are a square of C,
 * 4 and 5 two tiles of A, one below the other, 6 and 7 two of B side by side: a panel.
 *
 * A kernel configures the tiles at its start and releases them at its end, so that no state outlives a call.
 */
#ifndef MNIST_DIST_KERNEL_AMX_TILES_H
#define MNIST_DIST_KERNEL_AMX_TILES_H

#include "kernel/bf16.h"
#include "kernel/isa/simd.h"

enum {
    TILE = 16,               /* rows of a tile, and floats or pairs of its rows */
    TILE_BYTES = 64,         /* of a row                                        */
    SQUARE = 2 * TILE,       /* rows and columns of C                           */
    BLOCK_PAIRS = TILE,      /* of a block of terms                             */
    A_FLOATS = SQUARE * TILE /* 32-bit words of two tiles of A, or two of B     */
};

/* Two bfloat16, the earlier term in the lower half. */
typedef uint32_t pair;

/* gcc's loads of tiles do not say that they read memory: what was stored before this is there for the loads after it. */
INLINE void tiles_see_stores(void)
{
    __asm__ volatile("" ::: "memory");
}

/* Tiles 0 to 4 get `rows` rows, the others 16. */
INLINE void tiles_configure(int rows)
{
    uint8_t r = (uint8_t)rows;
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } all = {.palette = 1,
             .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
             .rows = {r, r, r, r, r, 16, 16, 16}};
    tiles_see_stores();
    _tile_loadconfig(&all);
}

/* 32 terms of one row: the first 16 from low. */
INLINE __m512i pairs_of_row(simd_float low, simd_float high)
{
    return (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

/* Of two rows, column by column. */
INLINE __m512i pairs_of_rows(simd_float first, simd_float second)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9,
                                           24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
                                           16, 0);
    return _mm512_permutexvar_epi16(order, pairs_of_row(first, second));
}

#endif
