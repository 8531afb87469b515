/* kernel/isa/windows.h - 2 x 2 windows of the fused convolutions: their place and their maximum.   room: kernel (private) */
#ifndef MNIST_DIST_KERNEL_ISA_WINDOWS_H
#define MNIST_DIST_KERNEL_ISA_WINDOWS_H

#include "kernel/conv.h"
#include "base/shape.h"
#include "kernel/isa/bf16.h"

/* A window's place: floats to its corner in the sample's x, and to its output in y. */
typedef struct window_place {
    int x, y;
} window_place;

INLINE window_place window_at(const conv_windows *g, int i, int j)
{
    return (window_place){(2 * i * g->width + 2 * j) * g->channels,
                          (i * g->out_width + j) * g->filters};
}

/* What the windows read of the sample x, rounded, at the end of scratch [length]. */
INLINE const float *windows_rounded(const conv_windows *g, const float *x, float *scratch,
                                    size_t length)
{
    size_t image = conv_image_length(g);
    float *rounded = scratch + length - slab_round_up(image);
    bf16_round_all(x, image, rounded);
    return rounded;
}

/* y = act(max of the four sums + bias); argmax, unless NULL: the index of the maximum, the first of equal ones. */
INLINE void window_store(const simd_float sum[4], simd_float bias, activation act, float *y,
                         uint8_t *argmax)
{
    simd_float above = simd_max(sum[1], sum[0]), under = simd_max(sum[3], sum[2]);
    simd_float best = simd_max(under, above) + bias;
    if (act == ACTIVATION_RELU) best = simd_relu(best);
    simd_store(y, best);
    if (!argmax) return;
    simd_int right = sum[1] > sum[0], below_right = sum[3] > sum[2], below = under > above;
    simd_int where = (below & (below_right & 1)) | (~below & (right & 1)) | (below & 2);
    simd_store_bytes(argmax, where);
}

#endif
