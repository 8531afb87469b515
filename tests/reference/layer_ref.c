/* reference/layer_ref.c */
#include "reference/layer_ref.h"

#include <stdlib.h>
#include <string.h>

#include "reference/conv2d.h"
#include "reference/dense.h"
#include "reference/values.h"

static int is_kind(const layer *l, const char *word)
{
    return strcmp(l->cfg.type->word, word) == 0;
}

static size_t count_of(shape s)
{
    size_t count = 1;
    for (int i = 0; i < s.rank; i++) count *= (size_t)s.dim[i];
    return count;
}

/* The frame that the convolution reads: exactly what its windows reach. */
static conv2d_ref frame_of(const layer *l)
{
    return (conv2d_ref){.height = (l->out.dim[0] - 1) * l->cfg.stride + l->cfg.size,
                        .width = (l->out.dim[1] - 1) * l->cfg.stride + l->cfg.size,
                        .channels = l->in.dim[2],
                        .filters = l->cfg.units,
                        .kernel = l->cfg.size,
                        .stride = l->cfg.stride};
}

/* Calls for every pixel that image and frame share: into the frame, or (back) out of it. */
static void move_pixels(const layer *l, const conv2d_ref *f, double *image, double *frame, int back)
{
    int channels = f->channels;
    for (int i = 0; i < l->in.dim[0]; i++)
        for (int j = 0; j < l->in.dim[1]; j++) {
            int p = i + l->pad_top, q = j + l->pad_left;
            if (p >= f->height || q >= f->width) continue;
            double *inner = image + (i * l->in.dim[1] + j) * channels;
            double *outer = frame + (p * f->width + q) * channels;
            memcpy(back ? inner : outer, back ? outer : inner, (size_t)channels * sizeof(double));
        }
}

static double *framed(const layer *l, const conv2d_ref *f, const double *x)
{
    size_t length = count_of(l->in);
    double *frame = values_take((size_t)(f->height * f->width * f->channels) * sizeof *frame);
    double *image = values_take(length * sizeof *image);
    memcpy(image, x, length * sizeof *image);
    move_pixels(l, f, image, frame, 0);
    free(image);
    return frame;
}

void layer_ref_forward(const layer *l, const double *slab, const double *x, double *y)
{
    const double *w = slab + l->tensor[0].at.offset, *b = slab + l->tensor[1].at.offset;
    if (is_kind(l, "dense")) {
        dense_ref d = {1, l->in.dim[0], l->cfg.units};
        dense_ref_forward(&d, x, w, b, y);
        return;
    }
    conv2d_ref f = frame_of(l);
    double *frame = framed(l, &f, x);
    conv2d_ref_forward(&f, frame, w, b, y);
    free(frame);
}

static void conv_backward(const layer *l, const double *w, const double *x, const double *dy,
                          double *dx, double *dw, double *db)
{
    conv2d_ref f = frame_of(l);
    double *frame = framed(l, &f, x);
    double *dframe = values_take((size_t)(f.height * f.width * f.channels) * sizeof *dframe);
    conv2d_ref_backward(&f, frame, w, dy, dframe, dw, db);
    memset(dx, 0, count_of(l->in) * sizeof *dx);
    move_pixels(l, &f, dx, dframe, 1);
    free(frame), free(dframe);
}

void layer_ref_backward(const layer *l, const double *slab, const double *x, const double *dy,
                        double *dx, double *gradient)
{
    const double *w = slab + l->tensor[0].at.offset;
    size_t kernel = count_of(l->tensor[0].shape), bias = count_of(l->tensor[1].shape);
    double *dw = values_take(kernel * sizeof *dw), *db = values_take(bias * sizeof *db);
    if (is_kind(l, "dense")) {
        dense_ref d = {1, l->in.dim[0], l->cfg.units};
        dense_ref_backward(&d, x, w, dy, dx, dw, db);
    } else {
        conv_backward(l, w, x, dy, dx, dw, db);
    }
    for (size_t i = 0; i < kernel; i++) gradient[l->tensor[0].at.offset + i] += dw[i];
    for (size_t i = 0; i < bias; i++) gradient[l->tensor[1].at.offset + i] += db[i];
    free(dw), free(db);
}

pool_args layer_ref_pool(const layer *l)
{
    return (pool_args){.height = l->in.dim[0],
                       .width = l->in.dim[1],
                       .channels = l->in.dim[2],
                       .out_height = l->out.dim[0],
                       .out_width = l->out.dim[1],
                       .size = l->cfg.size,
                       .stride = l->cfg.stride,
                       .pad_top = l->pad_top,
                       .pad_left = l->pad_left};
}

int layer_ref_terms(const layer *l)
{
    if (is_kind(l, "dense")) return l->cfg.units > l->in.dim[0] ? l->cfg.units : l->in.dim[0];
    if (is_kind(l, "maxpool")) return l->cfg.size * l->cfg.size;
    int taps = l->cfg.size * l->cfg.size, pixels = l->out.dim[0] * l->out.dim[1];
    int deeper = l->in.dim[2] > l->cfg.units ? l->in.dim[2] : l->cfg.units;
    return taps * deeper > pixels ? taps * deeper : pixels;
}
