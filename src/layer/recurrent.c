/* layer/recurrent.c - the general stage of the recurrent layers (recurrent_kinds.c), over all time steps.
 *
 *   [T,D], or an image [H,W,C] as T = H, D = W C, -> [U], or [T,U] with `sequence`
 *   kernel [D,GU], recurrent_kernel [U,GU], bias [GU] (gru: [2,GU], of the input and of the state)
 *   columns of the gates in Keras' order: lstm i f g o, gru z r n; the equations of a step are in kernel/kernels.h
 *
 *   forward    products of a step = [x_t | h_{t-1}] [W; U] + b          [rows, D+U] [D+U, GU], h_{-1} = 0
 *              gru keeps x_t W + b_0 and h_{t-1} U + b_1 apart: its candidate multiplies the second by a gate
 *   backward   through time, exactly: from the last step on, the gates' gradients g_t, then
 *              dh_{t-1} = g_t U',  dx_t = g_t W'
 *              dW = sum x_t' g_t,  dU = sum h_{t-1}' g_t,  db = sum g_t     (gru: dU and db_1 of the state's gradients)
 *   gru reset_before has two products of the state, h_{t-1} U for z and r, then (r h_{t-1}) U for the candidate. Both are
 *   computed for all columns, those that are not used as well; in backward their gradients are 0. Its bias is [GU].
 *   backwards: time t reads the input's step T - 1 - t; the outputs keep the order in which they are computed, as in Keras.
 *
 * A leaf's sums run over its positions (step, sample): time first, then sample. All that backward needs is kept from
 * forward, in `saved`, step by step; the gates' gradients overwrite the gates. */
#include <string.h>

#include "kernel/gemm_blis.h"
#include "layer/recurrent_internal.h"

/* Rows of z times rows [first, first + length) of [W; U], plus bias, into gates at c. */
typedef struct gate_product {
    const float *a; /* at column `first` of the row's [x | h], or other values in its place */
    size_t row_stride;
    int rows, first, length;
    const float *packed, *bias; /* bias NULL: none */
    float *c;
} gate_product;

static void multiply_own(const stage *s, const geometry *g, const workspace *w,
                         const gate_product *m)
{
    size_t width = (size_t)g->width, panel_length = (size_t)(g->terms + g->units) * width;
    size_t first = (size_t)m->first * (size_t)s->k->packed_row;
    gemm_rows a = {.a = m->a,
                   .outer = 1,
                   .rows = m->rows,
                   .segments = 1,
                   .length = m->length,
                   .row_stride = m->row_stride};
    for (int p = 0; p < g->panels; p++) {
        gemm_nn_args n = {.rows = a,
                          .panels = m->packed + (size_t)p * panel_length + first,
                          .cols = g->cols - p * g->width,
                          .panel_lo = 0,
                          .panel_hi = 1,
                          .bias = m->bias ? m->bias + p * g->width : NULL,
                          .c = m->c + (size_t)p * w->panel_stride,
                          .c_row_stride = width};
        s->k->gemm_nn(&n);
    }
}

/* At most the leaf's rows at a time, for which there is room; rows without gaps go to their panels afterwards. */
static void multiply_blis(const geometry *g, const workspace *w, const gate_product *m)
{
    for (int done = 0; done < m->rows; done += w->rows) {
        gemm_rows a = {.a = m->a + (size_t)done * m->row_stride,
                       .outer = 1,
                       .rows = w->rows,
                       .segments = 1,
                       .length = m->length,
                       .row_stride = m->row_stride};
        gemm_blis_args b = {.rows = a,
                            .b = m->packed + (size_t)m->first * (size_t)g->cols,
                            .cols = g->cols,
                            .bias = m->bias,
                            .c = w->products,
                            .c_row_stride = (size_t)g->cols,
                            .scratch = w->patches};
        gemm_blis_nn(&b);
        for (int p = 0; p < g->panels; p++)
            for (int i = 0; i < w->rows; i++) {
                int col = p * g->width, n = g->cols - col < g->width ? g->cols - col : g->width;
                memcpy(m->c + (size_t)p * w->panel_stride + (size_t)(done + i) * (size_t)g->width,
                       w->products + (size_t)i * (size_t)g->cols + col, (size_t)n * sizeof(float));
            }
    }
}

