/* recurrent_fixture.h - one recurrent stage on drawn numbers, and its double twin, for the tests of layer/recurrent*.c.
 *
 * What forward keeps lies at a fence, full of NaNs: nothing is read that was not written, and nothing is written past
 * the plan's size.
 */
#ifndef MNIST_DIST_TESTS_RECURRENT_FIXTURE_H
#define MNIST_DIST_TESTS_RECURRENT_FIXTURE_H

#include "base/arena.h"
#include "check.h"
#include "layer_rows.h"
#include "reference/recurrent.h"
#include "reference/values.h"

static const char *const recurrent_words[] = {[REF_SIMPLE_RNN] = "simple_rnn",
                                              [REF_LSTM] = "lstm",
                                              [REF_GRU] = "gru",
                                              [REF_GRU_RESET] = "gru"};

/* The cells, each as Keras has it unless it is told otherwise, and then with other operands. */
typedef struct recurrent_variant {
    recurrent_ref_cell cell;
    layer_direction direction;
    activation state_act, gate_act;
} recurrent_variant;

enum { RECURRENT_CELLS = 4 };
static const recurrent_variant recurrent_variants[] = {
    {REF_SIMPLE_RNN, REF_USUAL},
    {REF_LSTM, REF_USUAL},
    {REF_GRU, REF_USUAL},
    {REF_GRU_RESET, REF_USUAL},
    {REF_SIMPLE_RNN, DIRECTION_BACKWARD, ACTIVATION_RELU, ACTIVATION_NONE},
    {REF_SIMPLE_RNN, DIRECTION_FORWARD, ACTIVATION_HARD_SIGMOID, ACTIVATION_NONE},
    {REF_LSTM, DIRECTION_BACKWARD, ACTIVATION_TANH, ACTIVATION_SIGMOID},
    {REF_LSTM, DIRECTION_BACKWARD, ACTIVATION_RELU, ACTIVATION_HARD_SIGMOID},
    {REF_LSTM, DIRECTION_FORWARD, ACTIVATION_NONE, ACTIVATION_TANH},
    {REF_GRU, DIRECTION_BACKWARD, ACTIVATION_ELU, ACTIVATION_HARD_SIGMOID},
    {REF_GRU_RESET, DIRECTION_BACKWARD, ACTIVATION_SIGMOID, ACTIVATION_SIGMOID},
    {REF_GRU_RESET, DIRECTION_FORWARD, ACTIVATION_RELU, ACTIVATION_HARD_SIGMOID},
};
enum { RECURRENT_VARIANTS = sizeof recurrent_variants / sizeof *recurrent_variants };

static inline recurrent_ref recurrent_as(recurrent_ref s, int variant)
{
    const recurrent_variant *v = &recurrent_variants[variant];
    s.cell = v->cell, s.direction = v->direction;
    s.state_act = v->state_act, s.gate_act = v->gate_act;
    return s;
}

typedef struct recurrent_fixture {
    arena memory;
    recurrent_ref shape;
    layer l;
    stage s;
    size_t slab, x_length, y_length; /* the latter two per sample */
    float *parameters, *packed, *x, *y, *dy, *dx, *gradient;
    fence saved;
    int saved_open;
} recurrent_fixture;

static inline void recurrent_draw(float *values, size_t count, float scale, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) values[i] = scale * value_at(seed, i);
}

