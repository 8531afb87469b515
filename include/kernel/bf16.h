/* bf16.h - products of operands that are rounded to bfloat16, accumulated in float.    room: kernel
 *
 * bfloat16 is the upper half of a float: 8 bits of significand, the exponents of float. The tables of PRECISION_BF16
 * (kernel/kernels.h) compute the products of kernel/gemm.h from rounded operands. Everything else stays float: parameters,
 * biases, activations, losses, sums over leaves, the state of the optimizer.
 *
 * Rounding     both factors, where they enter a product: to nearest, ties to even. NaN stays NaN; what is too large becomes
 *              Inf; a magnitude below 2^-126 becomes 0 with its sign, so no operand is denormal.
 * Accumulation the terms of an element in blocks of 32, from the first term on. In a block the terms 0, 2, 4, ... are a chain
 *              of fused multiply-adds that starts from 0; so are the terms 1, 3, 5, ...; a term that the last block lacks is
 *              0 * 0. Then
 *                sum = sum + (even + odd)
 *              The sum starts at 0 (at C where gemm_tn accumulates); the bias is added last.
 * Terms        gemm_nn: (s,k) ascending, counted through all segments; gemm_tn: (o,i) ascending; gemm_tn_tree: the rows of a
 *              leaf ascending, and leaves are added as ever. So, for the layers:
 *                dense      y: inputs; dx: outputs; dW: samples of a leaf
 *                conv2d     y: kernel rows, kernel columns, channels (r,s,c); dx: (r,s,filter) of the turned kernel; dW: output
 *                           pixels in row order, and the blocks of each sample begin anew. Where 2 x 2 maxima follow a 3 x 3
 *                           kernel and the filters are a multiple of 32 (kernel/conv.h), dx and dW add only the maxima that
 *                           have a gradient, and are one chain without blocks
 *                recurrent  a step: columns of x, then in blocks of their own those of h; dx and dh: columns of the gates;
 *                           dW and dU: steps, then samples of a leaf
 *
 * A product of two bfloat16 is exact in float. This is what Intel's TDPBF16PS computes, so AMX gives the same bits as fused
 * multiply-adds (VDPBF16PS of AVX512_BF16 adds in another order, and is not used). As everywhere, a result below 2^-126 is
 * flushed to 0.
 * Accuracy     |error of C| <= (terms + 2) 2^-24 sum |A||B| with A and B rounded; rounding moves a factor by 2^-9 of itself.
 * Threads: any.   Collective: no.   Errors: none.
 * Oracle: tests/reference/bf16.h   Test: tests/ref/kernel_bf16.c, tests/prop/model_bf16.c
 */
#ifndef MNIST_DIST_KERNEL_BF16_H
#define MNIST_DIST_KERNEL_BF16_H

enum { BF16_BLOCK = 32 }; /* terms of a block */

#endif
