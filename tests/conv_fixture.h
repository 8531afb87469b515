/* conv_fixture.h - a convolution's stage and the double references on the same numbers, for tests/ref and tests/prop.
 *
 * Two kinds of numbers:
 *   EXACT  small multiples of powers of two: no sum rounds, so every bit is known, ties between maxima included (they are
 *          frequent), and the tolerance is 0
 *   DRAWN  uniform in [-1,1): the tolerance is (terms + 2) 2^-24 of the same sum over absolute values. Maxima and what the
 *          activation lets through are taken from the stage once its forward pass is known to be right, for they may be
 *          decided by rounding.
 * All arrays of a stage end at fences. Canaries (NaNs) stand where y is not read by the next stage (used_rows, used_cols), and
 * where a stage must not read x and dy. Those of y must be there afterwards; those of x and dy would make results NaN. */
#ifndef MNIST_DIST_TESTS_CONV_FIXTURE_H
#define MNIST_DIST_TESTS_CONV_FIXTURE_H

#include "check.h"

#include <stdlib.h>

#include "layer_rows.h"
#include "reference/activation.h"
#include "reference/layer_ref.h"
#include "reference/pool.h"
#include "reference/values.h"

enum { EXACT, DRAWN };
/* Which pixels are not 0: all, those of a rectangle in the middle, none. */
enum { INK_ALL, INK_SOME, INK_NONE };
enum { CONV_MOST = 8, CONV_PARTS = 3, UNWRITTEN = 0xee };
static const double CONV_EPS = 0x1p-24, CONV_SLOPE = 0.125; /* of leaky ReLU */

typedef struct conv_case {
    int size, stride, channels, filters, height, width, pool;
    padding pad;
    activation act;
} conv_case;

/* Layers of a case, and all numbers of the double side; [n]: per sample. */
typedef struct twin {
    int kind, samples;
    layer conv, pool;
    size_t in, sums, out, slab;
    float *x, *dy, *w;                            /* what both sides get        */
    double *wide_w, *bar_w;                       /* slabs: values, magnitudes  */
    double *x_wide[CONV_MOST], *x_bar[CONV_MOST]; /* [in]                       */
    double *s[CONV_MOST], *s_bar[CONV_MOST];      /* [sums] before activation   */
} twin;