static inline void recurrent_open(recurrent_fixture *f, const recurrent_ref *r, uint64_t seed)
{
    failure why;
    *f = (recurrent_fixture){.shape = *r};
    const layer_type *type = kind_named(recurrent_words[r->cell]);
    f->l = (layer){.cfg = {.type = type,
                           .units = r->units,
                           .returns = r->returns,
                           .direction = r->direction,
                           .reset = r->cell == REF_GRU_RESET ? RESET_BEFORE : RESET_AFTER,
                           .state_act = r->state_act,
                           .gate_act = r->gate_act},
                   .in = {.rank = 2, .dim = {r->steps, r->inputs}}};
    assert_int_equal(layer_plan(&f->l, &why), STATUS_OK);
    f->slab = SLAB_ALIGN;
    for (int t = 0; t < 3; t++) {
        size_t length = shape_length(f->l.tensor[t].shape);
        f->l.tensor[t].at = (span){f->slab, length};
        f->slab += slab_round_up(length);
    }
    f->x_length = shape_length(f->l.in), f->y_length = shape_length(f->l.out);
    size_t n = (size_t)r->samples;
    f->parameters = arena_take(&f->memory, f->slab * sizeof(float));
    f->x = arena_take(&f->memory, n * f->x_length * sizeof(float));
    f->dy = arena_take(&f->memory, n * f->y_length * sizeof(float));
    f->y = arena_take(&f->memory, n * f->y_length * sizeof(float));
    f->dx = arena_take(&f->memory, n * f->x_length * sizeof(float));
    f->gradient = arena_take(&f->memory, f->slab * sizeof(float));
    const float scale[3] = {1.5f / sqrtf((float)r->inputs), 2.0f / sqrtf((float)r->units), 0.5f};
    for (int t = 0; t < 3; t++)
        recurrent_draw(f->parameters + f->l.tensor[t].at.offset, f->l.tensor[t].at.length, scale[t],
                       seed + (uint64_t)t);
    recurrent_draw(f->x, n * f->x_length, 1, seed + 3);
    recurrent_draw(f->dy, n * f->y_length, 1, seed + 4);
}

static inline void recurrent_close(recurrent_fixture *f)
{
    if (f->saved_open) fence_close(&f->saved);
    arena_free(&f->memory);
}

/* How an input is blank: which samples begin when. */
typedef enum recurrent_blank {
    BLANK_NONE,
    BLANK_STARTS,
    BLANK_TOGETHER,
    BLANK_ALL,
    BLANKS
} recurrent_blank;

/* Sets to 0: the rows before each sample's first one, its last column, and a row in its middle; with BLANK_STARTS also all of
 * every fifth sample. BLANK_NONE: nothing. */
static inline void recurrent_blank_rows(recurrent_fixture *f, recurrent_blank blank)
{
    size_t inputs = (size_t)f->shape.inputs, steps = (size_t)f->shape.steps;
    for (size_t i = 0; i < (size_t)f->shape.samples && blank != BLANK_NONE; i++) {
        float *x = f->x + i * f->x_length;
        size_t start = blank == BLANK_ALL        ? steps
                       : blank == BLANK_TOGETHER ? steps / 2
                                                 : i * 5 % (steps + 1);
        if (blank == BLANK_STARTS && i % 5 == 4) start = steps;
        memset(x, 0, start * inputs * sizeof *x);
        if (steps > start + 2) memset(x + (start + 1) * inputs, 0, inputs * sizeof *x);
        for (size_t t = 0; t < steps && inputs > 1; t++) x[(t + 1) * inputs - 1] = 0;
    }
}

static inline void recurrent_plan_as(recurrent_fixture *f, const stage_type *type, const kernels *k,
                                     gemm_engine engine, int want_dx)
{
    f->s = (stage){.type = type,
                   .k = k,
                   .engine = engine,
                   .layer = &f->l,
                   .want_input_gradient = want_dx,
                   .in_length = f->x_length,
                   .out_length = f->y_length};
    stage_plan(&f->s);
    assert_int_equal(f->s.saved_bytes % (SLAB_ALIGN * sizeof(float)), 0);
    f->packed = arena_take(&f->memory, f->s.packed_length * sizeof(float));
    canaries(f->packed, f->s.packed_length);
    for (int part = 0; part < 3; part++)
        f->s.type->prepare(&f->s, f->parameters, f->packed, part, 3);
    if (f->saved_open) fence_close(&f->saved);
    f->saved = fence_open((size_t)f->shape.samples * f->s.saved_bytes / sizeof(float));
    f->saved_open = 1;
}

/* The stage on another table or engine. */
static inline void recurrent_plan(recurrent_fixture *f, const kernels *k, gemm_engine engine,
                                  int want_dx)
{
    const char *word = f->l.cfg.type->word;
    recurrent_plan_as(f, stage_named(word, "recurrent"), k, engine, want_dx);
}

