/* kernel/isa/gemm_narrow.c - register-blocked products with few columns; see include/kernel/gemm.h for the order of sums.
 *
 * The tiles of gemm.c have two vectors of columns. Convolutions with few filters, or with few channels (the gradient of their
 * input), and the last dense layer need one vector or less. Here a tile has NARROW_ROWS rows of one vector. With AVX-512 it
 * has half a vector where that is enough: Zen 4 multiplies twice as many of them in the same time. No sum is split. */
#include "kernel/isa/gemm_narrow.h"

#include "kernel/isa/tiles.h"

enum { PANEL = 2 * SIMD_LEN, NARROW_ROWS = 12 };

/* ---- half vectors: those of AVX-512 ---- */

#if SIMD_LEN == 16
enum { HALF_LEN = SIMD_LEN / 2 };

typedef float half_float __attribute__((vector_size(HALF_LEN * 4)));

INLINE half_float half_zero(void)
{
    return (half_float){0};
}

INLINE half_float half_set(float x)
{
    return (half_float)_mm256_set1_ps(x);
}

INLINE half_float half_load(const float *p)
{
    return (half_float)_mm256_loadu_ps(p);
}

INLINE half_float half_fma(half_float a, half_float b, half_float c)
{
    return (half_float)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

INLINE half_float half_relu(half_float x)
{
    return (half_float)_mm256_max_ps((__m256)half_zero(), (__m256)x);
}

INLINE half_float half_load_first(const float *p, int n)
{
    return (half_float)_mm256_maskz_loadu_ps((__mmask8)((1u << n) - 1), p);
}

INLINE void half_store_first(float *p, half_float v, int n)
{
    _mm256_mask_storeu_ps(p, (__mmask8)((1u << n) - 1), (__m256)v);
}
#define EACH_VECTOR(DO) DO(simd) DO(half)
#else
#define EACH_VECTOR(DO) DO(simd)
#endif

/* ---- tiles; V: simd or half ---- */

/* sum[r] += x[r * stride] b for each row of the tile: one step of all its chains. */
#define TILE_STEP(V)                                                                               \
    INLINE void V##_step(const float *x, size_t stride, const float *b, int height,                \
                         V##_float *sum)                                                           \
    {                                                                                              \
        V##_float part = V##_load(b);                                                              \
        UNROLL for (int r = 0; r < height; r++)                                                    \
            sum[r] = V##_fma(V##_set(x[(size_t)r * stride]), part, sum[r]);                        \
    }
EACH_VECTOR(TILE_STEP)

/* The tile at c, n columns wide: R rows of A from `a` on times the panel b. */
#define NN_TILE(V, R)                                                                              \
    static void V##_nn_tile_##R(const gemm_nn_args *g, const float *a, const float *b,             \
                                size_t stride, const float *bias, int n, float *c)                 \
    {                                                                                              \
        const gemm_rows *rows = &g->rows;                                                          \
        V##_float sum[R];                                                                          \
        UNROLL for (int r = 0; r < R; r++) sum[r] = V##_zero();                                    \
        for (int s = 0; s < rows->segments; s++) {                                                 \
            const float *x = a + (size_t)s * rows->segment_stride;                                 \
            _Pragma("GCC unroll 4") for (int k = 0; k < rows->length; k++, x++, b += stride)       \
                V##_step(x, rows->row_stride, b, R, sum);                                          \
        }                                                                                          \
        V##_float before = bias ? V##_load_first(bias, n) : V##_zero();                            \
        UNROLL for (int r = 0; r < R; r++)                                                         \
        {                                                                                          \
            if (bias) sum[r] = sum[r] + before;                                                    \
            if (g->act == ACTIVATION_RELU) sum[r] = V##_relu(sum[r]);                              \
            V##_store_first(c + (size_t)r * g->c_row_stride, sum[r], n);                           \
        }                                                                                          \
    }

