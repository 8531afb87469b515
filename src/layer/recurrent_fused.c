/* layer/recurrent_fused.c - simple_rnn and lstm that give their last state, with their usual activations: product and gates of
 *                           a step in one kernel.
 *
 * Equations as in recurrent.c. Until a sample's first row with ink (an input that is not 0), its state depends on the
 * parameters alone: all samples of the leaf that have not begun share one row, whose input is 0.
 *
 *   rows     samples in the order in which they begin, those that begin together in the leaf's order. Step t has the samples
 *            that begin at step t or before and, where these are not all, the shared row after them
 *   forward  samples that begin at t + 1 take the shared row's state; at T all that are left
 *   backward their gradients of state and cell are added to the shared row's, row by row
 *
 * A sample's results are the bits that it would have alone. A leaf's sums run over its positions (step, row); the bias'
 * gradient from the last step to the first, row by row. x has columns of ink, per step; the others are left out. */
#include <string.h>

#include "kernel/bf16.h"
#include "layer/recurrent_internal.h"

/* Two vectors of the widest instruction set, so that all of them choose alike. */
enum { UNITS_STEP = 32 };

/* Sizes, and what a leaf keeps. */
typedef struct fused_leaf {
    const recurrent_cell *cell;
    const layer *layer;
    int steps, inputs, units, cols, samples; /* T, D, U, GU */
    int lead;                                /* floats before x, so that h starts on 64 bytes     */
    size_t row, panel_stride; /* floats of a row [lead | x | h]; of a panel of gates */
    int *begins;              /* [samples] first step with ink, T without          */
    int *order;               /* [samples] the sample of each row                  */
    int *begun;               /* [T+1] samples that have begun, at T all           */
    int *first;               /* [T+1] number of the step's first row              */
    int *ink_lo, *ink_hi;     /* [T] columns of x                                  */
    float *z;                 /* [T+1, rows, lead + D + U] x_t and h_{t-1}         */
    float *gates;             /* [panels, T rows, width]                           */
    float *memory;            /* [T+1, rows, U] c_{t-1}; empty if the cell has none */
    float *memory_tanh;       /* [T, rows, U] tanh(c_t); likewise                  */
    float *carry;             /* [rows, U]; likewise                               */
    float *dh;                /* [rows, U]                                         */
} fused_leaf;

static int fused_takes(const stage *s, const layer *next)
{
    const layer *l = s->layer;
    (void)next;
    const layer_cfg *c = &l->cfg;
    const recurrent_cell *cell = recurrent_cell_of(l);
    int usual = c->state_act == ACTIVATION_TANH &&
                (cell->gates == 1 || c->gate_act == ACTIVATION_SIGMOID);
    int columns = (l->tensor[0].shape.dim[0] + BF16_BLOCK - 1) / BF16_BLOCK * BF16_BLOCK + c->units;
    int fits = s->k->precision == PRECISION_FP32 || columns <= RECURRENT_BF16_COLUMNS;
    return cell->fused && usual && fits && s->engine == GEMM_OWN && c->units % UNITS_STEP == 0 &&
           c->returns == RETURNS_LAST && !s->want_input_gradient;
}

static fused_leaf measure(const stage *s)
{
    const layer *l = s->layer;
    fused_leaf f = {.cell = recurrent_cell_of(l),
                    .layer = l,
                    .steps = l->in.dim[0],
                    .inputs = l->tensor[0].shape.dim[0],
                    .units = l->cfg.units,
                    .cols = l->tensor[0].shape.dim[1]};
    size_t x_end = slab_round_up((size_t)f.inputs);
    f.lead = (int)x_end - f.inputs;
    f.row = x_end + (size_t)f.units;
    return f;
}

/* Where the parts of what a leaf keeps begin, in floats. */
typedef struct fused_layout {
    size_t z, gates, memory, memory_tanh, dh, carry, begins, length;
} fused_layout;

/* The begin of `floats` floats for each sample. */
static size_t cut(fused_layout *at, size_t samples, size_t floats)
{
    size_t first = at->length;
    at->length += samples * slab_round_up(floats);
    return first;
}

static fused_layout lay_out(const fused_leaf *f, size_t samples)
{
    size_t steps = (size_t)f->steps, units = (size_t)f->units;
    size_t memory_units = f->cell->has_memory ? units : 0;
    fused_layout at = {0};
    at.z = cut(&at, samples, (steps + 1) * f->row);
    at.gates = cut(&at, samples, (steps + 2) * (size_t)f->cols);
    at.memory = cut(&at, samples, (steps + 1) * memory_units);
    at.memory_tanh = cut(&at, samples, steps * memory_units);
    at.dh = cut(&at, samples, units);
    at.carry = cut(&at, samples, memory_units);
    at.begins = cut(&at, samples, 2 + 4 * (steps + 1));
    return at;
}

