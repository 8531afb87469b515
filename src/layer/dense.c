/* layer/dense.c - dense UNITS [ACTIVATION]: y = act(x W + b), x [D], kernel W [D,U], bias b [U]
 *
 *   forward    y  = act(x W + b)      [N,U] = [N,D][D,U]
 *   backward   g  = dy act'(..)       computed from y alone
 *              dx = g W'              [N,D] = [N,U][U,D]
 *              dW = sum over leaves, in tree order, of x' g;  db likewise of the column sums of g
 *
 * All threads work on the whole pass, each on its part of the outputs, so no thread needs a gradient of its own. If x and g of
 * all ranks lie in one memory, no rank needs one either: each forms the rows of dW that it owns (kernel_rows). */
#include <string.h>

#include "base/team.h"
#include "kernel/gemm_blis.h"
#include "layer/init.h"
#include "layer/row.h"
#include "layer/stage.h"

/* Samples of one unit of work: two register tiles of AVX-512, four of AVX2. */
enum { BLOCK_ROWS = 24 };

static status dense_plan(layer *l, failure *why)
{
    (void)why;
    int inputs = l->in.dim[0], units = l->cfg.units;
    shape kernel = {.rank = 2, .dim = {inputs, units}};
    l->out = shape_vector(units);
    l->tensors = 2;
    l->tensor[0] = (layer_tensor){.name = "kernel", .shape = kernel, .init = init_glorot_uniform};
    l->tensor[1] = (layer_tensor){.name = "bias", .shape = l->out, .init = init_zeros};
    l->macs = (double)inputs * units;
    return STATUS_OK;
}

/* 1: W consists of whole panels and is read from the parameters, without a packed copy. Operands of bf16 are always packed. */
static int in_place(const stage *s)
{
    return s->engine == GEMM_OWN && s->k->precision == PRECISION_FP32 &&
           s->out_length % (size_t)s->k->panel == 0;
}

/* Packed parameters: W in panels of U where it is not read in place, then W' in panels of D (plain W' for BLIS). */
static size_t packed_forward(const stage *s)
{
    if (in_place(s)) return 0;
    return s->in_length * (size_t)(kernels_panels(s->k, (int)s->out_length) * s->k->panel);
}

static size_t packed_transposed(const stage *s)
{
    if (!s->want_input_gradient) return 0;
    return s->out_length * (size_t)(kernels_panels(s->k, (int)s->in_length) * s->k->panel);
}

static void stage_dense_plan(stage *s)
{
    s->packed_length = packed_forward(s) + packed_transposed(s);
    /* packed g */
    s->shared_length = (size_t)(kernels_panels(s->k, (int)s->out_length) * s->k->panel);
}

static void dense_prepare(const stage *s, const float *parameters, float *packed, int part,
                          int parts)
{
    const float *w = parameters + s->layer->tensor[0].at.offset;
    int inputs = (int)s->in_length, units = (int)s->out_length;
    int forward_panels = in_place(s) ? 0 : kernels_panels(s->k, units);
    range f = range_share(forward_panels, parts - 1 - part, parts);
    /* about the panels of W' whose rows of W this part has just updated */
    range b = range_share(kernels_panels(s->k, inputs), part, parts);
    gemm_pack_args forward = {.b = w,
                              .rows = inputs,
                              .cols = units,
                              .row_stride = s->out_length,
                              .col_stride = 1,
                              .panel_lo = f.lo,
                              .panel_hi = f.hi,
                              .panels = packed};
    float *transposed = packed + packed_forward(s);
    if (s->engine == GEMM_BLIS) {
        if (part == 0 && s->want_input_gradient)
            for (int u = 0; u < units; u++)
                for (int d = 0; d < inputs; d++)
                    transposed[(size_t)u * s->in_length + (size_t)d] =
                        w[(size_t)d * s->out_length + (size_t)u];
        return;
    }
    s->k->gemm_pack(&forward);
    if (!s->want_input_gradient) return;
    gemm_pack_args backward = {.b = w,
                               .rows = units,
                               .cols = inputs,
                               .row_stride = 1,
                               .col_stride = s->out_length,
                               .panel_lo = b.lo,
                               .panel_hi = b.hi,
                               .panels = transposed};
    s->k->gemm_pack(&backward);
}

/* C [samples, cols] = act(A [samples, length] B + bias): this part's share of the blocks, panel after panel; whole panels
 * go together. */
typedef struct product_args {
    const float *a, *b, *bias;
    size_t b_row_stride; /* 0: packed */
    int samples, length, cols;
    activation act;
    float slope; /* of leaky ReLU */
    float *c;
} product_args;

