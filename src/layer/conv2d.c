/* layer/conv2d.c - conv2d FILTERS SIZE [stride N] [same] [ACTIVATION]: convolution with bias and activation, and
 * perhaps the max pooling after it.
 *
 *   y[p,q,f] = act(b[f] + sum_{r,s,c} w[r,s,c,f] x[p u + r - a, q u + s - a', c])         u stride, a and a' padding
 *   with pooling: y = act(b + max over the window of the sums): adding b and every activation keep the order of the sums
 *
 * Rows and columns of the convolution that no pooling window reaches are never computed. The gradient of the input is a
 * convolution too: of the output's gradient, spread by the stride and framed by K - 1 zeros, with the kernel turned by 180
 * degrees and its channels swapped. A leaf's gradient is summed sample after sample, output pixels in row order. */
#include <string.h>

#include "kernel/gemm_blis.h"
#include "layer/conv2d_internal.h"
#include "layer/init.h"
#include "layer/row.h"
#include "layer/windows.h"

/* [H,W,C] -> [P,Q,F], P = (H - SIZE) / stride + 1, or ceil(H / stride) with `same`; kernel [SIZE,SIZE,C,F], bias [F]. */
static status conv2d_plan(layer *l, failure *why)
{
    int size = l->cfg.size, channels = l->in.dim[2], filters = l->cfg.units;
    shape kernel = {.rank = 4, .dim = {size, size, channels, filters}};
    l->tensors = 2;
    l->tensor[0] = (layer_tensor){.name = "kernel", .shape = kernel, .init = init_glorot_uniform};
    l->tensor[1] = (layer_tensor){
        .name = "bias", .shape = shape_vector(filters), .init = init_zeros};
    status s = windows_plan(l, filters, why);
    l->macs = (double)l->out.dim[0] * l->out.dim[1] * filters * size * size * channels;
    return s;
}

/* Sizes, all derived from the stage. */
typedef struct geometry {
    int height, width, channels, filters, size, stride;
    int rows, cols;           /* of the convolution's output that is computed          */
    int in_rows, in_cols;     /* of the padded input that it reads                     */
    int padded;               /* 1: the input is copied into a frame of in_rows x in_cols */
    int wide_rows, wide_cols; /* of the framed gradient                                */
} geometry;

static geometry measure(const stage *s)
{
    const layer *l = s->layer;
    geometry g = {.height = l->in.dim[0],
                  .width = l->in.dim[1],
                  .channels = l->in.dim[2],
                  .filters = l->cfg.units,
                  .size = l->cfg.size,
                  .stride = l->cfg.stride,
                  .rows = l->out.dim[0],
                  .cols = l->out.dim[1]};
    if (s->fused) {
        g.rows = s->fused->out.dim[0] * s->fused->cfg.size;
        g.cols = s->fused->out.dim[1] * s->fused->cfg.size;
    }
    g.in_rows = (g.rows - 1) * g.stride + g.size;
    g.in_cols = (g.cols - 1) * g.stride + g.size;
    g.padded = l->pad_top > 0 || l->pad_left > 0 || g.in_rows > g.height || g.in_cols > g.width;
    g.wide_rows = (g.rows - 1) * g.stride + 1 + 2 * (g.size - 1);
    g.wide_cols = (g.cols - 1) * g.stride + 1 + 2 * (g.size - 1);
    return g;
}

static size_t product(int a, int b, int c)
{
    return slab_round_up((size_t)a * (size_t)b * (size_t)c);
}

/* The pieces of a thread's scratch; frame and wide keep their zero borders from call to call. */
typedef struct workspace {
    float *frame;   /* [in_rows, in_cols, C]   the padded input            */
    float *sums;    /* [rows, cols, F]         before pooling; then its gradient */
    float *panels;  /* packed gradient of the sums                         */
    float *wide;    /* [wide_rows, wide_cols, F]                           */
    float *patches; /* BLIS only                                           */
    size_t length;
} workspace;