static fused_leaf divide(const stage *s, float *saved, int samples)
{
    fused_leaf f = measure(s);
    size_t n = (size_t)samples, steps = (size_t)f.steps;
    fused_layout at = lay_out(&f, n);
    f.samples = samples;
    /* two rows more, so that panels do not lie 4 KiB apart, where they would share a few lines of the cache */
    f.panel_stride = (steps * n + 2) * (size_t)s->k->panel;
    f.z = saved + at.z;
    f.gates = saved + at.gates;
    f.memory = saved + at.memory;
    f.memory_tanh = saved + at.memory_tanh;
    f.dh = saved + at.dh;
    f.carry = saved + at.carry;
    f.begins = (int *)(void *)(saved + at.begins);
    f.order = f.begins + n;
    f.begun = f.order + n;
    f.first = f.begun + (steps + 1);
    f.ink_lo = f.first + (steps + 1);
    f.ink_hi = f.ink_lo + (steps + 1);
    return f;
}

/* Floats of [b; W; U]; U' as panels follows it in the packed form. */
static size_t forward_length(const fused_leaf *f)
{
    return (size_t)(1 + f->inputs + f->units) * (size_t)f->cols;
}

static void fused_plan(stage *s)
{
    fused_leaf f = measure(s);
    s->packed_length = forward_length(&f) + (size_t)f.units * (size_t)f.cols;
    s->saved_bytes = lay_out(&f, 1).length * sizeof(float);
}

static void fused_prepare(const stage *s, const float *parameters, float *packed, int part,
                          int parts)
{
    fused_leaf f = measure(s);
    const layer_tensor *t = s->layer->tensor;
    /* four gates of a vector of units, or a plain panel */
    int forward_panel = f.cell->gates == 4 ? 4 * s->k->vector_floats : s->k->panel;
    range forward = range_share(f.cols / forward_panel, part, parts),
          back = range_share(f.units / s->k->panel, parts - 1 - part, parts);
    recurrent_pack_args w = {.kernel = parameters + t[0].at.offset,
                             .recurrent = parameters + t[1].at.offset,
                             .bias = parameters + t[2].at.offset,
                             .inputs = f.inputs,
                             .units = f.units,
                             .gates = f.cell->gates,
                             .panel_lo = forward.lo,
                             .panel_hi = forward.hi,
                             .packed = packed};
    s->k->recurrent_fused_pack(&w);
    gemm_pack_args u = {.b = parameters + t[1].at.offset,
                        .rows = f.cols,
                        .cols = f.units,
                        .row_stride = 1,
                        .col_stride = (size_t)f.cols,
                        .panel_lo = back.lo,
                        .panel_hi = back.hi,
                        .panels = packed + forward_length(&f)};
    s->k->gemm_pack(&u);
}

/* 1 if the n inputs are 0. */
static int is_blank(const float *x, int n)
{
    int ink = 0;
    for (int i = 0; i < n; i++) ink |= x[i] != 0.0f;
    return !ink;
}

/* The inputs of time t, of a sample x [T, D]. */
static const float *inputs_at(const fused_leaf *f, const float *x, int t)
{
    return x + recurrent_step_read(f->layer, t) * f->inputs;
}

/* The step at which a sample begins; T if it is all blank. */
static int first_ink(const fused_leaf *f, const float *x)
{
    int t = 0;
    while (t < f->steps && is_blank(inputs_at(f, x, t), f->inputs)) t++;
    return t;
}

/* Rows of step t; of T: all samples, as forward leaves them. */
static int rows_of(const fused_leaf *f, int t)
{
    return f->begun[t] + (f->begun[t] < f->samples);
}

/* When each sample begins, and where the rows of each step are. */
static void order_samples(const fused_leaf *f, const float *x)
{
    for (int i = 0; i < f->samples; i++) {
        int row = i;
        f->begins[i] = first_ink(f, x + (size_t)i * (size_t)(f->steps * f->inputs));
        for (; row > 0 && f->begins[f->order[row - 1]] > f->begins[i]; row--)
            f->order[row] = f->order[row - 1];
        f->order[row] = i;
    }
    int begun = 0, rows = 0;
    for (int t = 0; t <= f->steps; t++) {
        while (begun < f->samples && f->begins[f->order[begun]] <= t) begun++;
        f->begun[t] = begun;
        f->first[t] = rows;
        rows += rows_of(f, t);
    }
}

