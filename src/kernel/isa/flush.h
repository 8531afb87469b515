/* kernel/isa/flush.h - products whose results may lie next to 2^-126, flushed alike everywhere.      room: kernel (private)
 *
 * The rule is x86's (FTZ): a result that is below 2^-126 after rounding to 24 bits, with any exponent, becomes the zero of its
 * sign. AArch64 (FPCR.FZ) asks before rounding, so it has 0 where others have 2^-126: for exact values in
 * [2^-126 (1 - 2^-25), 2^-126). There, a result of 0 from operands that are not 0 is decided once more. RISC-V: base/riscv64.h.
 * Sums and differences need no care: where they are so small, they are exact. Nor do quotients: floats with a / b < 2^-126
 * differ, scaled to one exponent, by a unit in the last place at least, so that a / b <= 2^-126 (1 - 2^-24).
 *
 * The updates of optimisers use these: moments decay through 2^-126 in every long training.
 * Test: tests/ref/kernel_flush.c
 */
#ifndef MNIST_DIST_KERNEL_ISA_FLUSH_H
#define MNIST_DIST_KERNEL_ISA_FLUSH_H

#include "kernel/isa/simd.h"

#if defined __aarch64__
#include "kernel/isa/fused.h"

/* What a float result of 0 should be: exact, or its rounding to odd, is below 2^-126. */
static inline float flush_decide(double exact)
{
    const double kept = 0x1.ffffffp-127; /* 2^-126 (1 - 2^-25) */
    return __builtin_copysignf(__builtin_fabs(exact) >= kept ? 0x1p-126f : 0.0f, (float)exact);
}

/* Lanes of `again`, where the mask is set: a b + c. */
static __attribute__((noinline, cold)) simd_float
flush_fma_again(simd_float r, simd_int again, simd_float a, simd_float b, simd_float c)
{
    for (int i = 0; i < SIMD_LEN; i++)
        if (again[i]) r[i] = flush_decide(fused_odd_sum((double)a[i] * (double)b[i], (double)c[i]));
    return r;
}
#endif

INLINE simd_float flush_fma(simd_float a, simd_float b, simd_float c)
{
    simd_float r = simd_fma(a, b, c);
#if defined __aarch64__
    simd_int again = (r == simd_zero()) & (a != simd_zero()) & (b != simd_zero());
    if (__builtin_expect(simd_bits(again) != 0, 0)) return flush_fma_again(r, again, a, b, c);
#endif
    return r;
}

INLINE simd_float flush_mul(simd_float a, simd_float b)
{
    simd_float r = a * b;
#if defined __aarch64__
    simd_int again = (r == simd_zero()) & (a != simd_zero()) & (b != simd_zero());
    if (__builtin_expect(simd_bits(again) != 0, 0))
        return flush_fma_again(r, again, a, b, simd_zero());
#endif
    return r;
}

#endif
