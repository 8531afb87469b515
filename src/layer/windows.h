/* layer/windows.h - sizes of layers that move a window over an image.                 room: layer (private) */
#ifndef MNIST_DIST_LAYER_WINDOWS_H
#define MNIST_DIST_LAYER_WINDOWS_H

#include "kernel/kernels.h"
#include "layer/kind.h"

/* Sets out, with this many channels, and the padding in front. STATUS_USAGE where the window is larger than the image. */
status windows_plan(layer *l, int channels, failure *why);

/* The windows of a maxpool or avgpool layer as the kernels want them; no bias, no activation. */
pool_args windows_of(const layer *l);

/* 1 if l is a max pooling whose windows have neither gap nor overlap: a convolution may run it. NULL: 0. */
int maxpool_tiles(const layer *l);

#endif