static float *z_at(const fused_leaf *f, int t, int row)
{
    return f->z + (size_t)(f->first[t] + row) * f->row + f->lead;
}

static float *state_at(const fused_leaf *f, int t, int row)
{
    return z_at(f, t, row) + f->inputs;
}

static float *memory_at(const fused_leaf *f, int t, int row)
{
    return f->memory + (size_t)(f->first[t] + row) * (size_t)f->units;
}

static int pair_has_ink(const float *x)
{
    uint64_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits != 0;
}

/* Widens [lo, hi) to the ink of x [n], two inputs at a time. */
static void widen(const float *x, int n, int *lo, int *hi)
{
    int k = 0;
    while (k + 2 <= *lo && !pair_has_ink(x + k)) k += 2;
    if (k + 2 <= *lo || (k < *lo && x[k] != 0.0f)) *lo = k;
    k = n;
    while (k - 2 >= *hi && !pair_has_ink(x + k - 2)) k -= 2;
    if (k - 2 >= *hi || (k > *hi && x[k - 1] != 0.0f)) *hi = k;
}

/* x of a step's rows, and its columns of ink. */
static void load_step(const fused_leaf *f, const float *x, int t)
{
    int n = f->inputs, lo = n, hi = 0;
    for (int row = 0; row < f->begun[t]; row++) {
        const float *sample = x + (size_t)f->order[row] * (size_t)f->steps * (size_t)n;
        const float *from = inputs_at(f, sample, t);
        memcpy(z_at(f, t, row), from, (size_t)n * sizeof *from);
        widen(from, n, &lo, &hi);
    }
    if (f->begun[t] < f->samples) memset(z_at(f, t, f->begun[t]), 0, (size_t)n * sizeof *x);
    f->ink_lo[t] = lo < hi ? lo : 0;
    f->ink_hi[t] = hi;
}

static recurrent_fused step_at(const fused_leaf *f, const stage *s, int t)
{
    size_t first = (size_t)f->first[t];
    recurrent_fused step = {.rows = rows_of(f, t),
                            .units = f->units,
                            .inputs = f->inputs,
                            .ink_lo = f->ink_lo[t],
                            .ink_hi = f->ink_hi[t],
                            .is_first = t == 0,
                            .z = z_at(f, t, 0),
                            .row_stride = f->row,
                            .h = state_at(f, t + 1, 0),
                            .gates = f->gates + first * (size_t)s->k->panel,
                            .panel_stride = f->panel_stride,
                            .dh = f->dh,
                            .carry = f->carry};
    if (f->cell->has_memory) {
        step.cell_before = memory_at(f, t, 0);
        step.cell = memory_at(f, t + 1, 0);
        step.cell_tanh = f->memory_tanh + first * (size_t)f->units;
    }
    return step;
}

/* Samples that begin at t, and the shared row of t, take the state that the shared row of t - 1 had. */
static void begin_samples(const fused_leaf *f, int t)
{
    size_t bytes = (size_t)f->units * sizeof(float);
    int shared = f->begun[t - 1];
    for (int row = shared + 1; row < rows_of(f, t); row++) {
        memcpy(state_at(f, t, row), state_at(f, t, shared), bytes);
        if (f->cell->has_memory) memcpy(memory_at(f, t, row), memory_at(f, t, shared), bytes);
    }
}

static void fused_forward(const stage *s, const stage_io *io, int samples, int part, int parts)
{
    CHECK(part == 0 && parts == 1, "part %d of %d", part, parts);
    fused_leaf f = divide(s, (float *)(void *)io->saved, samples);
    order_samples(&f, io->x);
    if (f.cell->has_memory)
        memset(f.memory, 0, (size_t)rows_of(&f, 0) * (size_t)f.units * sizeof(float));
    for (int t = 0; t < f.steps; t++) {
        load_step(&f, io->x, t);
        recurrent_fused step = step_at(&f, s, t);
        step.packed = io->packed;
        f.cell->fused(s->k, &step);
        begin_samples(&f, t + 1);
    }
    for (int row = 0; row < samples; row++)
        memcpy(io->y + (size_t)f.order[row] * s->out_length, state_at(&f, f.steps, row),
               (size_t)f.units * sizeof(float));
}

/* Gradients of the samples that begin at t, and of the shared row of t, to the shared row of t - 1. */
static void return_samples(const stage *s, const fused_leaf *f, int t)
{
    size_t units = (size_t)f->units, shared = (size_t)f->begun[t - 1];
    for (size_t row = shared + 1; row < (size_t)rows_of(f, t); row++) {
        s->k->add_scaled(f->dh + shared * units, f->dh + row * units, 1, units);
        if (f->cell->has_memory)
            s->k->add_scaled(f->carry + shared * units, f->carry + row * units, 1, units);
    }
}

