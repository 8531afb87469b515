/* gemm.h - products of a matrix with overlapping rows and a packed matrix.            room: kernel
 *
 * Dense layers, convolutions and their gradients are all products with one such matrix A, which is never copied together
 * ("implicit im2col"). Row (o,i) of A consists of `segments` segments of `length` floats:
 *
 *   A[(o,i), (s,k)] = a[o*outer_stride + i*row_stride + s*segment_stride + k],   o < outer, i < rows, s < segments, k < length
 *
 *   dense          outer = segments = 1, rows = samples, length = inputs, row_stride = inputs
 *   convolution    (o,i) = output pixel, s = kernel row: segment_stride = W C, length = K C, row_stride = stride C,
 *                  outer_stride = stride W C
 *
 *   gemm_nn        C[(o,i), n] = act(bias[n] + sum_{s,k} A[(o,i),(s,k)] B[(s,k), n])
 *   gemm_tn        C[(s,k), n] (+)= sum_{o,i} A[(o,i),(s,k)] G[(o,i), n]
 *   gemm_tn_tree   the same for the rows of each leaf, and the leaves added in the order of the reduction tree
 *
 * Order (rule 1 of docs/reproducibility.md): every element of C is one chain of fused multiply-adds, (s,k) ascending for nn,
 * (o,i) ascending for tn, whatever the number of rows, the tiles or the thread. The chain starts at 0 (at C where it
 * accumulates); the bias is added last. It is the same on every instruction set: where a fused multiply-add is no
 * instruction, it is computed from others (kernel/isa/fused.h).
 *
 * B and G are packed: panels of `panel` columns (kernels.panel), [ceil(cols/panel)][K][panel] (of G: rows instead of K),
 * missing columns 0. A row-major B whose columns are whole panels may be read where it lies (b_row_stride), without packing.
 * Shapes   K = segments * length.
 * Memory   nothing is allocated; C must not overlap the inputs; packed arrays are 64-byte aligned.
 * Threads  each call is the work of one thread, on the panels or the part that it is given; calls may run at once.
 * Collective   no.    Errors   none; the caller checks shapes.
 * Accuracy |error of C| <= (chain + 2) eps sum |A||B| (eps = 2^-24; chain: K for nn, rows for tn).
 * Oracle   tests/reference/gemm.h    Test   tests/ref/kernel_gemm.c
 */
#ifndef MNIST_DIST_KERNEL_GEMM_H
#define MNIST_DIST_KERNEL_GEMM_H

#include <stddef.h>

#include "base/tree.h"

/* All are monotone. Products and poolings apply the first two themselves; kernels.activate applies the others. */
typedef enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_TANH,
    ACTIVATION_SIGMOID,
    ACTIVATION_ELU,
    ACTIVATION_HARD_SIGMOID
} activation;

/* The part of an activation that a product or a pooling applies itself. */
static inline activation activation_fused(activation act)
{
    return act == ACTIVATION_RELU ? ACTIVATION_RELU : ACTIVATION_NONE;
}

/* The part that kernels.activate applies afterwards. */
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
    const float *panels; /* packed B, or B itself */
    int cols;            /* of the whole B        */
    int panel_lo, panel_hi;
    const float *bias; /* [cols], or NULL */
    activation act;
    float *c;
    size_t c_outer_stride, c_row_stride;
    /* 0: B is packed. Else floats from row to row of B itself; cols must be a multiple of the panel. */
    size_t b_row_stride;
    int a_is_operand; /* PRECISION_BF16: A is rounded already */
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
 * plan (base/tree.h; its items are the leaves) gives plan.results sums, results[r] [K, cols]. One call does part `part` of
 * `parts` of the tiles; calls for different parts may run at once. */
typedef struct gemm_tree_args {
    gemm_rows rows;
    const float *panels;
    int cols, grain;
    tree_plan plan;
    const unsigned char *merges; /* [plan.items] */
    float *const *results;
    int part, parts;
} gemm_tree_args;

/* gemm_pack: panels [panel_lo, panel_hi) of B [rows, cols], whose element (k, n) lies at b + k*row_stride + n*col_stride. */
typedef struct gemm_pack_args {
    const float *b;
    int rows, cols;
    size_t row_stride, col_stride;
    int panel_lo, panel_hi;
    float *panels;
} gemm_pack_args;

#endif
