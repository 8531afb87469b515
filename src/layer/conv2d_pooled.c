/* layer/conv2d_pooled.c - 3 x 3 convolution and the 2 x 2 max pooling after it as one stage: the kernels of kernel/conv.h.
 *
 *   conv2d_pixels    of one channel, without the gradient of the input: a first layer on grey images
 *   conv2d_pooled    of many channels: forward by Winograd where the windows fall into blocks of 5 x 5 (and exact sums are
 *                    not asked for), else by the general product; backward reads only the maxima
 *
 * Only the windows that the next stage reads are computed, forward and backward. These are the results of stage_conv2d up to
 * rounding; the forward pass of conv2d_pixels gives the same bits. */
#include "layer/conv2d_internal.h"
#include "layer/windows.h"

/* 3 x 3, stride 1, no padding, pooling of 2 x 2, a number of filters that fills vectors. */
static int is_pooled(const stage *s, const layer *next)
{
    const layer_cfg *c = &s->layer->cfg;
    return s->engine == GEMM_OWN && c->size == 3 && c->stride == 1 && c->pad == PADDING_VALID &&
           c->units % CONV_BLOCK == 0 && maxpool_tiles(next) && next->cfg.size == 2;
}

static conv_windows measure(const stage *s)
{
    const layer *l = s->layer;
    shape out = s->fused->out;
    return (conv_windows){.width = l->in.dim[1],
                          .channels = l->in.dim[2],
                          .filters = l->cfg.units,
                          .rows = s->used_rows ? s->used_rows : out.dim[0],
                          .cols = s->used_cols ? s->used_cols : out.dim[1],
                          .out_width = out.dim[1],
                          .in_length = s->in_length,
                          .out_length = s->out_length};
}

static void plan_common(stage *s, const conv_windows *g)
{
    s->reads_rows = 2 * g->rows + 2;
    s->reads_cols = 2 * g->cols + 2;
    s->saved_bytes = s->out_length; /* argmax */
}

static conv_forward_args forward_args(const stage *s, const stage_io *io, const float *w,
                                      int samples)
{
    return (conv_forward_args){.g = measure(s),
                               .samples = samples,
                               .x = io->x,
                               .w = w,
                               .bias = io->parameters + s->layer->tensor[1].at.offset,
                               .act = activation_fused(s->layer->cfg.act),
                               .y = io->y,
                               .argmax = io->draw.trains ? io->saved : NULL,
                               .scratch = io->scratch};
}

/* The activations that the kernels do not compute themselves. */
static void activate(const stage *s, const conv_windows *g, float *y, int samples)
{
    const layer_cfg *l = &s->layer->cfg;
    size_t row = (size_t)(g->out_width * g->filters), used = (size_t)(g->cols * g->filters);
    if (activation_after(l->act) == ACTIVATION_NONE) return;
    for (int n = 0; n < samples; n++)
        for (int i = 0; i < g->rows; i++)
            s->k->activate(l->act, (float)l->slope, used,
                           y + (size_t)n * s->out_length + (size_t)i * row);
}

/* dy becomes the gradient before the activation, in place; db is its sum. Both one row of windows after another. With bf16 dy
 * is rounded then: it is an operand of the products that follow. */
static void through_activation(const stage *s, const stage_io *io, const conv_windows *g,
                               int samples, float *db)
{
    const layer_cfg *l = &s->layer->cfg;
    size_t row = (size_t)(g->out_width * g->filters), used = (size_t)(g->cols * g->filters);
    for (int n = 0; n < samples; n++)
        for (int i = 0; i < g->rows; i++) {
            size_t at = (size_t)n * s->out_length + (size_t)i * row;
            if (l->act != ACTIVATION_NONE)
                s->k->activation_backward(l->act, (float)l->slope, used, io->dy + at, io->y + at,
                                          io->dy + at);
            s->k->column_sums(g->cols, g->filters, io->dy + at,
                              n + i ? GEMM_ACCUMULATE : GEMM_OVERWRITE, db);
            s->k->gemm_operand(io->dy + at, used);
        }
}

static conv_backward_args backward_args(const stage *s, const stage_io *io, int samples, float *dw)
{
    return (conv_backward_args){.g = measure(s),
                                .samples = samples,
                                .x = io->x,
                                .dy = io->dy,
                                .argmax = io->saved,
                                .dw = dw,
                                .scratch = io->scratch};
}