static gemm_rows forward_rows(const geometry *g, const float *x, size_t pitch)
{
    return (gemm_rows){.a = x,
                       .outer = g->rows,
                       .rows = g->cols,
                       .segments = g->size,
                       .length = g->size * g->channels,
                       .outer_stride = (size_t)g->stride * pitch,
                       .row_stride = (size_t)g->stride * (size_t)g->channels,
                       .segment_stride = pitch};
}

static gemm_rows input_gradient_rows(const stage *s, const geometry *g, const float *wide)
{
    int rows = g->in_rows - s->layer->pad_top, cols = g->in_cols - s->layer->pad_left;
    size_t pitch = (size_t)g->wide_cols * (size_t)g->filters;
    size_t corner = (size_t)s->layer->pad_top * pitch +
                    (size_t)s->layer->pad_left * (size_t)g->filters;
    return (gemm_rows){.a = wide ? wide + corner : NULL,
                       .outer = rows < g->height ? rows : g->height,
                       .rows = cols < g->width ? cols : g->width,
                       .segments = g->size,
                       .length = g->size * g->filters,
                       .outer_stride = pitch,
                       .row_stride = (size_t)g->filters,
                       .segment_stride = pitch};
}

/* The next `length` floats; NULL if scratch is NULL: only lengths are asked for. */
static float *piece(float *scratch, size_t *at, size_t length)
{
    float *first = scratch ? scratch + *at : NULL;
    *at += length;
    return first;
}

static workspace divide(const stage *s, const geometry *g, float *scratch)
{
    workspace w;
    size_t at = 0;
    size_t frame = g->padded ? product(g->in_rows, g->in_cols, g->channels) : 0;
    size_t sums = product(g->rows, g->cols, g->filters);
    size_t panels = product(g->rows, g->cols, kernels_panels(s->k, g->filters) * s->k->panel);
    size_t wide = s->want_input_gradient ? product(g->wide_rows, g->wide_cols, g->filters) : 0;
    size_t patches = 0;
    if (s->engine == GEMM_BLIS) {
        gemm_rows f = forward_rows(g, NULL, 0), b = input_gradient_rows(s, g, NULL);
        size_t need = gemm_blis_scratch(&f), other = gemm_blis_scratch(&b);
        patches = slab_round_up(need > other ? need : other);
    }
    w.frame = piece(scratch, &at, frame);
    w.sums = piece(scratch, &at, sums);
    w.panels = piece(scratch, &at, panels);
    w.wide = piece(scratch, &at, wide);
    w.patches = piece(scratch, &at, patches);
    w.length = at;
    return w;
}

/* Packed parameters: the kernel as [K K C, F], then, for the input's gradient, the turned kernel as [K K F, C]. */
typedef struct packed_parts {
    size_t forward, turned;
} packed_parts;

static packed_parts packed_lengths(const stage *s, const geometry *g)
{
    int taps = g->size * g->size;
    int forward_cols = kernels_panels(s->k, g->filters) * s->k->panel;
    int turned_cols = kernels_panels(s->k, g->channels) * s->k->panel;
    return (packed_parts){product(taps, g->channels, forward_cols),
                          s->want_input_gradient ? product(taps, g->filters, turned_cols) : 0};
}

/* Any convolution, and the max pooling after it if its windows have neither gap nor overlap. */
static int stage_conv2d_takes(const stage *s, const layer *next)
{
    (void)s;
    return maxpool_tiles(next) ? 2 : 1;
}

static void stage_conv2d_plan(stage *s)
{
    geometry g = measure(s);
    packed_parts p = packed_lengths(s, &g);
    s->packed_length = p.forward + p.turned;
    s->scratch_length = divide(s, &g, NULL).length;
    s->saved_bytes = s->fused ? s->out_length : 0;
}