static inline void recurrent_plan_fused(recurrent_fixture *f, const kernels *k)
{
    const char *word = f->l.cfg.type->word;
    recurrent_plan_as(f, stage_named(word, "recurrent_fused"), k, GEMM_OWN, 0);
    assert_int_equal(f->s.type->takes(&f->s, NULL), 1);
}

/* Forward and backward of the samples [first, first + samples) as one leaf; the gradient is that leaf's. */
static inline void recurrent_leaf(recurrent_fixture *f, int first, int samples)
{
    size_t floats = (size_t)samples * f->s.saved_bytes / sizeof(float), at = (size_t)first;
    stage_io io = {.parameters = f->parameters,
                   .packed = f->packed,
                   .x = f->x + at * f->x_length,
                   .y = f->y + at * f->y_length,
                   .saved = (uint8_t *)fence_floats(&f->saved, floats),
                   .dy = f->dy + at * f->y_length};
    if (f->s.want_input_gradient) io.dx = f->dx + at * f->x_length;
    canaries(io.y, (size_t)samples * f->y_length);
    canaries(f->dx + at * f->x_length, (size_t)samples * f->x_length);
    canaries(f->gradient, f->slab);
    f->s.type->forward(&f->s, &io, samples, 0, 1);
    f->s.type->backward_leaf(&f->s, &io, samples, f->gradient + f->l.tensor[0].at.offset);
    assert_true(fence_intact(&f->saved, floats));
}

/* Doubles of the same case. */
typedef struct recurrent_twin {
    double *x, *y, *dy, *dx;
    recurrent_tensors p, gradient;
} recurrent_twin;

static inline double *recurrent_widen(arena *a, const float *values, size_t count)
{
    double *wide = arena_take(a, count * sizeof *wide);
    values_widen(values, count, wide);
    return wide;
}

static inline recurrent_tensors recurrent_widen_slab(arena *a, const layer *l, const float *slab)
{
    double *wide[3];
    for (int t = 0; t < 3; t++)
        wide[t] = recurrent_widen(a, slab + l->tensor[t].at.offset, l->tensor[t].at.length);
    return (recurrent_tensors){wide[0], wide[1], wide[2]};
}

/* The twin's results for all samples, and room for them; memory is the fixture's. */
static inline recurrent_twin recurrent_twin_of(recurrent_fixture *f)
{
    size_t n = (size_t)f->shape.samples;
    recurrent_twin t = {.x = recurrent_widen(&f->memory, f->x, n * f->x_length),
                        .y = recurrent_widen(&f->memory, f->y, n * f->y_length),
                        .dy = recurrent_widen(&f->memory, f->dy, n * f->y_length),
                        .dx = recurrent_widen(&f->memory, f->dx, n * f->x_length)};
    t.p = recurrent_widen_slab(&f->memory, &f->l, f->parameters);
    t.gradient = recurrent_widen_slab(&f->memory, &f->l, f->gradient);
    recurrent_ref_forward(&f->shape, &t.p, t.x, t.y);
    recurrent_ref_backward(&f->shape, &t.p, t.x, t.dy, t.dx, &t.gradient);
    return t;
}

/* The root of the mean squared error over that of the values. */
static inline double recurrent_rms(const float *got, const double *want, size_t count)
{
    double errors = 0, values = 0;
    for (size_t i = 0; i < count; i++) {
        double error = (double)got[i] - want[i];
        errors += error * error, values += want[i] * want[i];
    }
    return isnan(errors) ? HUGE_VAL : sqrt(errors / values);
}

/* Runs the leaf of all samples: the largest error of output and gradients, each measured as a whole. */
static inline double recurrent_error(recurrent_fixture *f, const recurrent_twin *t)
{
    size_t n = (size_t)f->shape.samples;
    const double *const want[3] = {t->gradient.w, t->gradient.u, t->gradient.b};
    recurrent_leaf(f, 0, f->shape.samples);
    double worst = recurrent_rms(f->y, t->y, n * f->y_length);
    if (f->s.want_input_gradient) worst = fmax(worst, recurrent_rms(f->dx, t->dx, n * f->x_length));
    for (int i = 0; i < 3; i++) {
        span at = f->l.tensor[i].at;
        worst = fmax(worst, recurrent_rms(f->gradient + at.offset, want[i], at.length));
    }
    return worst;
}

#endif