static inline float *twin_numbers(int kind, uint64_t seed, size_t count)
{
    float *values = values_take(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = kind == DRAWN ? value_at(seed, i) : (float)(value_int(seed, i, 9) - 4) / 4.0f;
    return values;
}

static inline double *twin_widened(const float *values, size_t count, int magnitudes)
{
    double *wide = values_take(count * sizeof *wide);
    values_widen(values, count, wide);
    for (size_t i = 0; magnitudes && i < count; i++) wide[i] = fabs(wide[i]);
    return wide;
}

static inline void twin_plan(twin *t, const conv_case *c)
{
    failure why;
    t->conv = (layer){.cfg = {.type = kind_named("conv2d"),
                              .units = c->filters,
                              .size = c->size,
                              .stride = c->stride,
                              .pad = c->pad,
                              .act = c->act,
                              .slope = CONV_SLOPE},
                      .in = shape_image(c->height, c->width, c->channels)};
    assert_int_equal(layer_plan(&t->conv, &why), STATUS_OK);
    t->pool = (layer){.cfg = {.type = kind_named("maxpool"), .size = c->pool, .stride = c->pool},
                      .in = t->conv.out};
    if (c->pool) assert_int_equal(layer_plan(&t->pool, &why), STATUS_OK);
    t->in = shape_length(t->conv.in);
    t->sums = shape_length(t->conv.out);
    t->out = c->pool ? shape_length(t->pool.out) : t->sums;
    size_t kernel = shape_length(t->conv.tensor[0].shape);
    t->conv.tensor[0].at = (span){SLAB_ALIGN, kernel}; /* not at 0, so that offsets show */
    t->conv.tensor[1].at = (span){SLAB_ALIGN + slab_round_up(kernel), (size_t)c->filters};
    t->slab = t->conv.tensor[1].at.offset + (size_t)c->filters;
}

static inline void twin_blank(twin *t, const conv_case *c, int ink)
{
    for (size_t i = 0; ink != INK_ALL && i < (size_t)t->samples * t->in; i++) {
        size_t pixel = i % t->in / (size_t)c->channels;
        int row = (int)pixel / c->width, col = (int)pixel % c->width;
        int middle = 3 * row >= c->height && 3 * row < 2 * c->height && 3 * col >= c->width &&
                     3 * col < 2 * c->width;
        if (ink == INK_NONE || !middle) t->x[i] = 0;
    }
}

static inline void twin_open(twin *t, const conv_case *c, int kind, uint64_t seed, int samples,
                             int ink)
{
    t->kind = kind, t->samples = samples;
    twin_plan(t, c);
    t->x = twin_numbers(kind, seed, (size_t)samples * t->in);
    t->w = twin_numbers(kind, seed + 1, t->slab);
    t->dy = twin_numbers(kind, seed + 2, (size_t)samples * t->out);
    twin_blank(t, c, ink);
    t->wide_w = twin_widened(t->w, t->slab, 0);
    t->bar_w = twin_widened(t->w, t->slab, 1);
    for (int n = 0; n < samples; n++) {
        t->x_wide[n] = twin_widened(t->x + (size_t)n * t->in, t->in, 0);
        t->x_bar[n] = twin_widened(t->x + (size_t)n * t->in, t->in, 1);
        t->s[n] = values_take(t->sums * sizeof(double));
        t->s_bar[n] = values_take(t->sums * sizeof(double));
        layer_ref_forward(&t->conv, t->wide_w, t->x_wide[n], t->s[n]);
        layer_ref_forward(&t->conv, t->bar_w, t->x_bar[n], t->s_bar[n]);
    }
}

static inline void twin_close(twin *t)
{
    free(t->x), free(t->w), free(t->dy), free(t->wide_w), free(t->bar_w);
    for (int n = 0; n < t->samples; n++)
        free(t->x_wide[n]), free(t->x_bar[n]), free(t->s[n]), free(t->s_bar[n]);
}

/* The stage and its memory, for `count` samples. */
typedef struct fast {
    stage s;
    stage_io io;
    int count;
    size_t scratch_length;
    fence packed, scratch, gradient_at, x, y, dy, dx, saved;
    float *gradient;
} fast;

/* wanted: type, tables, sums, what is used and wanted; the rest is set here. */
static inline void fast_open(fast *f, const twin *t, const stage *wanted)
{
    size_t samples = (size_t)t->samples;
    f->s = *wanted;
    f->s.layer = &t->conv, f->s.fused = t->pool.cfg.size ? &t->pool : NULL;
    f->s.in_length = t->in, f->s.out_length = t->out;
    stage_plan(&f->s);
    f->scratch_length = slab_round_up(f->s.scratch_length);
    f->packed = fence_open(f->s.packed_length), f->scratch = fence_open(f->scratch_length);
    f->gradient_at = fence_open(f->s.leaf_length);
    f->x = fence_open(samples * t->in), f->dx = fence_open(samples * t->in);
    f->y = fence_open(samples * t->out), f->dy = fence_open(samples * t->out);
    f->saved = fence_open(samples * f->s.saved_bytes);
    float *packed = fence_floats(&f->packed, f->s.packed_length);
    f->io = (stage_io){.draw = {.trains = 1},
                       .parameters = t->w,
                       .packed = packed,
                       .scratch = fence_floats(&f->scratch, f->scratch_length)};
    memset(f->io.scratch, 0, f->scratch_length * sizeof(float));
    for (int part = 0; f->s.type->prepare && part < CONV_PARTS; part++)
        f->s.type->prepare(&f->s, t->w, packed, part, CONV_PARTS);
}

/* 1: float i of y is in the corner that the next stage reads. */
static inline int fast_used(const fast *f, const twin *t, size_t i)
{
    const shape *out = t->pool.cfg.size ? &t->pool.out : &t->conv.out;
    int pixel = (int)(i / (size_t)out->dim[2]), width = out->dim[1];
    return (!f->s.used_rows || pixel / width < f->s.used_rows) &&
           (!f->s.used_cols || pixel % width < f->s.used_cols);
}

static inline int fast_reads(const fast *f, const twin *t, size_t i)
{
    int pixel = (int)(i / (size_t)t->conv.in.dim[2]), width = t->conv.in.dim[1];
    return (!f->s.reads_rows || pixel / width < f->s.reads_rows) &&
           (!f->s.reads_cols || pixel % width < f->s.reads_cols);
}

static inline const float *fast_input(const fast *f, const twin *t, int first, int count)
{
    float *x = fence_floats(&f->x, (size_t)count * t->in);
    for (size_t i = 0; i < (size_t)count * t->in; i++)
        if (fast_reads(f, t, i % t->in)) x[i] = t->x[(size_t)first * t->in + i];
    return x;
}

/* Forward of the samples [first, first + count). */
static inline void fast_forward(fast *f, const twin *t, int first, int count)
{
    f->count = count;
    f->io.x = fast_input(f, t, first, count);
    f->io.y = fence_floats(&f->y, (size_t)count * t->out);
    f->io.saved = fence_bytes(&f->saved, (size_t)count * f->s.saved_bytes);
    f->s.type->forward(&f->s, &f->io, count, 0, 1);
    for (size_t i = 0; i < (size_t)count * t->out; i++) {
        if (fast_used(f, t, i % t->out)) continue;
        assert_true(is_canary(f->io.y[i]));
        assert_int_equal(f->io.saved[i], UNWRITTEN);
    }
}

/* Backward of the same samples. */
static inline void fast_backward(fast *f, const twin *t, int first)
{
    size_t length = (size_t)f->count * t->out;
    f->io.dy = fence_floats(&f->dy, length);
    for (size_t i = 0; i < length; i++)
        if (fast_used(f, t, i % t->out)) f->io.dy[i] = t->dy[(size_t)first * t->out + i];
    f->io.dx = f->s.want_input_gradient ? fence_floats(&f->dx, (size_t)f->count * t->in) : NULL;
    f->gradient = fence_floats(&f->gradient_at, f->s.leaf_length);
    f->s.type->backward_leaf(&f->s, &f->io, f->count, f->gradient);
    for (size_t i = 0; i < length; i++)
        if (!fast_used(f, t, i % t->out)) assert_true(is_canary(f->io.dy[i]));
    assert_true(fence_intact(&f->gradient_at, f->s.leaf_length));
}

static inline void fast_close(fast *f)
{
    fence *all[] = {&f->packed, &f->scratch, &f->gradient_at, &f->x,
                    &f->y,      &f->dy,      &f->dx,          &f->saved};
    assert_true(fence_intact(&f->scratch, f->scratch_length));
    assert_true(fence_intact(&f->packed, f->s.packed_length));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) fence_close(all[i]);
}

