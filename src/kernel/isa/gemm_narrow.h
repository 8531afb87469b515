/* kernel/isa/gemm_narrow.h - panels of which one vector of columns is used.                  room: kernel (private) */
#ifndef MNIST_DIST_KERNEL_ISA_GEMM_NARROW_H
#define MNIST_DIST_KERNEL_ISA_GEMM_NARROW_H

#include "kernel/gemm.h"
#include "kernel/isa/simd.h"

/* The part of gemm_nn and of gemm_tn for the last panel, where C has at most SIMD_LEN columns from `col` on. b: the panel;
 * stride: floats from row to row of it. */
void KERNEL(gemm_nn_narrow)(const gemm_nn_args *g, int col, const float *b, size_t stride);
void KERNEL(gemm_tn_narrow)(const gemm_tn_args *g, int col, const float *b);

#endif
