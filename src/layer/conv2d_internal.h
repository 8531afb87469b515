/* layer/conv2d_internal.h - the stages of conv2d that have a file of their own.        room: layer (private) */
#ifndef MNIST_DIST_LAYER_CONV2D_INTERNAL_H
#define MNIST_DIST_LAYER_CONV2D_INTERNAL_H

#include "layer/stage.h"

/* Convolution and pooling in one go: see conv2d_pooled.c for what they take. */
extern const stage_type stage_conv2d_pixels, stage_conv2d_pooled;

#endif
