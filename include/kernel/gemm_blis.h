/* gemm_blis.h - the same products through BLIS.                                        room: kernel
 *
 * For comparison (--gemm=blis), and as the roofline of `bench`. With BLIS' own path for small matrices the bits of a row would
 * depend on the number of rows in the call; without it they do not (see the test). So every call here is
 * bli_sgemm_ex with that path disabled. BLIS has different kernels for each family of processors: a run with --gemm=blis
 * records gemm_blis_architecture() and refuses hosts that disagree.
 *
 * Threads: each call is the work of one thread (gemm_blis_square: of `threads`), with scratch of its own.   Collective: no.
 * Memory: BLIS allocates packing buffers of its own in the first calls.   Errors: none.   Test: tests/prop/kernel_blis_rows.c
 */
#ifndef MNIST_DIST_KERNEL_GEMM_BLIS_H
#define MNIST_DIST_KERNEL_GEMM_BLIS_H

#include <stddef.h>

#include "kernel/gemm.h"

/* Floats of scratch that gemm_blis_nn needs for the patches of one call. */
size_t gemm_blis_scratch(const gemm_rows *rows);

/* gemm_nn with B [K, cols] unpacked, row-major, all columns at once. Where rows of A are not plain rows, they are copied
 * together into scratch first (im2col). */
typedef struct gemm_blis_args {
    gemm_rows rows;
    const float *b;
    int cols;
    const float *bias;
    activation act;
    float *c; /* [(o,i), n] at c + o*c_outer_stride + i*c_row_stride + n */
    size_t c_outer_stride, c_row_stride;
    float *scratch;
} gemm_blis_args;
void gemm_blis_nn(const gemm_blis_args *g);

/* C [m,n] = A [m,k] B [k,n], row-major without gaps, on `threads` threads: only for the roofline. */
void gemm_blis_square(int m, int n, int k, const float *a, const float *b, float *c, int threads);

/* BLIS' name of the processor family, such as "zen3" or "skx". */
const char *gemm_blis_architecture(void);

#endif