/* The tile at c, n columns wide: R columns of A from `a` on times the panel b of G; overwritten, or added to. */
#define TN_TILE(V, R)                                                                              \
    static void V##_tn_tile_##R(const gemm_tn_args *g, const float *a, const float *b, int n,      \
                                float *c)                                                          \
    {                                                                                              \
        const gemm_rows *rows = &g->rows;                                                          \
        size_t row = (size_t)g->cols;                                                              \
        V##_float sum[R];                                                                          \
        UNROLL for (int r = 0; r < R; r++) sum[r] = V##_zero();                                    \
        if (g->store == GEMM_ACCUMULATE)                                                           \
            UNROLL for (int r = 0; r < R; r++) sum[r] = V##_load_first(c + (size_t)r * row, n);    \
        for (int o = 0; o < rows->outer; o++) {                                                    \
            const float *x = a + (size_t)o * rows->outer_stride;                                   \
            _Pragma("GCC unroll 4") for (int i = 0; i < rows->rows; i++, b += PANEL)               \
            {                                                                                      \
                V##_step(x, 1, b, R, sum);                                                         \
                x += rows->row_stride;                                                             \
            }                                                                                      \
        }                                                                                          \
        UNROLL for (int r = 0; r < R; r++) V##_store_first(c + (size_t)r * row, sum[r], n);        \
    }

#define EACH_HEIGHT_LOW(DO, V)  DO(V, 1) DO(V, 2) DO(V, 3) DO(V, 4) DO(V, 5) DO(V, 6)
#define EACH_HEIGHT_HIGH(DO, V) DO(V, 7) DO(V, 8) DO(V, 9) DO(V, 10) DO(V, 11) DO(V, 12)
#define EACH_HEIGHT(DO, V)      EACH_HEIGHT_LOW(DO, V) EACH_HEIGHT_HIGH(DO, V)

/* Indexed by height; there are no tiles of height 0. */
typedef void nn_tile(const gemm_nn_args *g, const float *a, const float *b, size_t stride,
                     const float *bias, int n, float *c);
typedef void tn_tile(const gemm_tn_args *g, const float *a, const float *b, int n, float *c);
#define NN_NAME(V, R) V##_nn_tile_##R,
#define TN_NAME(V, R) V##_tn_tile_##R,
#define TILES(V)                                                                                   \
    EACH_HEIGHT(NN_TILE, V)                                                                        \
    EACH_HEIGHT(TN_TILE, V)                                                                        \
    static nn_tile *const V##_nn_of[NARROW_ROWS + 1] = {NULL, EACH_HEIGHT(NN_NAME, V)};            \
    static tn_tile *const V##_tn_of[NARROW_ROWS + 1] = {NULL, EACH_HEIGHT(TN_NAME, V)};
EACH_VECTOR(TILES)

void KERNEL(gemm_nn_narrow)(const gemm_nn_args *g, int col, const float *b, size_t stride)
{
    const gemm_rows *rows = &g->rows;
    const float *bias = g->bias ? g->bias + col : NULL;
    nn_tile *const *tile_of = simd_nn_of;
    int n = g->cols - col;
#if SIMD_LEN == 16
    if (n <= HALF_LEN) tile_of = half_nn_of;
#endif
    for (int o = 0; o < rows->outer; o++) {
        const float *a = rows->a + (size_t)o * rows->outer_stride;
        float *c = g->c + (size_t)o * g->c_outer_stride + col;
        for (int i = 0, height; i < rows->rows; i += height) {
            height = tile_height(rows->rows - i, NARROW_ROWS);
            tile_of[height](g, a, b, stride, bias, n, c);
            a += (size_t)height * rows->row_stride;
            c += (size_t)height * g->c_row_stride;
        }
    }
}

void KERNEL(gemm_tn_narrow)(const gemm_tn_args *g, int col, const float *b)
{
    const gemm_rows *rows = &g->rows;
    tn_tile *const *tile_of = simd_tn_of;
    int n = g->cols - col;
    float *c = g->c + col;
#if SIMD_LEN == 16
    if (n <= HALF_LEN) tile_of = half_tn_of;
#endif
    for (int s = 0; s < rows->segments; s++)
        for (int k = 0, height; k < rows->length; k += height) {
            height = tile_height(rows->length - k, NARROW_ROWS);
            tile_of[height](g, rows->a + (size_t)s * rows->segment_stride + k, b, n, c);
            c += (size_t)height * (size_t)g->cols;
        }
}