static void multiply_gates(const stage *s, const geometry *g, const workspace *w,
                           const gate_product *m)
{
    if (s->engine == GEMM_BLIS)
        multiply_blis(g, w, m);
    else
        multiply_own(s, g, w, m);
}

/* c [rows, n] = gates' gradients of one step (from `gates` on) times a transposed kernel b [depth, n]. */
typedef struct back_product {
    const float *gates, *b;
    int n;
    float *c;
    size_t c_row_stride;
} back_product;

static void multiply_back(const stage *s, const geometry *g, const workspace *w,
                          const back_product *m)
{
    gemm_rows a = {.a = m->gates,
                   .outer = 1,
                   .rows = w->rows,
                   .segments = g->panels,
                   .length = g->width,
                   .row_stride = (size_t)g->width,
                   .segment_stride = w->panel_stride};
    if (s->engine == GEMM_BLIS) {
        gemm_blis_args b = {.rows = a,
                            .b = m->b,
                            .cols = m->n,
                            .c = m->c,
                            .c_row_stride = m->c_row_stride,
                            .scratch = w->patches};
        gemm_blis_nn(&b);
        return;
    }
    gemm_nn_args n = {.rows = a,
                      .panels = m->b,
                      .cols = m->n,
                      .panel_lo = 0,
                      .panel_hi = kernels_panels(s->k, m->n),
                      .c = m->c,
                      .c_row_stride = m->c_row_stride};
    s->k->gemm_nn(&n);
}

/* h_{t-1} of the leaf's first sample. */
static float *state_at(const geometry *g, const workspace *w, int t)
{
    return w->z + (size_t)t * (size_t)w->rows * g->row + (size_t)(g->lead + g->terms);
}

static time_step_args step_at(const stage *s, const geometry *g, const workspace *w, int t)
{
    const layer_cfg *c = &s->layer->cfg;
    size_t first = (size_t)t * (size_t)w->rows;
    size_t before = first * (size_t)g->units, after = before + (size_t)w->rows * (size_t)g->units;
    time_step_args step = {.rows = w->rows,
                           .units = g->units,
                           .panel_stride = w->panel_stride,
                           .gates = w->gates + first * (size_t)g->width,
                           .state_act = c->state_act,
                           .gate_act = c->gate_act,
                           .h_before = state_at(g, w, t),
                           .h = state_at(g, w, t + 1),
                           .h_stride = g->row,
                           .dh = w->dh,
                           .carry = w->carry};
    if (g->cell->splits_state) step.state_gates = w->state_gates + first * (size_t)g->width;
    if (g->cell->resets_first) {
        step.candidate = w->candidate + first * (size_t)g->width;
        step.reset = w->reset + before;
        step.dreset = w->dh;
    }
    if (g->cell->has_memory) {
        step.cell_before = w->memory + before;
        step.cell = w->memory + after;
    }
    return step;
}

/* x of all steps, samples innermost; h_{-1} = 0, c_{-1} = 0. */
static void load_leaf(const layer *l, const geometry *g, const workspace *w, const float *x)
{
    size_t inputs = (size_t)g->inputs, rows = (size_t)w->rows;
    for (int t = 0; t < g->steps; t++)
        for (size_t i = 0; i < rows; i++) {
            float *z = w->z + ((size_t)t * rows + i) * g->row + g->lead;
            memcpy(z, x + (i * (size_t)g->steps + (size_t)recurrent_step_read(l, t)) * inputs,
                   inputs * sizeof(float));
            memset(z + inputs, 0, (size_t)(g->terms - g->inputs) * sizeof(float));
        }
    for (size_t i = 0; i < rows; i++)
        memset(state_at(g, w, 0) + i * g->row, 0, (size_t)g->units * sizeof(float));
    if (g->cell->has_memory) memset(w->memory, 0, rows * (size_t)g->units * sizeof(float));
}

