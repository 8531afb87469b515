/* kernel/isa/recurrent.c - the gates of one time step, forward and backward; see include/kernel/kernels.h.
 *
 * The products of the gates lie in packed panels, the form in which gemm_tn reads their gradients: `at` gives the place of
 * column gate*units + u of a row. Where the number of units is no multiple of a vector, a vector of a gate may lie in two
 * panels. The loops name the gates as the papers do, the candidate n: i f n o, z r n; a gradient is d + name.
 *
 * Each step has a loop of its own for the usual activations, compiled for them, and one for all others. */
#include "kernel/isa/activate.h"
#include "kernel/isa/simd.h"
#include "kernel/isa/variants.h"

enum { PANEL = 2 * SIMD_LEN };

/* Floats from s->gates to column `col` of a row. */
INLINE size_t at(const time_step_args *s, int row, int col)
{
    unsigned panel = (unsigned)col / PANEL, within = (unsigned)col % PANEL;
    return panel * s->panel_stride + (size_t)row * PANEL + within;
}

/* n columns from `col` on, one by one; 0 in the other lanes. */
static simd_float load_split(const time_step_args *s, const float *gates, int row, int col, int n)
{
    float lane[SIMD_LEN] = {0};
    for (int i = 0; i < n && i < SIMD_LEN; i++) lane[i] = gates[at(s, row, col + i)];
    return simd_load(lane);
}

/* v to the columns from `col` on that belong to the same gate, one by one. */
static void store_split(const time_step_args *s, float *gates, int row, int col, simd_float v)
{
    float lane[SIMD_LEN];
    simd_store(lane, v);
    int gate_end = (col / s->units + 1) * s->units;
    for (int i = 0; i < SIMD_LEN && col + i < gate_end; i++) gates[at(s, row, col + i)] = lane[i];
}

/* 1 if a gate with n columns left from `col` on has a whole vector there, in one panel. */
INLINE int is_whole(int col, int n)
{
    return n >= SIMD_LEN && (unsigned)col % PANEL <= PANEL - SIMD_LEN;
}

/* Units [u, u + SIMD_LEN) of a gate; 0 past the last unit. */
INLINE simd_float gate_load(const time_step_args *s, const float *gates, int row, int gate, int u)
{
    int col = gate * s->units + u, n = s->units - u;
    if (is_whole(col, n)) return simd_load(gates + at(s, row, col));
    return load_split(s, gates, row, col, n);
}

INLINE void gate_store(const time_step_args *s, float *gates, int row, int gate, int u,
                       simd_float v)
{
    int col = gate * s->units + u;
    if (is_whole(col, s->units - u))
        simd_store(gates + at(s, row, col), v);
    else
        store_split(s, gates, row, col, v);
}

/* Units [u, u + SIMD_LEN) of a row of values [rows, units]; 0 past the last unit. */
INLINE simd_float unit_load(const time_step_args *s, const float *values, int row, int u)
{
    return simd_load_first(values + (size_t)row * (size_t)s->units + u, s->units - u);
}

INLINE void unit_store(const time_step_args *s, float *values, int row, int u, simd_float v)
{
    simd_store_first(values + (size_t)row * (size_t)s->units + u, v, s->units - u);
}

/* The gradient of h: from the next step, and from the layer's output where this step is part of it. */
INLINE simd_float state_gradient(const time_step_args *s, int row, int u)
{
    simd_float dh = unit_load(s, s->dh, row, u);
    if (!s->dy) return dh;
    return dh + simd_load_first(s->dy + (size_t)row * s->dy_stride + u, s->units - u);
}

/* An activation; leaky ReLU is none of these. */
INLINE simd_float act(activation a, simd_float x)
{
    return activate(a, simd_zero(), x);
}

/* Its derivative from y = act(a, x). */
INLINE simd_float slope(activation a, simd_float y)
{
    simd_float one = simd_set(1.0f);
    switch (a) {
    case ACTIVATION_RELU:
        return simd_select(y > simd_zero(), one, simd_zero());
    case ACTIVATION_TANH:
        return simd_fma(-y, y, one);
    case ACTIVATION_SIGMOID:
        return simd_mul(y, one - y);
    case ACTIVATION_ELU:
        return simd_select(y > simd_zero(), one, one + y);
    case ACTIVATION_HARD_SIGMOID:
        return simd_select((y > simd_zero()) & (y < one), simd_set(1.0f / 6.0f), simd_zero());
    case ACTIVATION_LEAKY_RELU:
    case ACTIVATION_NONE:
        break;
    }
    return one;
}

INLINE simd_float before_load(const time_step_args *s, int row, int u)
{
    return simd_load_first(s->h_before + (size_t)row * s->h_stride + u, s->units - u);
}

