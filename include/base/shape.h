/* shape.h - dimensions of one sample, and places in a slab.                         room: base
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: CHECK.
 */
#ifndef MNIST_DIST_BASE_SHAPE_H
#define MNIST_DIST_BASE_SHAPE_H

#include <stddef.h>

enum { SHAPE_MAX_RANK = 4 };

/* Dimensions without the sample index: an image is {3, {H, W, C}} (channels last), a sequence {2, {T, D}}, a vector
 * {1, {D}}. A weight uses the same struct: a kernel HWIO is {4, {H, W, I, O}}. All dimensions are >= 1. */
typedef struct shape {
    int rank;
    int dim[SHAPE_MAX_RANK];
} shape;

shape shape_vector(int length);
shape shape_image(int height, int width, int channels);

/* Product of the dimensions. CHECK: it fits into an int. */
size_t shape_length(shape s);
/* 1 if rank and dimensions are the same. */
int shape_equal(shape a, shape b);

typedef struct shape_name {
    char text[64];
} shape_name;
/* "(28, 28, 1)", as Keras writes it. */
shape_name shape_text(shape s);
/* "[0, 1, 2]": the place of element `index`, in row order; "[]" in a scalar. */
shape_name shape_place(shape s, size_t index);

/* Consecutive floats in a slab: offset and length, both in floats. */
typedef struct span {
    size_t offset, length;
} span;

/* Spans begin at multiples of SLAB_ALIGN floats, 64 bytes. slab_round_up: the next multiple. */
enum { SLAB_ALIGN = 16 };
static inline size_t slab_round_up(size_t floats)
{
    return (floats + SLAB_ALIGN - 1) / SLAB_ALIGN * SLAB_ALIGN;
}

#endif