static void products_of_step(const stage *s, const geometry *g, const workspace *w,
                             const stage_io *io, int t)
{
    const float *bias = io->parameters + s->layer->tensor[2].at.offset;
    size_t first = (size_t)t * (size_t)w->rows;
    gate_product m = {.a = w->z + first * g->row + g->lead,
                      .row_stride = g->row,
                      .rows = w->rows,
                      .length = g->terms + g->units,
                      .packed = io->packed,
                      .bias = bias,
                      .c = w->gates + first * (size_t)g->width};
    if (g->cell->splits_state) {
        m.a += g->terms;
        m.first = g->terms;
        m.length = g->units;
        m.bias = g->cell->resets_first ? NULL : bias + g->cols;
        m.c = w->state_gates + first * (size_t)g->width;
    } else if (t == 0) {
        m.length = g->terms; /* there is no state yet */
    }
    multiply_gates(s, g, w, &m);
}

/* The second part of a step whose candidate has an input of its own. */
static void forward_candidate(const stage *s, const geometry *g, const workspace *w,
                              const stage_io *io, const time_step_args *step)
{
    gate_product m = {.a = step->reset,
                      .row_stride = (size_t)g->units,
                      .rows = w->rows,
                      .first = g->terms,
                      .length = g->units,
                      .packed = io->packed,
                      .c = step->candidate};
    multiply_gates(s, g, w, &m);
    g->cell->forward_2(s->k, step);
}

static void recurrent_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    geometry g = recurrent_measure(s);
    workspace w = recurrent_divide(s, &g, (float *)(void *)io->saved, samples);
    size_t units = (size_t)g.units;
    load_leaf(s->layer, &g, &w, io->x);
    if (g.cell->splits_state) { /* the products of the input need no state */
        gate_product m = {.a = w.z + g.lead,
                          .row_stride = g.row,
                          .rows = g.steps * samples,
                          .length = g.terms,
                          .packed = io->packed,
                          .bias = io->parameters + s->layer->tensor[2].at.offset,
                          .c = w.gates};
        multiply_gates(s, &g, &w, &m);
    }
    for (int t = 0; t < g.steps; t++) {
        time_step_args step = step_at(s, &g, &w, t);
        products_of_step(s, &g, &w, io, t);
        g.cell->forward(s->k, &step);
        if (g.cell->resets_first) forward_candidate(s, &g, &w, io, &step);
        int all = s->layer->cfg.returns == RETURNS_SEQUENCE;
        if (!all && t + 1 < g.steps) continue;
        for (int i = 0; i < samples; i++)
            memcpy(io->y + (size_t)i * s->out_length + (all ? (size_t)t * units : 0),
                   step.h + (size_t)i * g.row, units * sizeof(float));
    }
}

/* Zeros in the columns after GU: the products multiply them with the zeros of the transposed kernels. */
static void clear_rest(const geometry *g, const workspace *w, float *gates)
{
    size_t width = (size_t)g->width, missing = (size_t)(g->depth - g->cols);
    float *last = gates + (size_t)(g->panels - 1) * w->panel_stride + (width - missing);
    for (int i = 0; missing > 0 && i < g->steps * w->rows; i++, last += width)
        memset(last, 0, missing * sizeof(float));
}