/* B[(r,s,f), c] = w[K-1-r, K-1-s, c, f]: each tap is a plain transposed block, and a panel is packed when it has all. */
static void pack_turned(const stage *s, const geometry *g, const float *w, float *packed, int lo,
                        int hi)
{
    int taps = g->size * g->size, panel = s->k->panel;
    size_t panel_length = (size_t)taps * (size_t)g->filters * (size_t)panel;
    for (int p = lo; p < hi; p++) {
        for (int t = 0; t < taps; t++) {
            size_t tap = (size_t)(taps - 1 - t) * (size_t)g->channels * (size_t)g->filters;
            size_t first = (size_t)p * (size_t)panel;
            gemm_pack_args a = {.b = w + tap + first * (size_t)g->filters,
                                .rows = g->filters,
                                .cols = g->channels - (int)first,
                                .row_stride = 1,
                                .col_stride = (size_t)g->filters,
                                .panel_lo = 0,
                                .panel_hi = 1,
                                .panels = packed + (size_t)p * panel_length +
                                          (size_t)t * (size_t)g->filters * (size_t)panel};
            s->k->gemm_pack_tn(&a);
        }
        s->k->gemm_panel(taps * g->filters, packed + (size_t)p * panel_length);
    }
}

/* The same without panels, for BLIS: row-major [K K F, C]. */
static void turn(const geometry *g, const float *w, float *out)
{
    int taps = g->size * g->size;
    for (int t = 0; t < taps; t++)
        for (int f = 0; f < g->filters; f++)
            for (int c = 0; c < g->channels; c++)
                *out++ = w[((size_t)(taps - 1 - t) * (size_t)g->channels + (size_t)c) *
                               (size_t)g->filters +
                           (size_t)f];
}

static void conv2d_prepare(const stage *s, const float *parameters, float *packed, int part,
                           int parts)
{
    geometry g = measure(s);
    const float *w = parameters + s->layer->tensor[0].at.offset;
    float *turned = packed + packed_lengths(s, &g).forward;
    if (s->engine == GEMM_BLIS) {
        if (part == 0 && s->want_input_gradient) turn(&g, w, turned);
        return;
    }
    range f = range_share(kernels_panels(s->k, g.filters), part, parts);
    gemm_pack_args a = {.b = w,
                        .rows = g.size * g.size * g.channels,
                        .cols = g.filters,
                        .row_stride = (size_t)g.filters,
                        .col_stride = 1,
                        .panel_lo = f.lo,
                        .panel_hi = f.hi,
                        .panels = packed};
    s->k->gemm_pack(&a);
    if (!s->want_input_gradient) return;
    /* Shares in reverse order: the part with the larger share above gets the smaller one here. */
    range c = range_share(kernels_panels(s->k, g.channels), parts - 1 - part, parts);
    pack_turned(s, &g, w, turned, c.lo, c.hi);
}

/* The input as the convolution reads it: itself, or copied into the zero frame. */
static const float *framed(const stage *s, const geometry *g, const workspace *w, const float *x,
                           size_t *pitch)
{
    size_t row = (size_t)g->width * (size_t)g->channels;
    *pitch = row;
    if (!g->padded) return x;
    *pitch = (size_t)g->in_cols * (size_t)g->channels;
    int top = s->layer->pad_top, left = s->layer->pad_left;
    int rows = g->in_rows - top < g->height ? g->in_rows - top : g->height;
    int cols = g->in_cols - left < g->width ? g->in_cols - left : g->width;
    for (int i = 0; i < rows; i++)
        memcpy(w->frame + (size_t)(top + i) * *pitch + (size_t)left * (size_t)g->channels,
               x + (size_t)i * row, (size_t)cols * (size_t)g->channels * sizeof(float));
    return w->frame;
}

/* One product with this stage's engine: B is packed for the own kernels, plain for BLIS. */
typedef struct product_args {
    gemm_rows rows;
    const float *b;
    int cols;
    const float *bias;
    activation act;
    float *c;
    size_t c_outer_stride;
} product_args;