/* ---- one channel ---- */

static int pixels_takes(const stage *s, const layer *next)
{
    const shape *in = &s->layer->in;
    int one = in->dim[2] == 1 && in->dim[1] <= CONV_MAX_WIDTH && !s->want_input_gradient;
    return one && is_pooled(s, next) ? 2 : 0;
}

static void pixels_plan(stage *s)
{
    conv_windows g = measure(s);
    plan_common(s, &g);
    s->scratch_length = conv_scratch_lengths(&g).pixels;
}

/* The arguments of a part: some rows of windows of every sample. */
static conv_forward_args rows_of_part(conv_forward_args a, int part, int parts)
{
    range rows = range_share(a.g.rows, part, parts);
    size_t first = (size_t)rows.lo * (size_t)(a.g.out_width * a.g.filters);
    a.g.rows = rows.hi - rows.lo;
    a.x += (size_t)(2 * rows.lo) * (size_t)(a.g.width * a.g.channels);
    a.y += first;
    if (a.argmax) a.argmax += first;
    return a;
}

static void pixels_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    conv_forward_args a = forward_args(s, io, io->parameters + s->layer->tensor[0].at.offset,
                                       samples);
    a = rows_of_part(a, part, parts);
    s->k->conv_pixels_forward(&a);
    activate(s, &a.g, a.y, samples);
}

static void pixels_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    conv_backward_args a = backward_args(s, io, samples, gradient);
    through_activation(s, io, &a.g, samples, gradient + stage_gradient_offset(s, 1));
    s->k->conv_pixels_backward(&a);
}

const stage_type stage_conv2d_pixels = {
    .name = "conv2d_pixels",
    .split = STAGE_BY_SAMPLE,
    .shares_samples = 1,
    .takes = pixels_takes,
    .plan = pixels_plan,
    .forward = pixels_forward,
    .backward_leaf = pixels_backward_leaf,
};

/* ---- many channels ---- */

static int pooled_takes(const stage *s, const layer *next)
{
    return s->layer->in.dim[2] % CONV_BLOCK == 0 && is_pooled(s, next) ? 2 : 0;
}

/* Packed parameters: for the forward pass (Winograd's, or panels of the plain product), then for the input's gradient. */
typedef struct packed_parts {
    size_t forward, turned;
} packed_parts;

static int by_winograd(const stage *s, const conv_windows *g)
{
    return s->sums != STAGE_EXACT && s->k->precision == PRECISION_FP32 &&
           g->rows % WINOGRAD_WINDOWS == 0 && g->cols % WINOGRAD_WINDOWS == 0;
}

static packed_parts packed_lengths(const stage *s, const conv_windows *g)
{
    size_t kernel = (size_t)(9 * g->channels * g->filters);
    return (packed_parts){by_winograd(s, g) ? winograd_packed_length(g->channels, g->filters)
                                            : kernel,
                          s->want_input_gradient ? kernel : 0};
}

static size_t sums_length(const conv_windows *g)
{
    return (size_t)(4 * g->rows * g->cols * g->filters);
}

static void pooled_plan(stage *s)
{
    conv_windows g = measure(s);
    packed_parts p = packed_lengths(s, &g);
    conv_scratch scratch = conv_scratch_lengths(&g);
    plan_common(s, &g);
    s->packed_length = p.forward + p.turned;
    size_t forward = by_winograd(s, &g) ? scratch.winograd : sums_length(&g);
    size_t backward = slab_round_up(scratch.sparse) + (size_t)(9 * g.channels * g.filters);
    s->scratch_length = forward > backward ? forward : backward;
}

static void pooled_prepare(const stage *s, const float *parameters, float *packed, int part,
                           int parts)
{
    conv_windows g = measure(s);
    const float *w = parameters + s->layer->tensor[0].at.offset;
    range f = range_share(kernels_panels(s->k, g.filters), part, parts);
    if (by_winograd(s, &g)) {
        s->k->winograd_pack(g.channels, g.filters, w, f.lo, f.hi, packed);
    } else {
        gemm_pack_args a = {.b = w,
                            .rows = 9 * g.channels,
                            .cols = g.filters,
                            .row_stride = (size_t)g.filters,
                            .col_stride = 1,
                            .panel_lo = f.lo,
                            .panel_hi = f.hi,
                            .panels = packed};
        s->k->gemm_pack(&a);
    }
    if (!s->want_input_gradient) return;
    /* Shares in reverse order: the part with the larger share above gets the smaller one here. */
    range b = range_share(g.filters / 16, parts - 1 - part, parts);
    s->k->conv_sparse_pack(g.channels, g.filters, w, 16 * b.lo, 16 * b.hi,
                           packed + packed_lengths(s, &g).forward);
}