/* Gradients of all steps' gates, and of the input. */
static void through_time(const stage *s, const geometry *g, const workspace *w, const stage_io *io)
{
    packed_parts at = recurrent_packed_lengths(s, g);
    int all = s->layer->cfg.returns == RETURNS_SEQUENCE;
    size_t units = (size_t)g->units, inputs = (size_t)g->inputs;
    memset(w->dh, 0, (size_t)w->rows * units * sizeof(float));
    memset(w->carry, 0, (size_t)w->rows * units * sizeof(float));
    for (int t = g->steps; t-- > 0;) {
        time_step_args step = step_at(s, g, w, t);
        step.dy = all ? io->dy + (size_t)t * units : t + 1 == g->steps ? io->dy : NULL;
        step.dy_stride = s->out_length;
        g->cell->backward(s->k, &step);
        back_product state = {
            .b = io->packed + at.forward, .n = g->units, .c = w->dh, .c_row_stride = units};
        if (g->cell->resets_first) {
            state.gates = step.candidate;
            multiply_back(s, g, w, &state);
            g->cell->backward_2(s->k, &step);
        }
        state.gates = g->cell->splits_state ? step.state_gates : step.gates;
        if (t > 0) multiply_back(s, g, w, &state);
        back_product input = {.gates = step.gates,
                              .b = io->packed + at.forward + at.state,
                              .n = g->inputs,
                              .c_row_stride = s->in_length};
        if (!io->dx) continue;
        input.c = io->dx + (size_t)recurrent_step_read(s->layer, t) * inputs;
        multiply_back(s, g, w, &input);
    }
}

/* sums [GU] of the gates' gradients over all positions. */
static void bias_gradient(const stage *s, const geometry *g, const workspace *w, const float *gates,
                          float *sums)
{
    _Alignas(64) float panel[64];
    CHECK(g->width <= 64, "panel of %d", g->width);
    for (int p = 0; p < g->panels; p++) {
        int col = p * g->width, n = g->cols - col < g->width ? g->cols - col : g->width;
        s->k->column_sums(g->steps * w->rows, g->width, gates + (size_t)p * w->panel_stride,
                          GEMM_OVERWRITE, panel);
        memcpy(sums + col, panel, (size_t)n * sizeof(float));
    }
}

static void recurrent_backward_leaf(const stage *s, const stage_io *io, int samples,
                                    float *gradient)
{
    geometry g = recurrent_measure(s);
    workspace w = recurrent_divide(s, &g, (float *)(void *)io->saved, samples);
    float *du = gradient + stage_gradient_offset(s, 1);
    float *db = gradient + stage_gradient_offset(s, 2);
    const float *state_gates = g.cell->splits_state ? w.state_gates : w.gates;
    clear_rest(&g, &w, w.gates);
    if (g.cell->splits_state) clear_rest(&g, &w, w.state_gates);
    if (g.cell->resets_first) clear_rest(&g, &w, w.candidate);
    through_time(s, &g, &w, io);
    bias_gradient(s, &g, &w, w.gates, db);
    if (g.cell->splits_state && !g.cell->resets_first)
        bias_gradient(s, &g, &w, w.state_gates, db + g.cols);
    size_t gates = (size_t)g.panels * w.panel_stride;
    s->k->gemm_operand(w.gates, gates);
    if (g.cell->splits_state) s->k->gemm_operand(w.state_gates, gates);
    if (g.cell->resets_first) s->k->gemm_operand(w.candidate, gates);
    gemm_tn_args dw = {.rows = {.a = w.z + g.lead,
                                .outer = 1,
                                .rows = g.steps * samples,
                                .segments = 1,
                                .length = g.inputs,
                                .row_stride = g.row},
                       .panels = w.gates,
                       .cols = g.cols,
                       .store = GEMM_OVERWRITE,
                       .c = gradient};
    s->k->gemm_tn(&dw);
    gemm_tn_args of_state = dw, of_candidate = dw;
    of_state.rows.a += g.terms;
    of_state.rows.length = of_candidate.rows.length = g.units;
    of_state.c = of_candidate.c = du;
    of_state.panels = state_gates;
    s->k->gemm_tn(&of_state);
    of_candidate.rows.a = w.reset;
    of_candidate.rows.row_stride = (size_t)g.units;
    of_candidate.panels = w.candidate;
    of_candidate.store = GEMM_ACCUMULATE;
    if (g.cell->resets_first) s->k->gemm_tn(&of_candidate);
}

const stage_type stage_recurrent = {
    .name = "recurrent",
    .split = STAGE_BY_SAMPLE,
    .plan = recurrent_plan,
    .prepare = recurrent_prepare,
    .forward = recurrent_forward,
    .backward_leaf = recurrent_backward_leaf,
};
