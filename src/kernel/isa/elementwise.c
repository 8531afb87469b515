/* kernel/isa/elementwise.c - sums over rows, bytes to floats, the check for finite values, sums of the reduction tree. */
#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"

void KERNEL(column_sums)(int rows, int cols, const float *g, gemm_store store, float *sums)
{
    for (int c = 0; c < cols; c += SIMD_LEN) {
        int n = cols - c;
        simd_float sum = store == GEMM_ACCUMULATE ? simd_load_first(sums + c, n) : simd_zero();
        for (int r = 0; r < rows; r++)
            sum = sum + simd_load_first(g + (size_t)r * (size_t)cols + c, n);
        simd_store_first(sums + c, sum, n);
    }
}

/* x / 255 for the integers x = 0 ... 255. A product and one step of Markstein's correction give the same bits as the division
 * for all 256 of them, and are faster. */
INLINE simd_float over_255(simd_float x)
{
    simd_float inverse = simd_set(1.0f / 255.0f), y = simd_mul(x, inverse);
    return simd_fma(simd_fma(simd_set(-255.0f), y, x), inverse, y);
}

void KERNEL(scale_bytes)(const uint8_t *src, size_t length, float *dst)
{
    size_t i = 0;
    for (; i + SIMD_LEN <= length; i += SIMD_LEN)
        simd_store(dst + i, over_255(simd_from_int(simd_load_bytes(src + i))));
    for (; i < length; i++) dst[i] = (float)src[i] / 255.0f;
}

/* A float is NaN or Inf exactly if the eight bits of its exponent are all 1. */
int KERNEL(all_finite)(const float *values, size_t length)
{
    const int32_t exponent = 0x7f800000;
    simd_int bad = {0};
    size_t i = 0;
    for (; i + SIMD_LEN <= length; i += SIMD_LEN)
        bad |= ((simd_int)simd_load(values + i) & exponent) == exponent;
    int32_t any = 0;
    for (int lane = 0; lane < SIMD_LEN; lane++) any |= bad[lane];
    for (; i < length; i++) {
        int32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        any |= (bits & exponent) == exponent;
    }
    return any == 0;
}

/* Floats of one pass over the plan: the partial sums of a pass stay in the first-level cache. */
enum { PIECE = 256 };

INLINE void add(const float *left, const float *right, int n, float *sum)
{
    int i = 0;
    for (; i + SIMD_LEN <= n; i += SIMD_LEN)
        simd_store(sum + i, simd_load(left + i) + simd_load(right + i));
    for (; i < n; i++) sum[i] = left[i] + right[i];
}

void KERNEL(tree_sum)(tree_plan plan, const unsigned char *merges, const float *const *items,
                      size_t length, float *const *results)
{
    _Alignas(64) float level[TREE_MAX_NODES][PIECE];
    /* where each sum on the stack lies: in an item, or in its level */
    const float *top_of[TREE_MAX_NODES];
    for (size_t at = 0; at < length; at += PIECE) {
        int n = length - at < PIECE ? (int)(length - at) : PIECE, top = 0;
        for (int i = 0; i < plan.items; i++) {
            top_of[top++] = items[i] + at;
            for (int m = 0; m < merges[i]; m++, top--) {
                add(top_of[top - 2], top_of[top - 1], n, level[top - 2]);
                top_of[top - 2] = level[top - 2];
            }
        }
        for (int r = 0; r < plan.results; r++)
            if (results[r] + at != top_of[r])
                memmove(results[r] + at, top_of[r], (size_t)n * sizeof(float));
    }
}