static void multiply(const stage *s, const product_args *p, float *patches)
{
    if (s->engine == GEMM_BLIS) {
        gemm_blis_args g = {.rows = p->rows,
                            .b = p->b,
                            .cols = p->cols,
                            .bias = p->bias,
                            .act = p->act,
                            .c = p->c,
                            .c_outer_stride = p->c_outer_stride,
                            .c_row_stride = (size_t)p->cols,
                            .scratch = patches};
        gemm_blis_nn(&g);
        return;
    }
    gemm_nn_args g = {.rows = p->rows,
                      .panels = p->b,
                      .cols = p->cols,
                      .panel_lo = 0,
                      .panel_hi = kernels_panels(s->k, p->cols),
                      .bias = p->bias,
                      .act = p->act,
                      .c = p->c,
                      .c_outer_stride = p->c_outer_stride,
                      .c_row_stride = (size_t)p->cols};
    s->k->gemm_nn(&g);
}

static pool_args pooling(const stage *s, const geometry *g, const float *bias)
{
    int size = s->fused->cfg.size;
    return (pool_args){.height = g->rows,
                       .width = g->cols,
                       .channels = g->filters,
                       .out_height = g->rows / size,
                       .out_width = s->fused->out.dim[1],
                       .size = size,
                       .stride = size,
                       .bias = bias,
                       .act = activation_fused(s->layer->cfg.act)};
}

/* A part is some rows of the outputs of every sample. */
static void conv2d_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    geometry g = measure(s), own = g;
    workspace w = divide(s, &g, io->scratch);
    const layer_cfg *l = &s->layer->cfg;
    const shape *out = s->fused ? &s->fused->out : &s->layer->out;
    int window = s->fused ? s->fused->cfg.size : 1; /* rows of sums for a row of outputs */
    range rows = range_share(out->dim[0], part, parts);
    size_t row = (size_t)out->dim[1] * (size_t)g.filters, first = (size_t)rows.lo * row;
    const float *bias = io->parameters + s->layer->tensor[1].at.offset;
    const float *kernel = s->engine == GEMM_BLIS ? io->parameters + s->layer->tensor[0].at.offset
                                                 : io->packed;
    own.rows = (rows.hi - rows.lo) * window;
    if (own.rows == 0) return;
    for (int i = 0; i < samples; i++) {
        size_t pitch;
        const float *x = framed(s, &g, &w, io->x + (size_t)i * s->in_length, &pitch);
        float *y = io->y + (size_t)i * s->out_length + first;
        x += (size_t)(rows.lo * window * g.stride) * pitch;
        product_args p = {.rows = forward_rows(&own, x, pitch),
                          .b = kernel,
                          .cols = g.filters,
                          .bias = s->fused ? NULL : bias,
                          .act = s->fused ? ACTIVATION_NONE : activation_fused(l->act),
                          .c = s->fused ? w.sums : y,
                          .c_outer_stride = (size_t)g.cols * (size_t)g.filters};
        multiply(s, &p, w.patches);
        if (s->fused) {
            pool_args pool = pooling(s, &own, bias);
            s->k->pool_forward(&pool, w.sums, y, io->saved + (size_t)i * s->saved_bytes + first);
        }
        s->k->activate(activation_after(l->act), (float)l->slope, (size_t)(rows.hi - rows.lo) * row,
                       y);
    }
}

/* Gradient of the convolution's sums, [rows, cols, F], into w->sums. */
static void through_activation(const stage *s, const geometry *g, const stage_io *io, int i,
                               float *sums)
{
    float *dy = io->dy + (size_t)i * s->out_length;
    const float *y = io->y + (size_t)i * s->out_length;
    activation act = s->layer->cfg.act;
    float slope = (float)s->layer->cfg.slope;
    if (!s->fused) {
        s->k->activation_backward(act, slope, s->out_length, dy, y, sums);
        return;
    }
    pool_args pool = pooling(s, g, NULL);
    if (activation_after(act)) s->k->activation_backward(act, slope, s->out_length, dy, y, dy);
    s->k->pool_backward(&pool, dy, y, io->saved + (size_t)i * s->saved_bytes, sums);
}

