/* kernel/isa/fused.h - a b + c, rounded once, by SSE2 alone.                          room: kernel (private)
 *
 * The product of two floats is exact in double. The sum s of the product and c is rounded to double, and then to float. That
 * gives the float next to the exact sum, except where s lies in the middle between two floats: then the part that the first
 * rounding cut off decides. There s is rounded to odd instead: of the two doubles around the exact sum the one whose last bit
 * is 1, which is no middle (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding
 * to odd", IEEE Transactions on Computers 57:4, 2008).
 *
 * FTZ and DAZ act as in the instruction: operands that are denormal are converted as 0, and a result that is denormal after
 * the rounding becomes 0. In double nothing is denormal.
 * Test: tests/ref/kernel_fused.c
 */
#ifndef MNIST_DIST_KERNEL_ISA_FUSED_H
#define MNIST_DIST_KERNEL_ISA_FUSED_H

#include <stdint.h>
#include <string.h>
#if defined __SSE2__
#include <emmintrin.h>
#endif

/* product + c, rounded to odd. The error of the sum: Knuth, The Art of Computer Programming 2, 4.2.2, theorem B; NaN where
 * the sum is not finite, which then stays as it is. */
static inline double fused_odd_sum(double product, double c)
{
    double s = product + c, part = s - product;
    double error = (product - (s - part)) + (c - part);
    uint64_t bits;
    memcpy(&bits, &s, sizeof bits);
    if ((error > 0.0 || error < 0.0) && (bits & 1) == 0)
        bits += (error > 0.0) == (s > 0.0) ? 1 : -1ull;
    memcpy(&s, &bits, sizeof s);
    return s;
}

#if defined __SSE2__
/* Rounds two sums again, to odd. */
static __attribute__((noinline, cold)) __m128d fused_odd_sums(__m128d product, __m128d c)
{
    return (__m128d){fused_odd_sum(product[0], c[0]), fused_odd_sum(product[1], c[1])};
}

/* The sums of two lanes, ready to be rounded to float. */
static inline __attribute__((always_inline)) __m128d fused_sums(__m128d product, __m128d c)
{
    const __m128i below_float = _mm_set1_epi64x(0x1fffffff), middle = _mm_set1_epi64x(0x10000000);
    __m128d s = _mm_add_pd(product, c);
    __m128i same = _mm_cmpeq_epi32(_mm_and_si128((__m128i)s, below_float), middle);
    /* the upper halves are 0 in both, and always the same */
    if (__builtin_expect(_mm_movemask_ps((__m128)same) != 0xa, 0))
        return fused_odd_sums(product, c);
    return s;
}

/* Four lanes. */
static inline __attribute__((always_inline)) __m128 fused_multiply_add(__m128 a, __m128 b, __m128 c)
{
    __m128 a_high = _mm_movehl_ps(a, a), b_high = _mm_movehl_ps(b, b), c_high = _mm_movehl_ps(c, c);
    __m128d low = fused_sums(_mm_mul_pd(_mm_cvtps_pd(a), _mm_cvtps_pd(b)), _mm_cvtps_pd(c));
    __m128d high = fused_sums(_mm_mul_pd(_mm_cvtps_pd(a_high), _mm_cvtps_pd(b_high)),
                              _mm_cvtps_pd(c_high));
    return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}
#endif

#endif
