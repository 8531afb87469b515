/* kernel/isa/flush.h - results that may lie next to 2^-126, flushed alike everywhere.           room: kernel (private)
 *
 * The rule is x86's (FTZ): a result that is below 2^-126 after rounding to 24 bits, with any exponent, becomes the zero of its
 * sign. AArch64 without AFP asks before rounding, so it has 0 where others have 2^-126: for exact values in
 * [2^-126 (1 - 2^-25), 2^-126). There, a result of 0 from operands that are not 0 is decided once more. RISC-V: base/riscv64.h.
 * Sums and differences need no care: where they are so small, they are exact. Nor do quotients: floats with a / b < 2^-126
 * differ, scaled to one exponent, by a unit in the last place at least, so that a / b <= 2^-126 (1 - 2^-24).
 *
 * Who decides: the updates of the optimisers always do, as moments decay through 2^-126 in every long training. The kernels of
 * the table `exact` (KERNEL_EXACT) do too: a pass is repeated with them where a result of it was flushed (model/executor.h).
 * Test: tests/ref/kernel_flush.c, tests/ref/model_flush.c
 */
#ifndef MNIST_DIST_KERNEL_ISA_FLUSH_H
#define MNIST_DIST_KERNEL_ISA_FLUSH_H

#ifndef SIMD_LEN
#error "included by kernel/isa/simd.h alone"
#endif

#if defined __aarch64__
/* What a float result of 0 should be: exact, or its rounding to odd, is below 2^-126. */
static inline float flush_decide(double exact)
{
    const double kept = 0x1.ffffffp-127; /* 2^-126 (1 - 2^-25) */
    return __builtin_copysignf(__builtin_fabs(exact) >= kept ? 0x1p-126f : 0.0f, (float)exact);
}

static __attribute__((noinline, cold)) simd_float
flush_lanes(simd_float r, simd_int again, simd_float a, simd_float b, simd_float c)
{
    for (int i = 0; i < SIMD_LEN; i++)
        if (again[i]) r[i] = flush_decide(fused_odd_sum((double)a[i] * (double)b[i], (double)c[i]));
    return r;
}
#endif

/* r = a b + c, with those of its lanes that are 0 decided by the rule. */
INLINE simd_float flush_again(simd_float r, simd_float a, simd_float b, simd_float c)
{
#if defined __aarch64__
    simd_int again = (r == (simd_float){0}) & (a != (simd_float){0}) & (b != (simd_float){0});
    if (__builtin_expect((again[0] | again[1] | again[2] | again[3]) != 0, 0))
        return flush_lanes(r, again, a, b, c);
#else
    (void)a, (void)b, (void)c;
#endif
    return r;
}

#endif