static void input_gradient(const stage *s, const geometry *g, const workspace *w,
                           const float *turned, float *dx)
{
    CHECK(w->wide, "%s was planned without the gradient of its input", s->layer->name);
    size_t pixel = (size_t)g->filters;
    for (int p = 0; p < g->rows; p++)
        for (int q = 0; q < g->cols; q++)
            memcpy(w->wide + ((size_t)(g->size - 1 + p * g->stride) * (size_t)g->wide_cols +
                              (size_t)(g->size - 1 + q * g->stride)) *
                                 pixel,
                   w->sums + ((size_t)p * (size_t)g->cols + (size_t)q) * pixel,
                   pixel * sizeof(float));
    size_t pitch = (size_t)g->width * (size_t)g->channels;
    product_args p = {.rows = input_gradient_rows(s, g, w->wide),
                      .b = turned,
                      .cols = g->channels,
                      .c = dx,
                      .c_outer_stride = pitch};
    if (p.rows.outer < g->height || p.rows.rows < g->width)
        memset(dx, 0, (size_t)g->height * pitch * sizeof(float));
    multiply(s, &p, w->patches);
}

static void conv2d_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    geometry g = measure(s);
    workspace w = divide(s, &g, io->scratch);
    float *db = gradient + stage_gradient_offset(s, 1);
    for (int i = 0; i < samples; i++) {
        gemm_store store = i == 0 ? GEMM_OVERWRITE : GEMM_ACCUMULATE;
        size_t pitch;
        const float *x = framed(s, &g, &w, io->x + (size_t)i * s->in_length, &pitch);
        through_activation(s, &g, io, i, w.sums);
        gemm_pack_args pack = {.b = w.sums,
                               .rows = g.rows * g.cols,
                               .cols = g.filters,
                               .row_stride = (size_t)g.filters,
                               .col_stride = 1,
                               .panel_lo = 0,
                               .panel_hi = kernels_panels(s->k, g.filters),
                               .panels = w.panels};
        s->k->gemm_pack_tn(&pack);
        s->k->gemm_operand(w.panels, (size_t)pack.panel_hi * (size_t)(pack.rows * s->k->panel));
        gemm_tn_args tn = {.rows = forward_rows(&g, x, pitch),
                           .panels = w.panels,
                           .cols = g.filters,
                           .store = store,
                           .c = gradient};
        s->k->gemm_tn(&tn);
        s->k->column_sums(g.rows * g.cols, g.filters, w.sums, store, db);
        if (io->dx)
            input_gradient(s, &g, &w, io->packed + packed_lengths(s, &g).forward,
                           io->dx + (size_t)i * s->in_length);
    }
}

static const stage_type stage_conv2d = {
    .name = "conv2d",
    .split = STAGE_BY_SAMPLE,
    .shares_samples = 1,
    .takes = stage_conv2d_takes,
    .plan = stage_conv2d_plan,
    .prepare = conv2d_prepare,
    .forward = conv2d_forward,
    .backward_leaf = conv2d_backward_leaf,
};

static const layer_operand operands[] = {
    OPERAND_COUNT(units, "FILTERS", "number of filters"),
    OPERAND_COUNT(size, "SIZE", "kernel size"),
    OPERAND_STRIDE(.otherwise = 1),
    OPERAND_SAME,
    OPERAND_ACT,
    OPERANDS_END,
};

static const keras_field keras[] = {
    KERAS_FIELD("filters", KERAS_WHOLE, units),
    KERAS_WINDOW("kernel_size"),
    KERAS_ACT,
    KERAS_END,
};

const layer_type layer_conv2d = {
    .word = "conv2d",
    .operands = operands,
    .input = INPUT_IMAGE,
    .plan = conv2d_plan,
    .stages = (const stage_type *const[]){&stage_conv2d_pixels, &stage_conv2d_pooled, &stage_conv2d,
                                          NULL},
    .keras_class = "Conv2D",
    .keras_stem = "conv2d",
    .keras = keras,
};
