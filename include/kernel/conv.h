/* conv.h - 3 x 3 convolutions fused with the 2 x 2 max pooling behind them.           room: kernel
 *
 *   y[i,j,f] = act(b[f] + max_{p,q in {0,1}} sum_{r,s,c} w[r,s,c,f] x[2i+p+r, 2j+q+s, c])      no padding, stride 1
 *   argmax[i,j,f] = 2p + q of the maximum; of equal sums the first
 *
 * Window (i,j) reads the 4 x 4 pixels from (2i,2j) on. The windows i < rows, j < cols are computed; the rest of y and argmax
 * is not written. The bias is added, and the activation applied, after the maximum: both are monotone, so that y is the same.
 *
 *   conv_pixels     one channel, plain sums: each sum is the chain of operations of gemm_nn, so the bits are the same. A window
 *                   without ink (all 16 pixels 0) gives y = act(b) and argmax 0, and adds nothing to the gradient of w.
 *   winograd        many channels, Winograd's F(5x5, 3x3): 49 products give the 25 sums of a tile (Lavin and Gray, CVPR 2016,
 *                   with the points 0, 1, -1, 2, -2, 1/2, infinity); 2 x 2 tiles are a block of 5 x 5 windows. Where two
 *                   sums of a window are nearly equal, its rounding may change which is the maximum. A position whose 3 x 3
 *                   pixels are 0 in all channels has the sum 0 exactly.
 *   conv_sparse     the gradients, by plain sums: of the four sums of a window only the maximum has a gradient, and none has
 *                   one where the ReLU gave 0. Zeros are skipped.
 *
 * The tables of PRECISION_BF16 round x and w, and take dy rounded (gemm_operand). Forward, a sum is that of kernel/bf16.h, with
 * (r,s,c) ascending; there is no winograd. Of the gradients a sum is one chain, as in fp32: its terms are few.
 *
 * Order of sums   conv_pixels_backward, conv_sparse_weights: samples, then windows in row order. conv_sparse_input: positions
 *          (y, x) of the convolution's output in row order, then filters. winograd: channels, then the transforms' own order.
 * Shapes   x [H, W, C], w [3, 3, C, F], b [F], y, dy, argmax [.., out_width, F], dx as x, dw as w.
 *          conv_pixels: C = 1, F a multiple of 32. winograd, conv_sparse: C and F multiples of 32.
 * Memory   nothing is allocated; arrays must not overlap; scratch: as many floats as conv_scratch_lengths says, 64-byte
 *          aligned, one for each thread.
 * Threads  each call is the work of one thread; calls with scratch and results of their own may run at once.
 * Collective   no.   Errors   none; the caller checks shapes.
 * Accuracy conv_pixels, conv_sparse: |error| <= (terms + 2) eps sum |w||x| (eps = 2^-24). winograd: the bound that
 *          tests/reference/winograd.h derives.
 * Test     tests/ref/layer_conv2d_pooled.c, tests/prop/layer_conv2d_bits.c
 */
#ifndef MNIST_DIST_KERNEL_CONV_H
#define MNIST_DIST_KERNEL_CONV_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/gemm.h"

enum {
    CONV_BLOCK = 32,      /* channels and filters are multiples of it (conv_pixels: filters) */
    CONV_MAX_WIDTH = 256, /* conv_pixels: the largest W                                      */
    WINOGRAD_POINTS = 49, /* products of a tile                                              */
    WINOGRAD_WINDOWS = 5  /* winograd: rows and cols are multiples of it                     */
};

typedef struct conv_windows {
    int width, channels; /* W, C                                                    */
    int filters;         /* F                                                       */
    int rows, cols;      /* windows that are computed                               */
    int out_width;       /* windows of a row of y, >= cols                          */
    size_t in_length;    /* floats from one sample of x (or dx) to the next         */
    size_t out_length;   /* floats, and bytes of argmax, from one sample of y to the next */
} conv_windows;

/* Forward of `samples` samples. w: conv_pixels: [3, 3, 1, F]; winograd: what winograd_pack made of it. act: ACTIVATION_NONE
 * or ACTIVATION_RELU. argmax NULL: it is not wanted. filter_hi is 0, or filters [filter_lo, filter_hi) alone are computed, both
 * multiples of CONV_BLOCK (winograd). scratch: `pixels` or `winograd` floats. */
typedef struct conv_forward_args {
    conv_windows g;
    int samples;
    int filter_lo, filter_hi;
    const float *x, *w, *bias;
    activation act;
    float *y;
    uint8_t *argmax;
    float *scratch;
} conv_forward_args;

/* The gradient of w over `samples` samples, a leaf: dw is overwritten. dy: the gradient of the sums, that is of y where the
 * ReLU passed it on, else 0. conv_sparse_weights leaves dw in an order of its own, which conv_sparse_unpack turns into [3, 3,
 * C, F]. scratch: `pixels` or `sparse` floats. */
typedef struct conv_backward_args {
    conv_windows g;
    int samples;
    const float *x, *dy;
    const uint8_t *argmax;
    float *dw;
    float *scratch;
} conv_backward_args;

/* The gradient of x: all of dx is overwritten. turned: what conv_sparse_pack made of w. dy as above. scratch: `sparse`
 * floats. */
typedef struct conv_input_args {
    conv_windows g;
    int height; /* H */
    int samples;
    const float *turned, *dy;
    const uint8_t *argmax;
    float *dx;
    float *scratch;
} conv_input_args;

/* Floats of scratch that a thread needs, enough for every instruction set. The last of `pixels` and `sparse` are for the
 * rounded pixels of a sample, with PRECISION_BF16. */
typedef struct conv_scratch {
    size_t pixels, winograd, sparse;
} conv_scratch;
conv_scratch conv_scratch_lengths(const conv_windows *g);

/* Floats from the first to the last of a sample that its windows read. */
static inline size_t conv_image_length(const conv_windows *g)
{
    int pixels = (2 * g->rows + 1) * g->width + 2 * g->cols + 2;
    return (size_t)pixels * (size_t)g->channels;
}

/* Floats that winograd_pack writes for w [3, 3, channels, filters]. */
static inline size_t winograd_packed_length(int channels, int filters)
{
    return (size_t)WINOGRAD_POINTS * (size_t)(channels + 1) * (size_t)filters;
}

#endif