/* The general product, then the pooling: sample by sample. argmax is always written. */
static void forward_exact(const stage *s, const conv_forward_args *a)
{
    const conv_windows *g = &a->g;
    size_t pitch = (size_t)(g->width * g->channels);
    for (int n = 0; n < a->samples; n++) {
        gemm_nn_args p = {.rows = {.a = a->x + (size_t)n * g->in_length,
                                   .outer = 2 * g->rows,
                                   .rows = 2 * g->cols,
                                   .segments = 3,
                                   .length = 3 * g->channels,
                                   .outer_stride = pitch,
                                   .row_stride = (size_t)g->channels,
                                   .segment_stride = pitch},
                          .panels = a->w,
                          .cols = g->filters,
                          .panel_lo = 0,
                          .panel_hi = kernels_panels(s->k, g->filters),
                          .c = a->scratch,
                          .c_outer_stride = (size_t)(2 * g->cols * g->filters),
                          .c_row_stride = (size_t)g->filters};
        s->k->gemm_nn(&p);
        for (int i = 0; i < g->rows; i++) {
            size_t at = (size_t)n * g->out_length + (size_t)(i * g->out_width * g->filters);
            pool_args row = {.height = 2,
                             .width = 2 * g->cols,
                             .channels = g->filters,
                             .out_height = 1,
                             .out_width = g->cols,
                             .size = 2,
                             .stride = 2,
                             .bias = a->bias,
                             .act = a->act};
            s->k->pool_forward(&row, a->scratch + (size_t)(2 * i) * p.c_outer_stride, a->y + at,
                               a->argmax + at);
        }
    }
}

/* A part is some filters of every sample for Winograd's algorithm, some rows of windows for the general product. Part 0 does it
 * all where Winograd's sums have an activation that is computed afterwards, on whole rows. */
static void pooled_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    conv_forward_args a = forward_args(s, io, io->packed, samples);
    if (!by_winograd(s, &a.g)) {
        a.argmax = io->saved;
        a = rows_of_part(a, part, parts);
        forward_exact(s, &a);
        activate(s, &a.g, a.y, samples);
        return;
    }
    if (activation_after(s->layer->cfg.act) == ACTIVATION_NONE) {
        range blocks = range_share(a.g.filters / CONV_BLOCK, part, parts);
        a.filter_lo = CONV_BLOCK * blocks.lo, a.filter_hi = CONV_BLOCK * blocks.hi;
        if (blocks.hi > blocks.lo) s->k->winograd_forward(&a);
        return;
    }
    if (part > 0) return;
    s->k->winograd_forward(&a);
    activate(s, &a.g, a.y, samples);
}

static void pooled_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    conv_windows g = measure(s);
    float *sums = io->scratch + slab_round_up(conv_scratch_lengths(&g).sparse);
    conv_backward_args a = backward_args(s, io, samples, sums);
    through_activation(s, io, &g, samples, gradient + stage_gradient_offset(s, 1));
    s->k->conv_sparse_weights(&a);
    s->k->conv_sparse_unpack(g.channels, g.filters, sums, gradient);
    if (!io->dx) return;
    conv_input_args dx = {.g = g,
                          .height = s->layer->in.dim[0],
                          .samples = samples,
                          .turned = io->packed + packed_lengths(s, &g).forward,
                          .dy = io->dy,
                          .argmax = io->saved,
                          .dx = io->dx,
                          .scratch = io->scratch};
    s->k->conv_sparse_input(&dx);
}

const stage_type stage_conv2d_pooled = {
    .name = "conv2d_pooled",
    .split = STAGE_BY_SAMPLE,
    .shares_samples = 1,
    .takes = pooled_takes,
    .plan = pooled_plan,
    .prepare = pooled_prepare,
    .forward = pooled_forward,
    .backward_leaf = pooled_backward_leaf,
};
