/* pool.h - max pooling of one sample in double; formula and sizes: pool_args in include/kernel/kernels.h.
 *
 * The bias is an argument in double, [C] or NULL; the float one of pool_args is not read.
 * Shapes   x, dx [H,W,C]; y, dy, argmax [P,Q,C]; dbias [C]. All results are overwritten.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_POOL_H
#define MNIST_DIST_TESTS_REFERENCE_POOL_H

#include "kernel/kernels.h"

void pool_ref_forward(const pool_args *p, const double *bias, const double *x, double *y,
                      int *argmax);
/* dbias may be NULL. */
void pool_ref_backward(const pool_args *p, const double *dy, const double *y, const int *argmax,
                       double *dx, double *dbias);

#endif
