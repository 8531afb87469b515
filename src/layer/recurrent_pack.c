/* layer/recurrent_pack.c - sizes of a recurrent stage, and its parameters as the products want them. */
#include "layer/recurrent_internal.h"

#include <string.h>

#include "kernel/bf16.h"

geometry recurrent_measure(const stage *s)
{
    const layer *l = s->layer;
    geometry g = {.cell = recurrent_cell_of(l),
                  .steps = l->in.dim[0],
                  .inputs = l->tensor[0].shape.dim[0],
                  .units = l->cfg.units,
                  .cols = l->tensor[0].shape.dim[1],
                  .width = s->k->panel};
    g.panels = kernels_panels(s->k, g.cols);
    g.depth = g.panels * g.width;
    g.terms = g.inputs;
    if (s->k->precision == PRECISION_BF16)
        g.terms = (g.inputs + BF16_BLOCK - 1) / BF16_BLOCK * BF16_BLOCK;
    size_t state_at = slab_round_up((size_t)g.terms);
    g.lead = (int)state_at - g.terms;
    g.row = state_at + slab_round_up((size_t)g.units);
    return g;
}

/* The next floats of the workspace, for each row; NULL if there are none, or if saved is NULL: only lengths are asked for. */
static float *cut(workspace *w, float *saved, size_t floats)
{
    size_t at = w->length;
    w->length += (size_t)w->rows * slab_round_up(floats);
    return saved && floats ? saved + at : NULL;
}

workspace recurrent_divide(const stage *s, const geometry *g, float *saved, int rows)
{
    workspace w = {.rows = rows, .panel_stride = (size_t)(g->steps * rows) * (size_t)g->width};
    size_t steps = (size_t)g->steps, units = (size_t)g->units;
    size_t widest = (size_t)(g->inputs + g->units > g->depth ? g->inputs + g->units : g->depth);
    int blis = s->engine == GEMM_BLIS;
    w.z = cut(&w, saved, (steps + 1) * g->row);
    w.gates = cut(&w, saved, steps * (size_t)g->depth);
    w.state_gates = cut(&w, saved, g->cell->splits_state ? steps * (size_t)g->depth : 0);
    w.candidate = cut(&w, saved, g->cell->resets_first ? steps * (size_t)g->depth : 0);
    w.reset = cut(&w, saved, g->cell->resets_first ? steps * units : 0);
    w.memory = cut(&w, saved, g->cell->has_memory ? (steps + 1) * units : 0);
    w.dh = cut(&w, saved, units);
    w.carry = cut(&w, saved, units);
    w.patches = cut(&w, saved, blis ? widest : 0);
    w.products = cut(&w, saved, blis ? (size_t)g->cols : 0);
    return w;
}

packed_parts recurrent_packed_lengths(const stage *s, const geometry *g)
{
    size_t depth = (size_t)g->depth, width = (size_t)g->width;
    size_t units = (size_t)kernels_panels(s->k, g->units) * width,
           inputs = (size_t)kernels_panels(s->k, g->inputs) * width;
    return (packed_parts){(size_t)(g->terms + g->units) * depth, depth * units,
                          s->want_input_gradient ? depth * inputs : 0};
}

void recurrent_plan(stage *s)
{
    geometry g = recurrent_measure(s);
    packed_parts p = recurrent_packed_lengths(s, &g);
    s->packed_length = p.forward + p.state + p.input;
    s->saved_bytes = recurrent_divide(s, &g, NULL, 1).length * sizeof(float);
}

/* Panels [share.lo, share.hi) of [W; U]; zeros between the two. */
static void pack_forward(const stage *s, const geometry *g, const float *parameters, float *out,
                         range share)
{
    const layer_tensor *t = s->layer->tensor;
    for (int p = share.lo; p < share.hi; p++) {
        size_t col = (size_t)p * (size_t)g->width;
        float *panel = out + col * (size_t)(g->terms + g->units);
        gemm_pack_args a = {.b = parameters + t[0].at.offset + col,
                            .rows = g->inputs,
                            .cols = g->cols - (int)col,
                            .row_stride = (size_t)g->cols,
                            .col_stride = 1,
                            .panel_lo = 0,
                            .panel_hi = 1,
                            .panels = panel};
        s->k->gemm_pack_tn(&a);
        memset(panel + g->inputs * g->width, 0,
               (size_t)((g->terms - g->inputs) * g->width) * sizeof *panel);
        a.b = parameters + t[1].at.offset + col;
        a.rows = g->units;
        a.panels = panel + g->terms * g->width;
        s->k->gemm_pack_tn(&a);
        s->k->gemm_panel(g->terms + g->units, panel);
    }
}

/* Panels [share.lo, share.hi) of the transpose of w [n, GU], with `depth` rows. */
static void pack_transposed(const stage *s, const geometry *g, const float *w, int n, float *out,
                            range share)
{
    size_t width = (size_t)g->width, cols = (size_t)g->cols, depth = (size_t)g->depth;
    for (int p = share.lo; p < share.hi; p++) {
        float *panel = out + (size_t)p * depth * width;
        gemm_pack_args a = {.b = w + (size_t)p * width * cols,
                            .rows = g->cols,
                            .cols = n - p * g->width,
                            .row_stride = 1,
                            .col_stride = cols,
                            .panel_lo = 0,
                            .panel_hi = 1,
                            .panels = panel};
        s->k->gemm_pack_tn(&a);
        memset(panel + cols * width, 0, (depth - cols) * width * sizeof(float));
        s->k->gemm_panel(g->depth, panel);
    }
}

static void transpose(const geometry *g, const float *w, int n, float *out)
{
    memset(out, 0, (size_t)g->depth * (size_t)n * sizeof(float));
    for (int i = 0; i < n; i++)
        for (int c = 0; c < g->cols; c++)
            out[(size_t)c * (size_t)n + (size_t)i] = w[(size_t)i * (size_t)g->cols + (size_t)c];
}

static void prepare_blis(const stage *s, const geometry *g, const float *parameters, float *packed)
{
    packed_parts at = recurrent_packed_lengths(s, g);
    const layer_tensor *t = s->layer->tensor;
    const float *w = parameters + t[0].at.offset, *u = parameters + t[1].at.offset;
    memcpy(packed, w, t[0].at.length * sizeof(float));
    memcpy(packed + t[0].at.length, u, t[1].at.length * sizeof(float));
    transpose(g, u, g->units, packed + at.forward);
    if (at.input) transpose(g, w, g->inputs, packed + at.forward + at.state);
}

void recurrent_prepare(const stage *s, const float *parameters, float *packed, int part, int parts)
{
    geometry g = recurrent_measure(s);
    packed_parts at = recurrent_packed_lengths(s, &g);
    const layer_tensor *t = s->layer->tensor;
    if (s->engine == GEMM_BLIS) {
        if (part == 0) prepare_blis(s, &g, parameters, packed);
        return;
    }
    range forward = {0, g.panels}, state = {0, kernels_panels(s->k, g.units)},
          input = {0, kernels_panels(s->k, g.inputs)};
    pack_forward(s, &g, parameters, packed, range_part(forward, part, parts));
    /* Shares in reverse order: the part with the larger share above gets the smaller one here. */
    pack_transposed(s, &g, parameters + t[1].at.offset, g.units, packed + at.forward,
                    range_part(state, parts - 1 - part, parts));
    if (at.input)
        pack_transposed(s, &g, parameters + t[0].at.offset, g.inputs,
                        packed + at.forward + at.state, range_part(input, part, parts));
}
