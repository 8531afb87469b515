/* gemm.h - products of a matrix with overlapping rows and a packed matrix.            layer: kernel
 *
 * One scheme serves dense layers, convolutions and their gradients, without copying patches ("implicit im2col"). Row (o,i)
 * of A is gathered from `segments` runs of `length` floats:
 *
 *   A[(o,i), (s,k)] = a[o*outer_stride + i*row_stride + s*segment_stride + k],   o < outer, i < rows, s < segments, k < length
 *
 *   dense          outer = segments = 1, rows = samples, length = inputs, row_stride = inputs
 *   convolution    (o,i) = output pixel, s = kernel row: segment_stride = W C, length = K C, row_stride = stride C,
 *                  outer_stride = stride W C
 *
 *   gemm_nn        C[(o,i), n] = act(bias[n] + sum_{s,k} A[(o,i),(s,k)] B[(s,k), n])
 *   gemm_tn        C[(s,k), n] (+)= sum_{o,i} A[(o,i),(s,k)] G[(o,i), n]
 *   gemm_tn_tree   the same per leaf of rows, the leaves added in the order of a reduction tree
 *
 * Order (rule 1 of the contract): every element of C is one chain of fused multiply-adds, (s,k) ascending for nn, (o,i)
 * ascending for tn; it depends on nothing else. The chain starts at 0 (or at C where it accumulates); bias is added last.
 * Baseline builds without FMA round product and sum apart: other bits than AVX2 and AVX-512, still the same for every layout.
 *
 * B and G are PACKED: panels of `panel` columns (kernels.panel), [ceil(cols/panel)][K][panel], missing columns zero. A
 * row-major B of whole panels may be read where it lies (b_row_stride): as fast, and saves the packing.
 * Shapes   K = segments * length.     Memory   never allocates; C must not overlap the inputs; packed arrays 64-byte aligned.
 * Threads  one thread's work on the panels (and tiles) it is given.    Collective   no.    Errors   none (CHECKed by callers).
 * Accuracy |C - C_ref| <= (K + 2) eps sum |A||B|  (eps = 2^-24).        Oracle   tests/reference/gemm.h    Test tests/ref/
 */
#ifndef MNIST_DIST_KERNEL_GEMM_H
#define MNIST_DIST_KERNEL_GEMM_H

#include <stddef.h>

#include "base/tree.h"

/* Products and poolings do the first two by themselves, in registers; the others are for kernels.activate. All are monotone. */
typedef enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_TANH,
    ACTIVATION_SIGMOID
} activation;

/* What the epilogue of a product or a pooling is asked for, and what kernels.activate has left to do. */
static inline activation activation_fused(activation act)
{
    return act == ACTIVATION_RELU ? ACTIVATION_RELU : ACTIVATION_NONE;
}
static inline activation activation_after(activation act)
{
    return act == ACTIVATION_RELU ? ACTIVATION_NONE : act;
}

/* How rows are gathered; see above. Strides in floats. */
typedef struct gemm_rows {
    const float *a;
    int outer, rows, segments, length;
    size_t outer_stride, row_stride, segment_stride;
} gemm_rows;

/* gemm_nn: the panels [panel_lo, panel_hi) of C. C[(o,i), n] lies at c + o*c_outer_stride + i*c_row_stride + n. */
typedef struct gemm_nn_args {
    gemm_rows rows;
    const float *panels; /* packed B, or B itself             */
    int cols;            /* of the whole B                    */
    int panel_lo, panel_hi;
    const float *bias; /* [cols], or NULL                   */
    activation act;
    float *c;
    size_t c_outer_stride, c_row_stride;
    size_t b_row_stride; /* 0: packed. Else B as it is, rows so far apart; cols: whole panels */
} gemm_nn_args;

typedef enum gemm_store { GEMM_OVERWRITE, GEMM_ACCUMULATE } gemm_store;

/* gemm_tn: C [K, cols], row-major without gaps. panels: packed G with outer * rows rows, panel_stride floats from panel to
 * panel (0: without gaps). */
typedef struct gemm_tn_args {
    gemm_rows rows;
    const float *panels;
    int cols;
    gemm_store store;
    float *c;
    size_t panel_stride;
} gemm_tn_args;

/* gemm_tn_tree, dense rows only (outer = segments = 1). Leaf l is the rows [l*grain, min((l+1)*grain, rows.rows)). The
 * stack machine `plan` (items = leaves) gives plan.results sums, results[r] [K, cols]. Work is cut into tiles, from
 * rows of C to rows of C; (part, parts) does its share. */
typedef struct gemm_tree_args {
    gemm_rows rows;
    const float *panels;
    int cols, grain;
    tree_plan plan;
    const unsigned char *merges; /* [plan.items] */
    float *const *results;
    int part, parts;
} gemm_tree_args;

/* gemm_pack: B [rows, cols] with leading dimension and column stride (1 and cols swapped transposes), into panels
 * [panel_lo, panel_hi). */
typedef struct gemm_pack_args {
    const float *b;
    int rows, cols;
    size_t row_stride, col_stride;
    int panel_lo, panel_hi;
    float *panels;
} gemm_pack_args;

#endif