INLINE void state_store(const time_step_args *s, int row, int u, simd_float h)
{
    simd_store_first(s->h + (size_t)row * s->h_stride + u, h, s->units - u);
}

#define EACH_UNIT                                                                                  \
    for (int u = 0; u < s->units; u += SIMD_LEN)                                                   \
        for (int row = 0; row < s->rows; row++)

/* The kernel of a step, from its function of (s, t, g): the activations of the state and of the gates. */
#define STEP(name, is_usual)                                                                       \
    void KERNEL(name)(const time_step_args *s)                                                     \
    {                                                                                              \
        if (is_usual)                                                                              \
            name##_with(s, ACTIVATION_TANH, ACTIVATION_SIGMOID);                                   \
        else                                                                                       \
            name##_with(s, s->state_act, s->gate_act);                                             \
    }
#define USUAL_STATE (s->state_act == ACTIVATION_TANH)
#define USUAL_BOTH  (USUAL_STATE && s->gate_act == ACTIVATION_SIGMOID)

INLINE void simple_rnn_forward_with(const time_step_args *s, activation t, activation g)
{
    (void)g;
    EACH_UNIT
    {
        simd_float h = act(t, gate_load(s, s->gates, row, 0, u));
        gate_store(s, s->gates, row, 0, u, h);
        state_store(s, row, u, h);
    }
}

INLINE void simple_rnn_backward_with(const time_step_args *s, activation t, activation g)
{
    (void)g;
    EACH_UNIT
    {
        simd_float h = gate_load(s, s->gates, row, 0, u);
        gate_store(s, s->gates, row, 0, u, simd_mul(state_gradient(s, row, u), slope(t, h)));
    }
}

STEP(simple_rnn_forward, USUAL_STATE)
STEP(simple_rnn_backward, USUAL_STATE)

INLINE void lstm_forward_with(const time_step_args *s, activation t, activation g)
{
    EACH_UNIT
    {
        simd_float i = act(g, gate_load(s, s->gates, row, 0, u));
        simd_float f = act(g, gate_load(s, s->gates, row, 1, u));
        simd_float n = act(t, gate_load(s, s->gates, row, 2, u));
        simd_float o = act(g, gate_load(s, s->gates, row, 3, u));
        simd_float c = simd_fma(f, unit_load(s, s->cell_before, row, u), simd_mul(i, n));
        gate_store(s, s->gates, row, 0, u, i);
        gate_store(s, s->gates, row, 1, u, f);
        gate_store(s, s->gates, row, 2, u, n);
        gate_store(s, s->gates, row, 3, u, o);
        unit_store(s, s->cell, row, u, c);
        state_store(s, row, u, simd_mul(o, act(t, c)));
    }
}

INLINE void lstm_backward_with(const time_step_args *s, activation t, activation g)
{
    EACH_UNIT
    {
        simd_float i = gate_load(s, s->gates, row, 0, u);
        simd_float f = gate_load(s, s->gates, row, 1, u);
        simd_float n = gate_load(s, s->gates, row, 2, u);
        simd_float o = gate_load(s, s->gates, row, 3, u);
        simd_float c_before = unit_load(s, s->cell_before, row, u);
        simd_float c = act(t, unit_load(s, s->cell, row, u));
        simd_float dh = state_gradient(s, row, u);
        simd_float dc = simd_fma(simd_mul(dh, o), slope(t, c), unit_load(s, s->carry, row, u));
        gate_store(s, s->gates, row, 0, u, simd_mul(simd_mul(dc, n), slope(g, i)));
        gate_store(s, s->gates, row, 1, u, simd_mul(simd_mul(dc, c_before), slope(g, f)));
        gate_store(s, s->gates, row, 2, u, simd_mul(simd_mul(dc, i), slope(t, n)));
        gate_store(s, s->gates, row, 3, u, simd_mul(simd_mul(dh, c), slope(g, o)));
        unit_store(s, s->carry, row, u, simd_mul(dc, f));
    }
}

STEP(lstm_forward, USUAL_BOTH)
STEP(lstm_backward, USUAL_BOTH)

INLINE void gru_forward_with(const time_step_args *s, activation t, activation g)
{
    EACH_UNIT
    {
        simd_float z = act(g, gate_load(s, s->gates, row, 0, u) +
                                  gate_load(s, s->state_gates, row, 0, u));
        simd_float r = act(g, gate_load(s, s->gates, row, 1, u) +
                                  gate_load(s, s->state_gates, row, 1, u));
        simd_float n = act(t, simd_fma(r, gate_load(s, s->state_gates, row, 2, u),
                                       gate_load(s, s->gates, row, 2, u)));
        simd_float h = before_load(s, row, u);
        gate_store(s, s->gates, row, 0, u, z);
        gate_store(s, s->gates, row, 1, u, r);
        gate_store(s, s->gates, row, 2, u, n);
        state_store(s, row, u, simd_fma(z, h - n, n));
    }
}

