/* kernel/isa/simd.h - one vector type for every instruction set.                      room: kernel (private)
 *
 * Included only by the sources of this folder, each compiled once per instruction set with KERNEL_ISA set. A vector has
 * SIMD_LEN floats: 16 (AVX-512), 8 (AVX2), 4 (baseline). Loads and stores need no alignment. Arithmetic operators of
 * the compiler's vector types are plain IEEE; products only by simd_mul, fused multiply-adds only by simd_fma.
 */
#ifndef MNIST_DIST_KERNEL_ISA_SIMD_H
#define MNIST_DIST_KERNEL_ISA_SIMD_H

#include <stdint.h>
#include <string.h>

#define KERNEL_JOIN_(a, b) a##_##b
#define KERNEL_JOIN(a, b)  KERNEL_JOIN_(a, b)
/* KERNEL(gemm_nn) -> gemm_nn_avx2 */
#define KERNEL(name) KERNEL_JOIN(name, KERNEL_ISA)

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 64")

#if defined __AVX512F__
#include <immintrin.h>
#define SIMD_LEN 16
#elif defined __AVX2__ && defined __FMA__
#include <immintrin.h>
#define SIMD_LEN 8
#else
#include "kernel/isa/fused.h"
#define SIMD_LEN 4
#endif

typedef float simd_float __attribute__((vector_size(SIMD_LEN * 4)));
typedef int32_t simd_int __attribute__((vector_size(SIMD_LEN * 4)));
typedef uint32_t simd_uint __attribute__((vector_size(SIMD_LEN * 4)));

INLINE simd_float simd_load(const float *p)
{
    simd_float v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void simd_store(float *p, simd_float v)
{
    memcpy(p, &v, sizeof v);
}

INLINE simd_float simd_zero(void)
{
    return (simd_float){0};
}

INLINE simd_float simd_set(float x)
{
#if SIMD_LEN == 16
    return (simd_float)_mm512_set1_ps(x);
#elif SIMD_LEN == 8
    return (simd_float)_mm256_set1_ps(x);
#else
    return (simd_float){x, x, x, x};
#endif
}

#include "kernel/isa/flush.h"

/* a b */
INLINE simd_float simd_mul(simd_float a, simd_float b)
{
#ifdef KERNEL_EXACT
    return flush_again(a * b, a, b, simd_zero());
#else
    return a * b;
#endif
}

/* a b + c, rounded once. Where it is no instruction, it is slow: kernel/isa/fused.h. */
INLINE simd_float simd_fma(simd_float a, simd_float b, simd_float c)
{
#if SIMD_LEN == 16
    return (simd_float)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif SIMD_LEN == 8
    return (simd_float)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined __SSE2__
    return (simd_float)fused_multiply_add((__m128)a, (__m128)b, (__m128)c);
#else
    simd_float r;
    for (int i = 0; i < SIMD_LEN; i++) r[i] = __builtin_fmaf(a[i], b[i], c[i]);
#ifdef KERNEL_EXACT
    r = flush_again(r, a, b, c);
#endif
    return r;
#endif
}

/* yes where the mask's lane is -1, no where it is 0. */
INLINE simd_float simd_select(simd_int mask, simd_float yes, simd_float no)
{
    return (simd_float)((mask & (simd_int)yes) | (~mask & (simd_int)no));
}

/* b where a is not greater, so also where either is NaN: as x86's MAXPS. */
INLINE simd_float simd_max(simd_float a, simd_float b)
{
#if SIMD_LEN == 16
    return (simd_float)_mm512_max_ps((__m512)a, (__m512)b);
#elif SIMD_LEN == 8
    return (simd_float)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return simd_select(a > b, a, b);
#endif
}

/* b where a is not smaller, so also where either is NaN: as x86's MINPS. */
INLINE simd_float simd_min(simd_float a, simd_float b)
{
#if SIMD_LEN == 16
    return (simd_float)_mm512_min_ps((__m512)a, (__m512)b);
#elif SIMD_LEN == 8
    return (simd_float)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return simd_select(a < b, a, b);
#endif
}

/* max(0, x), NaN stays NaN. */
INLINE simd_float simd_relu(simd_float x)
{
    return simd_max(simd_zero(), x);
}

INLINE simd_float simd_sqrt(simd_float x)
{
#if SIMD_LEN == 16
    return (simd_float)_mm512_sqrt_ps((__m512)x);
#elif SIMD_LEN == 8
    return (simd_float)_mm256_sqrt_ps((__m256)x);
#else
    simd_float r;
    for (int i = 0; i < SIMD_LEN; i++) r[i] = __builtin_sqrtf(x[i]);
    return r;
#endif
}

/* SIMD_LEN bytes to integer lanes and back (values 0..255). */
INLINE simd_int simd_load_bytes(const uint8_t *p)
{
#if SIMD_LEN == 16
    return (simd_int)_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p));
#elif SIMD_LEN == 8
    return (simd_int)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p));
#else
    return (simd_int){p[0], p[1], p[2], p[3]};
#endif
}