static inline double conv_bound(int kind, double terms, double magnitude)
{
    return kind == EXACT ? 0 : (terms + 2) * CONV_EPS * magnitude;
}

/* Of the derivative, out of y alone, as backward has it; magnitude: what it is rounded relative to. */
static inline double conv_slope(activation act, double y, int magnitude)
{
    if (act == ACTIVATION_RELU) return y > 0;
    if (act == ACTIVATION_LEAKY_RELU) return y > 0 ? 1 : CONV_SLOPE;
    return act == ACTIVATION_TANH && !magnitude ? 1 - y * y : 1;
}

/* Gradient of the sums of sample n, through the maxima and the activation of the stage. */
static inline void conv_gradient_of_sums(const twin *t, const fast *f, int n, int magnitude,
                                         double *ds)
{
    const float *y = f->io.y + (size_t)n * t->out, *dy = t->dy + (size_t)n * t->out;
    double *through = values_take(t->out * sizeof *through);
    for (size_t i = 0; i < t->out; i++) {
        double d = magnitude ? fabs((double)dy[i]) : (double)dy[i];
        if (fast_used(f, t, i))
            through[i] = d * conv_slope(t->conv.cfg.act, (double)y[i], magnitude);
    }
    if (t->pool.cfg.size) {
        pool_args p = layer_ref_pool(&t->pool);
        int *argmax = values_take(t->out * sizeof *argmax);
        for (size_t i = 0; i < t->out; i++)
            if (fast_used(f, t, i)) argmax[i] = f->io.saved[(size_t)n * t->out + i];
        pool_ref_backward(&p, through, NULL, argmax, ds, NULL);
        free(argmax);
    } else {
        memcpy(ds, through, t->out * sizeof *ds);
    }
    free(through);
}

/* dx of each sample that began at sample 0, and the sum of their kernel and bias gradients. */
static inline void conv_check_backward(const twin *t, const fast *f)
{
    enum { ACTIVATION_ROUNDINGS = 3 }; /* y * y, 1 - that, times dy */
    size_t first = t->conv.tensor[0].at.offset;
    double taps = t->conv.cfg.size * t->conv.cfg.size;
    double terms = (double)f->count * (double)t->sums / t->conv.cfg.units + ACTIVATION_ROUNDINGS;
    double *g = values_take(t->slab * sizeof *g), *g_bar = values_take(t->slab * sizeof *g_bar);
    double *dx = values_take(t->in * sizeof *dx), *dx_bar = values_take(t->in * sizeof *dx_bar);
    double *ds = values_take(t->sums * sizeof *ds);
    for (int n = 0; n < f->count; n++) {
        conv_gradient_of_sums(t, f, n, 0, ds);
        layer_ref_backward(&t->conv, t->wide_w, t->x_wide[n], ds, dx, g);
        conv_gradient_of_sums(t, f, n, 1, ds);
        layer_ref_backward(&t->conv, t->bar_w, t->x_bar[n], ds, dx_bar, g_bar);
        for (size_t i = 0; i < t->in; i++)
            dx_bar[i] = conv_bound(t->kind, taps * t->conv.cfg.units + ACTIVATION_ROUNDINGS,
                                   dx_bar[i]);
        if (f->io.dx) ALLCLOSE(f->io.dx + (size_t)n * t->in, dx, dx_bar, t->in);
    }
    for (size_t i = 0; i < t->slab; i++) g_bar[i] = conv_bound(t->kind, terms, g_bar[i]);
    for (int i = 0; i < t->conv.tensors; i++) {
        span at = t->conv.tensor[i].at;
        ALLCLOSE(f->gradient + (at.offset - first), g + at.offset, g_bar + at.offset, at.length);
    }
    free(g), free(g_bar), free(dx), free(dx_bar), free(ds);
}

#endif