INLINE void gru_backward_with(const time_step_args *s, activation t, activation g)
{
    EACH_UNIT
    {
        simd_float z = gate_load(s, s->gates, row, 0, u);
        simd_float r = gate_load(s, s->gates, row, 1, u);
        simd_float n = gate_load(s, s->gates, row, 2, u);
        simd_float q = gate_load(s, s->state_gates, row, 2, u);
        simd_float h = before_load(s, row, u);
        simd_float dh = state_gradient(s, row, u) + unit_load(s, s->carry, row, u);
        simd_float dz = simd_mul(simd_mul(dh, h - n), slope(g, z));
        simd_float dn = simd_mul(simd_mul(dh, simd_set(1.0f) - z), slope(t, n));
        simd_float dr = simd_mul(simd_mul(dn, q), slope(g, r));
        gate_store(s, s->gates, row, 0, u, dz);
        gate_store(s, s->gates, row, 1, u, dr);
        gate_store(s, s->gates, row, 2, u, dn);
        gate_store(s, s->state_gates, row, 0, u, dz);
        gate_store(s, s->state_gates, row, 1, u, dr);
        gate_store(s, s->state_gates, row, 2, u, simd_mul(dn, r));
        unit_store(s, s->carry, row, u, simd_mul(dh, z));
    }
}

STEP(gru_forward, USUAL_BOTH)
STEP(gru_backward, USUAL_BOTH)

/* ---- gru with reset_before ---- */

INLINE void gru_reset_forward_1_with(const time_step_args *s, activation t, activation g)
{
    (void)t;
    EACH_UNIT
    {
        simd_float r = act(g, gate_load(s, s->gates, row, 1, u) +
                                  gate_load(s, s->state_gates, row, 1, u));
        gate_store(
            s, s->gates, row, 0, u,
            act(g, gate_load(s, s->gates, row, 0, u) + gate_load(s, s->state_gates, row, 0, u)));
        gate_store(s, s->gates, row, 1, u, r);
        unit_store(s, s->reset, row, u, simd_mul(r, before_load(s, row, u)));
    }
}

INLINE void gru_reset_forward_2_with(const time_step_args *s, activation t, activation g)
{
    (void)g;
    EACH_UNIT
    {
        simd_float z = gate_load(s, s->gates, row, 0, u);
        simd_float n = act(t, gate_load(s, s->gates, row, 2, u) +
                                  gate_load(s, s->candidate, row, 2, u));
        gate_store(s, s->gates, row, 2, u, n);
        state_store(s, row, u, simd_fma(z, before_load(s, row, u) - n, n));
    }
}

INLINE void gru_reset_backward_1_with(const time_step_args *s, activation t, activation g)
{
    EACH_UNIT
    {
        simd_float z = gate_load(s, s->gates, row, 0, u);
        simd_float n = gate_load(s, s->gates, row, 2, u);
        simd_float dh = state_gradient(s, row, u) + unit_load(s, s->carry, row, u);
        simd_float dz = simd_mul(simd_mul(dh, before_load(s, row, u) - n), slope(g, z));
        simd_float dn = simd_mul(simd_mul(dh, simd_set(1.0f) - z), slope(t, n));
        gate_store(s, s->gates, row, 0, u, dz);
        gate_store(s, s->gates, row, 2, u, dn);
        gate_store(s, s->state_gates, row, 0, u, dz);
        gate_store(s, s->state_gates, row, 2, u, simd_zero());
        gate_store(s, s->candidate, row, 0, u, simd_zero());
        gate_store(s, s->candidate, row, 1, u, simd_zero());
        gate_store(s, s->candidate, row, 2, u, dn);
        unit_store(s, s->carry, row, u, simd_mul(dh, z));
    }
}

INLINE void gru_reset_backward_2_with(const time_step_args *s, activation t, activation g)
{
    (void)t;
    EACH_UNIT
    {
        simd_float r = gate_load(s, s->gates, row, 1, u);
        simd_float dreset = unit_load(s, s->dreset, row, u);
        simd_float dr = simd_mul(simd_mul(dreset, before_load(s, row, u)), slope(g, r));
        gate_store(s, s->gates, row, 1, u, dr);
        gate_store(s, s->state_gates, row, 1, u, dr);
        unit_store(s, s->carry, row, u, simd_fma(dreset, r, unit_load(s, s->carry, row, u)));
    }
}

STEP(gru_reset_forward_1, USUAL_BOTH)
STEP(gru_reset_forward_2, USUAL_BOTH)
STEP(gru_reset_backward_1, USUAL_BOTH)
STEP(gru_reset_backward_2, USUAL_BOTH)