INLINE void simd_store_bytes(uint8_t *p, simd_int v)
{
#if SIMD_LEN == 16
    _mm_storeu_si128((void *)p, _mm512_cvtepi32_epi8((__m512i)v));
#elif SIMD_LEN == 8
    __m128i low = _mm256_castsi256_si128((__m256i)v),
            high = _mm256_extracti128_si256((__m256i)v, 1);
    __m128i words = _mm_packs_epi32(low, high);
    _mm_storel_epi64((void *)p, _mm_packus_epi16(words, words));
#else
    for (int i = 0; i < SIMD_LEN; i++) p[i] = (uint8_t)v[i];
#endif
}

INLINE simd_float simd_from_int(simd_int v)
{
    return __builtin_convertvector(v, simd_float);
}

/* -1 in the first n lanes, 0 in the others. */
INLINE simd_int simd_first(int n)
{
#if SIMD_LEN == 16
    const simd_int lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif SIMD_LEN == 8
    const simd_int lane = {0, 1, 2, 3, 4, 5, 6, 7};
#else
    const simd_int lane = {0, 1, 2, 3};
#endif
    return lane < (simd_int){0} + n;
}

/* The first n floats; the other lanes are 0, and their memory is not touched. n may exceed SIMD_LEN. */
INLINE simd_float simd_load_first(const float *p, int n)
{
    if (n >= SIMD_LEN) return simd_load(p);
#if SIMD_LEN == 16
    return (simd_float)_mm512_maskz_loadu_ps(_mm512_movepi32_mask((__m512i)simd_first(n)), p);
#elif SIMD_LEN == 8
    return (simd_float)_mm256_maskload_ps(p, (__m256i)simd_first(n));
#else
    float t[SIMD_LEN] = {0};
    for (int i = 0; i < n; i++) t[i] = p[i];
    return simd_load(t);
#endif
}

INLINE void simd_store_first(float *p, simd_float v, int n)
{
    if (n >= SIMD_LEN) {
        simd_store(p, v);
        return;
    }
#if SIMD_LEN == 16
    _mm512_mask_storeu_ps(p, _mm512_movepi32_mask((__m512i)simd_first(n)), (__m512)v);
#elif SIMD_LEN == 8
    _mm256_maskstore_ps(p, (__m256i)simd_first(n), (__m256)v);
#else
    float t[SIMD_LEN];
    simd_store(t, v);
    for (int i = 0; i < n; i++) p[i] = t[i];
#endif
}

/* Lane l: quad[index[l]], indices 0..3. */
INLINE simd_float simd_pick4(const float quad[4], simd_int index)
{
#if SIMD_LEN == 16
    return (simd_float)_mm512_permutevar_ps(_mm512_broadcast_f32x4(_mm_loadu_ps(quad)),
                                            (__m512i)index);
#elif SIMD_LEN == 8
    return (simd_float)_mm256_permutevar_ps(_mm256_broadcast_ps((const void *)quad),
                                            (__m256i)index);
#else
    return (simd_float){quad[index[0]], quad[index[1]], quad[index[2]], quad[index[3]]};
#endif
}

/* Bit l: lane l of a mask (0 or -1). */
INLINE uint32_t simd_bits(simd_int mask)
{
#if SIMD_LEN == 16
    return _mm512_movepi32_mask((__m512i)mask);
#elif SIMD_LEN == 8
    return (uint32_t)_mm256_movemask_ps((__m256)mask);
#else
    return (uint32_t)((mask[0] & 1) | (mask[1] & 2) | (mask[2] & 4) | (mask[3] & 8));
#endif
}