/* The activations that the products do not compute themselves: on rows x n floats of C from `c` on. */
static void activate(const stage *s, const product_args *p, int rows, int n, float *c)
{
    activation act = activation_after(p->act);
    for (int i = 0; act != ACTIVATION_NONE && i < rows; i++)
        s->k->activate(act, p->slope, (size_t)n, c + (size_t)i * (size_t)p->cols);
}

static void multiply_own(const stage *s, const product_args *p, int part, int parts)
{
    int blocks = (p->samples + BLOCK_ROWS - 1) / BLOCK_ROWS;
    range share = range_share(kernels_panels(s->k, p->cols) * blocks, part, parts);
    for (int at = share.lo; at < share.hi;) {
        int panel = at / blocks, first = at % blocks, whole = (share.hi - at) / blocks;
        int last = share.hi - panel * blocks < blocks ? share.hi - panel * blocks : blocks;
        int panels = first == 0 && whole > 1 ? whole : 1;
        int row = first * BLOCK_ROWS;
        int rows = (last * BLOCK_ROWS < p->samples ? last * BLOCK_ROWS : p->samples) - row;
        gemm_rows a = {.a = p->a + (size_t)row * (size_t)p->length,
                       .outer = 1,
                       .rows = rows,
                       .segments = 1,
                       .length = p->length,
                       .row_stride = (size_t)p->length};
        gemm_nn_args g = {.rows = a,
                          .panels = p->b,
                          .cols = p->cols,
                          .panel_lo = panel,
                          .panel_hi = panel + panels,
                          .bias = p->bias,
                          .act = activation_fused(p->act),
                          .c = p->c + (size_t)row * (size_t)p->cols,
                          .c_row_stride = (size_t)p->cols,
                          .b_row_stride = p->b_row_stride};
        s->k->gemm_nn(&g);
        int col = panel * s->k->panel, n = panels * s->k->panel;
        activate(s, p, rows, p->cols - col < n ? p->cols - col : n, g.c + col);
        at += (panels - 1) * blocks + last - first;
    }
}

static void multiply_blis(const stage *s, const product_args *p, int part, int parts)
{
    range share = range_share(p->samples, part, parts);
    gemm_rows a = {.a = p->a + (size_t)share.lo * (size_t)p->length,
                   .outer = 1,
                   .rows = share.hi - share.lo,
                   .segments = 1,
                   .length = p->length,
                   .row_stride = (size_t)p->length};
    gemm_blis_args g = {.rows = a,
                        .b = p->b,
                        .cols = p->cols,
                        .bias = p->bias,
                        .act = activation_fused(p->act),
                        .c = p->c + (size_t)share.lo * (size_t)p->cols,
                        .c_row_stride = (size_t)p->cols};
    if (a.rows == 0) return;
    gemm_blis_nn(&g);
    activate(s, p, a.rows, p->cols, g.c);
}

static void multiply(const stage *s, const product_args *p, int part, int parts)
{
    if (s->engine == GEMM_BLIS)
        multiply_blis(s, p, part, parts);
    else
        multiply_own(s, p, part, parts);
}

static void dense_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    const layer_tensor *t = s->layer->tensor;
    int plain = s->engine == GEMM_BLIS || in_place(s);
    product_args p = {.a = io->x,
                      .b = plain ? io->parameters + t[0].at.offset : io->packed,
                      .b_row_stride = in_place(s) ? s->out_length : 0,
                      .bias = io->parameters + t[1].at.offset,
                      .samples = samples,
                      .length = (int)s->in_length,
                      .cols = (int)s->out_length,
                      .act = s->layer->cfg.act,
                      .slope = (float)s->layer->cfg.slope,
                      .c = io->y};
    multiply(s, &p, part, parts);
}

/* db of the columns [col, col + n) of one packed panel: leaf sums through the stack machine. */
static void bias_tree(const stage *s, const float *panel, int samples, const stage_tree *tree,
                      int col, int n)
{
    _Alignas(64) float level[TREE_MAX_NODES][64];
    int width = s->k->panel, top = 0;
    CHECK(width <= 64, "panel of %d", width);
    for (int leaf = 0; leaf < tree->plan.items; leaf++) {
        int first = leaf * tree->grain;
        int rows = samples - first < tree->grain ? samples - first : tree->grain;
        s->k->column_sums(rows, width, panel + (size_t)first * (size_t)width, GEMM_OVERWRITE,
                          level[top++]);
        for (int m = 0; m < tree->merges[leaf]; m++, top--)
            for (int c = 0; c < width; c++)
                level[top - 2][c] = level[top - 2][c] + level[top - 1][c];
    }
    for (int r = 0; r < tree->plan.results; r++)
        memcpy(tree->results[r] + s->layer->tensor[1].at.offset + col, level[r],
               (size_t)n * sizeof(float));
}

