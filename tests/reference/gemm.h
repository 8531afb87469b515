/* gemm.h - the products of include/kernel/gemm.h in double, from unpacked matrices.
 *
 *   gemm_nn_ref       c[(o,i), n] = act(bias[n] + sum_{s,k} A[(o,i),(s,k)] b[(s,k), n])
 *                     b [K, cols], c [outer rows, cols]
 *   gemm_tn_ref       c[(s,k), n] = start[(s,k), n] + sum_{o,i} A[(o,i),(s,k)] b[(o,i), n]
 *                     b [outer rows, cols], c [K, cols]
 *   gemm_tn_tree_ref  the same over the rows of the leaves [node.lo, node.hi), by recursion; dense rows
 *
 * bound, of the same shape as c: (chain + 2) 2^-24 times the sum of the terms' absolute values: the largest error allowed to
 * the float kernels.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_GEMM_H
#define MNIST_DIST_TESTS_REFERENCE_GEMM_H

#include "base/tree.h"
#include "kernel/gemm.h"

typedef struct gemm_ref {
    gemm_rows rows;
    const float *b;
    int cols;
    const float *bias;  /* nn: [cols], or NULL                    */
    activation act;     /* nn                                     */
    const float *start; /* tn: what C held before, or NULL for 0  */
} gemm_ref;

void gemm_nn_ref(const gemm_ref *g, double *c, double *bound);
void gemm_tn_ref(const gemm_ref *g, double *c, double *bound);
void gemm_tn_tree_ref(const gemm_ref *g, int grain, tree_node node, double *c, double *bound);

#endif
