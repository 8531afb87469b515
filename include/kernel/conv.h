/* conv.h - 3 x 3 convolutions fused with the 2 x 2 max pooling behind them.           layer: kernel
 *
 *   y[i,j,f] = act(b[f] + max_{p,q in {0,1}} sum_{r,s,c} w[r,s,c,f] x[2i+p+r, 2j+q+s, c])      no padding, stride 1
 *   argmax[i,j,f] = 2p + q of the maximum, the first of equals
 *
 * Window (i,j) reads the 4 x 4 pixels from (2i,2j) on. Only the windows that somebody reads are computed: rows x cols of
 * them, in the corner of y. Adding b and every activation are monotone, so they follow the maximum.
 *
 *   conv_pixels     one channel, direct: every sum is the chain that gemm_nn would build, so the bits are the same. Windows
 *                   without ink (all 16 pixels 0) are y = act(b), argmax 0, and give no gradient of w.
 *   winograd        many channels, F(5x5, 3x3): 49 products give the 25 sums of a tile (Lavin and Gray, CVPR 2016, with the
 *                   points 0, 1, -1, 2, -2, 1/2, infinity); 2 x 2 tiles are a block of 5 x 5 windows. Here and there the
 *                   rounding makes another maximum of two nearly equal ones. Positions whose 3 x 3 pixels are 0 in all
 *                   channels have the sum 0, exactly.
 *   conv_sparse     the gradients, exact, without Winograd: of the four sums of a window one alone has a gradient, and none
 *                   where the activation is closed. Zeros are skipped.
 *
 * Order of sums: conv_pixels_backward: sample, then windows in row order. conv_sparse_weights: likewise. conv_sparse_input:
 * positions (y, x) of the convolution's output in row order, then filters. winograd: channels, then the transforms' own.
 * Shapes   x [H, W, C], w [3, 3, C, F], b, db [F], y, dy, argmax [.., out_width, F], dx as x, dw as w.
 *          conv_pixels: C = 1, F a multiple of 32. winograd, conv_sparse: C and F multiples of 32.
 * Memory   never allocates; no aliasing; scratch as conv_scratch says, 64-byte aligned.
 * Threads  one thread's work.   Collective   no.   Errors   none (CHECKed by callers).
 * Accuracy conv_pixels, conv_sparse: |error| <= (terms + 2) eps sum |w||x| (eps = 2^-24). winograd: see tests/ref/.
 * Test     tests/ref/layer_conv2d_pooled.c, tests/prop/layer_conv2d_bits.c
 */
#ifndef MNIST_DIST_KERNEL_CONV_H
#define MNIST_DIST_KERNEL_CONV_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/gemm.h"

enum {
    CONV_BLOCK = 32,      /* channels and filters come in multiples of it                       */
    CONV_MAX_WIDTH = 256, /* pixels of a row, for conv_pixels                                   */
    WINOGRAD_POINTS = 49, /* products of a tile                                                 */
    WINOGRAD_WINDOWS = 5  /* winograd: rows and cols are multiples of it                        */
};

typedef struct conv_windows {
    int width, channels; /* W, C                                        */
    int filters;         /* F                                           */
    int rows, cols;      /* windows that are computed                   */
    int out_width;       /* windows of a row of y, >= cols              */
    size_t in_length;    /* floats from one sample of x (or dx) to the next         */
    size_t out_length;   /* floats, and bytes of argmax, from one sample of y to the next */
} conv_windows;

/* Forward of `samples` samples. w: for winograd the packed form. act: NONE or RELU. */
typedef struct conv_forward_args {
    conv_windows g;
    int samples;
    const float *x, *w, *bias;
    activation act;
    float *y;
    uint8_t *argmax;
    float *scratch;
} conv_forward_args;

/* Backward of `samples` samples, a leaf: dw and db are overwritten with the leaf's sums. dy: behind the activation, that
 * is with zeros where it is closed. conv_sparse_weights: dw in its own order, [C/B][F][9][B], for conv_sparse_unpack. */
typedef struct conv_backward_args {
    conv_windows g;
    int samples;
    const float *x, *dy;
    const uint8_t *argmax;
    float *dw;
    float *scratch;
} conv_backward_args;

/* The input's gradient: all of dx [H, W, C] is written. turned: the packed form of w. */
typedef struct conv_input_args {
    conv_windows g;
    int height; /* H */
    int samples;
    const float *turned, *dy;
    const uint8_t *argmax;
    float *dx;
    float *scratch;
} conv_input_args;

/* Floats of scratch. */
typedef struct conv_scratch {
    size_t pixels, winograd, sparse;
} conv_scratch;
conv_scratch conv_scratch_lengths(const conv_windows *g);

static inline size_t winograd_packed_length(int channels, int filters)
{
    return (size_t)WINOGRAD_POINTS * (size_t)(channels + 1) * (size_t)filters;
}

#endif