/* Row i, lane j <-> row j, lane i. */
INLINE void simd_transpose(simd_float v[SIMD_LEN])
{
#if SIMD_LEN == 16
    __m512 a[16], b[16];
    UNROLL for (int i = 0; i < 16; i += 2)
    {
        a[i] = _mm512_unpacklo_ps((__m512)v[i], (__m512)v[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps((__m512)v[i], (__m512)v[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4)
    {
        b[i] = _mm512_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm512_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    UNROLL for (int j = 0; j < 4; j++) /* 4 x 4 blocks of 128 bits */
    {
        __m512 low = _mm512_shuffle_f32x4(b[j], b[4 + j], 0x44);
        __m512 high = _mm512_shuffle_f32x4(b[j], b[4 + j], 0xee);
        __m512 low2 = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0x44);
        __m512 high2 = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0xee);
        v[j] = (simd_float)_mm512_shuffle_f32x4(low, low2, 0x88);
        v[4 + j] = (simd_float)_mm512_shuffle_f32x4(low, low2, 0xdd);
        v[8 + j] = (simd_float)_mm512_shuffle_f32x4(high, high2, 0x88);
        v[12 + j] = (simd_float)_mm512_shuffle_f32x4(high, high2, 0xdd);
    }
#elif SIMD_LEN == 8
    __m256 a[8], b[8];
    UNROLL for (int i = 0; i < 8; i += 2)
    {
        a[i] = _mm256_unpacklo_ps((__m256)v[i], (__m256)v[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps((__m256)v[i], (__m256)v[i + 1]);
    }
    UNROLL for (int i = 0; i < 8; i += 4)
    {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    UNROLL for (int j = 0; j < 4; j++)
    {
        v[j] = (simd_float)_mm256_permute2f128_ps(b[j], b[4 + j], 0x20);
        v[4 + j] = (simd_float)_mm256_permute2f128_ps(b[j], b[4 + j], 0x31);
    }
#else
    simd_float a = v[0], b = v[1], c = v[2], d = v[3];
    for (int i = 0; i < 4; i++) v[i] = (simd_float){a[i], b[i], c[i], d[i]};
#endif
}

/* e^x: x = n ln 2 + r, |r| <= ln 2 / 2; degree-6 polynomial of Cephes' expf (S. Moshier). Error below 2 ulp for
 * -87.3 <= x <= 88; below and above it stays at the ends' values. */
INLINE simd_float simd_exp(simd_float x)
{
    x = simd_min(simd_set(88.0f), simd_max(simd_set(-87.0f), x)); /* in this order NaN stays NaN */
    const simd_float magic = simd_set(0x1.8p23f); /* bits 0x4b400000; the last place is 1 */
    simd_float shifted = simd_mul(x, simd_set(1.44269504f)) + magic, n = shifted - magic;
    simd_float r = simd_fma(n, simd_set(-0.693359375f), x);
    r = simd_fma(n, simd_set(2.12194440e-4f), r);
    simd_float p = simd_set(1.9875691500e-4f);
    p = simd_fma(p, r, simd_set(1.3981999507e-3f));
    p = simd_fma(p, r, simd_set(8.3334519073e-3f));
    p = simd_fma(p, r, simd_set(4.1665795894e-2f));
    p = simd_fma(p, r, simd_set(1.6666665459e-1f));
    p = simd_fma(p, r, simd_set(5.0000001201e-1f));
    p = simd_fma(p, simd_mul(r, r), r + simd_set(1.0f));
    simd_uint e = (simd_uint)shifted - 0x4b400000; /* of a NaN any number, without a conversion */
    return simd_mul(p, (simd_float)((e + 127) << 23));
}

/* tanh x = x p(x^2) / q(x^2) = numerator / denominator, degrees 6 and 3, as Eigen has it (MathFunctionsImpl.h). Error below
 * 3e-7; from 7.9 on it stays at 1 - 2.4e-7. The denominator is between 4.8e-3 and 1. x [n] becomes the numerators; n values
 * go through each step together, since the steps of one wait for each other. */
INLINE void simd_tanh_parts(int n, simd_float *x, simd_float *q)
{
    static const float end = 7.90531110763549805f;
    static const float above[] = {-2.76076847742355e-16f, 2.00018790482477e-13f,
                                  -8.60467152213735e-11f, 5.12229709037114e-08f,
                                  1.48572235717979e-05f,  6.37261928875436e-04f,
                                  4.89352455891786e-03f};
    static const float below[] = {1.19825839466702e-06f, 1.18534705686654e-04f,
                                  2.26843463243900e-03f, 4.89352518554385e-03f};
    simd_float x2[8], p[8];
    UNROLL for (int i = 0; i < n; i++) /* in this order NaN stays NaN */
        x[i] = simd_min(simd_set(end), simd_max(simd_set(-end), x[i]));
    UNROLL for (int i = 0; i < n; i++) x2[i] = simd_mul(x[i], x[i]);
    UNROLL for (int i = 0; i < n; i++) p[i] = simd_set(above[0]), q[i] = simd_set(below[0]);
    UNROLL for (int k = 1; k < 7; k++)
    {
        UNROLL for (int i = 0; i < n; i++) p[i] = simd_fma(p[i], x2[i], simd_set(above[k]));
        if (k > 3) continue;
        UNROLL for (int i = 0; i < n; i++) q[i] = simd_fma(q[i], x2[i], simd_set(below[k]));
    }
    UNROLL for (int i = 0; i < n; i++) x[i] = simd_mul(x[i], p[i]);
}

INLINE simd_float simd_tanh(simd_float x)
{
    simd_float denominator;
    simd_tanh_parts(1, &x, &denominator);
    return x / denominator;
}

/* 1 / (1 + e^-x) = 1/2 + tanh(x/2) / 2 */
INLINE simd_float simd_sigmoid(simd_float x)
{
    simd_float half = simd_set(0.5f);
    return simd_fma(half, simd_tanh(simd_mul(x, half)), half);
}

/* e^x - 1 = 2 t / (1 - t), t = tanh(x/2), for x <= 0, without cancellation. Error below 4 ulp of 1, and of small |x| below
 * 8 ulp of x; from -15.8 on it stays at -1 + 1.2e-7. */
INLINE simd_float simd_exp_less_1(simd_float x)
{
    simd_float numerator = simd_mul(x, simd_set(0.5f)), denominator;
    simd_tanh_parts(1, &numerator, &denominator);
    return (numerator + numerator) / (denominator - numerator);
}

#endif