/* dh = gradients of step t's gates times U'. */
static void multiply_back(const stage *s, const fused_leaf *f, const recurrent_fused *step,
                          const float *packed)
{
    gemm_nn_args n = {.rows = {.a = step->gates,
                               .outer = 1,
                               .rows = step->rows,
                               .segments = f->cols / s->k->panel,
                               .length = s->k->panel,
                               .row_stride = (size_t)s->k->panel,
                               .segment_stride = f->panel_stride},
                      .panels = packed + forward_length(f),
                      .cols = f->units,
                      .panel_lo = 0,
                      .panel_hi = f->units / s->k->panel,
                      .c = f->dh,
                      .c_row_stride = (size_t)f->units,
                      .a_is_operand = 1};
    s->k->gemm_nn(&n);
}

/* Gradients of all steps' gates, and the bias'. */
static void through_time(const stage *s, const fused_leaf *f, const stage_io *io, float *db)
{
    size_t units = (size_t)f->units;
    memset(db, 0, (size_t)f->cols * sizeof(float));
    for (int row = 0; row < f->samples; row++)
        memcpy(f->dh + (size_t)row * units, io->dy + (size_t)f->order[row] * s->out_length,
               units * sizeof(float));
    if (f->cell->has_memory) memset(f->carry, 0, (size_t)f->samples * units * sizeof(float));
    for (int t = f->steps; t-- > 0;) {
        return_samples(s, f, t + 1);
        recurrent_fused step = step_at(f, s, t);
        step.bias_gradient = db;
        f->cell->fused_backward(s->k, &step);
        if (t > 0) multiply_back(s, f, &step, io->packed);
    }
}

/* dW: only columns and steps with ink; the others' gradients are 0. */
static void kernel_gradient(const stage *s, const fused_leaf *f, float *dw)
{
    int lo = f->inputs, hi = 0, from = f->steps, to = 0;
    for (int t = 0; t < f->steps; t++) {
        if (f->ink_hi[t] == 0) continue;
        if (f->ink_lo[t] < lo) lo = f->ink_lo[t];
        if (f->ink_hi[t] > hi) hi = f->ink_hi[t];
        if (t < from) from = t;
        to = t + 1;
    }
    size_t cols = (size_t)f->cols, bytes = cols * sizeof(float);
    if (lo > hi) lo = hi;
    memset(dw, 0, (size_t)lo * bytes);
    memset(dw + (size_t)hi * cols, 0, (size_t)(f->inputs - hi) * bytes);
    if (lo == hi) return;
    gemm_tn_args g = {.rows = {.a = z_at(f, from, 0) + lo,
                               .outer = 1,
                               .rows = f->first[to] - f->first[from],
                               .segments = 1,
                               .length = hi - lo,
                               .row_stride = f->row},
                      .panels = f->gates + (size_t)f->first[from] * (size_t)s->k->panel,
                      .cols = f->cols,
                      .store = GEMM_OVERWRITE,
                      .c = dw + (size_t)lo * cols,
                      .panel_stride = f->panel_stride};
    s->k->gemm_tn(&g);
}

/* dU: not step 0, whose h_{t-1} is 0. */
static void recurrent_gradient(const stage *s, const fused_leaf *f, float *du)
{
    int first = f->first[1];
    gemm_tn_args g = {.rows = {.a = state_at(f, 1, 0),
                               .outer = 1,
                               .rows = f->first[f->steps] - first,
                               .segments = 1,
                               .length = f->units,
                               .row_stride = f->row},
                      .panels = f->gates + (size_t)first * (size_t)s->k->panel,
                      .cols = f->cols,
                      .store = GEMM_OVERWRITE,
                      .c = du,
                      .panel_stride = f->panel_stride};
    s->k->gemm_tn(&g);
}

static void fused_backward_leaf(const stage *s, const stage_io *io, int samples, float *gradient)
{
    fused_leaf f = divide(s, (float *)(void *)io->saved, samples);
    through_time(s, &f, io, gradient + stage_gradient_offset(s, 2));
    kernel_gradient(s, &f, gradient);
    recurrent_gradient(s, &f, gradient + stage_gradient_offset(s, 1));
}

const stage_type stage_recurrent_fused = {
    .name = "recurrent_fused",
    .split = STAGE_BY_SAMPLE,
    .takes = fused_takes,
    .plan = fused_plan,
    .prepare = fused_prepare,
    .forward = fused_forward,
    .backward_leaf = fused_backward_leaf,
};
