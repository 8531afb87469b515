/* kernel/isa/bf16.h - rounding to bfloat16 in vectors; see include/kernel/bf16.h.      room: kernel (private) */
#ifndef MNIST_DIST_KERNEL_ISA_BF16_H
#define MNIST_DIST_KERNEL_ISA_BF16_H

#include "kernel/bf16.h"
#include "kernel/isa/simd.h"

typedef uint32_t simd_uint __attribute__((vector_size(SIMD_LEN * 4)));

INLINE simd_float bf16_round(simd_float x)
{
    simd_uint u = (simd_uint)x;
    simd_uint rounded = (u + 0x7fff + ((u >> 16) & 1)) & 0xffff0000;
    simd_uint quiet = (u | 0x400000) & 0xffff0000;
    simd_float y = simd_select((simd_int)(x != x), (simd_float)quiet, (simd_float)rounded);
    return simd_select((simd_int)((u & 0x7f800000) == 0), (simd_float)(u & 0x80000000), y);
}

/* out[i] = the rounded x[i]; out may be x. */
INLINE void bf16_round_all(const float *x, size_t length, float *out)
{
    size_t i = 0;
    for (; i + SIMD_LEN <= length; i += SIMD_LEN) simd_store(out + i, bf16_round(simd_load(x + i)));
    int rest = (int)(length - i);
    if (rest > 0) simd_store_first(out + i, bf16_round(simd_load_first(x + i, rest)), rest);
}

#endif