/* For this part's panels: dy through the activation, in place; dy packed; the bias' gradient. */
static void gradient_panels(const stage *s, const stage_io *io, int samples, const stage_tree *tree,
                            int part, int parts)
{
    int units = (int)s->out_length, width = s->k->panel;
    activation act = s->layer->cfg.act;
    range share = range_share(kernels_panels(s->k, units), part, parts);
    int held = io->joint.samples ? io->joint.samples : samples; /* rows of a panel */
    for (int p = share.lo; p < share.hi; p++) {
        int col = p * width, n = units - col < width ? units - col : width;
        float *panel = io->shared +
                       ((size_t)p * (size_t)held + (size_t)io->joint.first) * (size_t)width;
        if (act != ACTIVATION_NONE)
            for (int i = 0; i < samples; i++) {
                size_t at = (size_t)i * s->out_length + (size_t)col;
                s->k->activation_backward(act, (float)s->layer->cfg.slope, (size_t)n, io->dy + at,
                                          io->y + at, io->dy + at);
            }
        gemm_pack_args pack = {.b = io->dy,
                               .rows = samples,
                               .cols = units,
                               .row_stride = s->out_length,
                               .col_stride = 1,
                               .panel_lo = p,
                               .panel_hi = p + 1,
                               .panels = panel - (size_t)p * (size_t)samples * (size_t)width};
        s->k->gemm_pack_tn(&pack);
        bias_tree(s, panel, samples, tree, col, n);
        s->k->gemm_operand(panel, (size_t)samples * (size_t)width);
    }
}

/* Rows of dW, or this part's share of them. */
static void kernel_gradient(const stage *s, const stage_io *io, int samples, range rows,
                            const stage_tree *tree, int part, int parts)
{
    gemm_rows x = {.a = io->x + rows.lo,
                   .outer = 1,
                   .rows = samples,
                   .segments = 1,
                   .length = rows.hi - rows.lo,
                   .row_stride = s->in_length};
    gemm_tree_args dw = {.rows = x,
                         .panels = io->shared,
                         .cols = (int)s->out_length,
                         .grain = tree->grain,
                         .plan = tree->plan,
                         .merges = tree->merges,
                         .results = tree->results,
                         .part = part,
                         .parts = parts};
    s->k->gemm_tn_tree(&dw);
}

static void dense_kernel_rows(const stage *s, const stage_io *io, range rows,
                              const stage_tree *tree)
{
    kernel_gradient(s, io, io->joint.samples, rows, tree, 0, 1);
}

static void dense_backward_tile(const stage *s, const stage_io *io, int samples,
                                const stage_tree *tree, int part, int parts)
{
    gradient_panels(s, io, samples, tree, part, parts);
    team_barrier();
    if (io->dx) {
        product_args dx = {.a = io->dy,
                           .b = io->packed + packed_forward(s),
                           .samples = samples,
                           .length = (int)s->out_length,
                           .cols = (int)s->in_length,
                           .c = io->dx};
        multiply(s, &dx, part, parts);
    }
    if (io->joint.samples) return;
    float *kernel[TREE_MAX_NODES];
    for (int r = 0; r < tree->plan.results; r++)
        kernel[r] = tree->results[r] + s->layer->tensor[0].at.offset;
    stage_tree of_kernel = {
        .grain = tree->grain, .plan = tree->plan, .merges = tree->merges, .results = kernel};
    kernel_gradient(s, io, samples, (range){0, (int)s->in_length}, &of_kernel, part, parts);
}

static const stage_type stage_dense = {
    .name = "dense",
    .split = STAGE_BY_OUTPUT,
    .plan = stage_dense_plan,
    .prepare = dense_prepare,
    .forward = dense_forward,
    .backward_tile = dense_backward_tile,
    .kernel_rows = dense_kernel_rows,
};

static const layer_operand operands[] = {OPERAND_UNITS, OPERAND_ACT, OPERANDS_END};

static const keras_field keras[] = {
    KERAS_FIELD("units", KERAS_WHOLE, units),
    KERAS_ACT,
    KERAS_END,
};

const layer_type layer_dense = {
    .word = "dense",
    .operands = operands,
    .input = INPUT_VECTOR,
    .plan = dense_plan,
    .stages = (const stage_type *const[]){&stage_dense, NULL},
    .keras_class = "Dense",
    .keras_stem = "dense",
    .keras = keras,
};
