/* kernel/isa/tiles.h - how rows are cut into tiles.                                            room: kernel (private) */
#ifndef MNIST_DIST_KERNEL_ISA_TILES_H
#define MNIST_DIST_KERNEL_ISA_TILES_H

#include "kernel/isa/simd.h"

INLINE int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* The height of the next tile where `left` rows are left: the most, except that the last two share their rows evenly. */
INLINE int tile_height(int left, int most)
{
    if (left <= most) return left;
    return left < 2 * most ? (left + 1) / 2 : most;
}

#endif
