/* reference/recurrent.c - one sample at a time; every step's values are kept. */
#include "reference/recurrent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference/activation.h"
#include "reference/values.h"

/* One sample's run: a, q = the input's and the state's products [T, GU]; gate [T, GU]; h, c [T+1, U]. */
typedef struct trace {
    double *a, *q, *gate, *h, *c;
} trace;

static int gates_of(const recurrent_ref *s)
{
    return s->cell == REF_LSTM ? 4 : s->cell == REF_SIMPLE_RNN ? 1 : 3;
}

static double act(activation a, double x)
{
    return activation_ref(a, 0, x);
}

static double slope(activation a, double x)
{
    return activation_ref_derivative(a, 0, x);
}

/* The step of x that time t reads. */
static int step_read(const recurrent_ref *s, int t)
{
    return s->direction == DIRECTION_BACKWARD ? s->steps - 1 - t : t;
}

int recurrent_ref_biases(const recurrent_ref *s)
{
    return (s->cell == REF_GRU ? 2 : 1) * gates_of(s) * s->units;
}

int recurrent_ref_outputs(const recurrent_ref *s)
{
    return s->samples * s->units * (s->returns == RETURNS_SEQUENCE ? s->steps : 1);
}

static double *zeros(int count)
{
    return values_take((size_t)count * sizeof(double));
}

static trace trace_open(const recurrent_ref *s)
{
    int cols = gates_of(s) * s->units, states = (s->steps + 1) * s->units;
    return (trace){zeros(s->steps * cols), zeros(s->steps * cols), zeros(s->steps * cols),
                   zeros(states), zeros(states)};
}

static void trace_close(trace *t)
{
    free(t->a), free(t->q), free(t->gate), free(t->h), free(t->c);
}

/* out [cols] = bias (may be NULL) + v [n] m [n, cols] */
static void product(const double *v, int n, const double *m, int cols, const double *bias,
                    double *out)
{
    for (int j = 0; j < cols; j++) {
        out[j] = bias ? bias[j] : 0;
        for (int k = 0; k < n; k++) out[j] += v[k] * m[k * cols + j];
    }
}

/* q of the candidate where the state is reset first: (r h) U_n. */
static void reset_product(const recurrent_ref *s, const recurrent_tensors *p, const double *r,
                          const double *h, double *q)
{
    int n = s->units;
    for (int u = 0; u < n; u++) {
        q[u] = 0;
        for (int k = 0; k < n; k++) q[u] += r[k] * h[k] * p->u[k * 3 * n + 2 * n + u];
    }
}

static void step_forward(const recurrent_ref *s, const recurrent_tensors *p, const trace *t,
                         int step)
{
    int n = s->units, cols = gates_of(s) * n;
    const double *a = t->a + step * cols, *h = t->h + step * n, *c = t->c + step * n;
    double *q = t->q + step * cols, *gate = t->gate + step * cols, *next = t->h + (step + 1) * n;
    for (int j = 0; j < cols; j++) {
        int is_candidate = cols == n || (j >= 2 * n && j < 3 * n);
        if (!is_candidate) gate[j] = act(s->gate_act, a[j] + q[j]);
    }
    if (s->cell == REF_GRU_RESET) reset_product(s, p, gate + n, h, q + 2 * n);
    for (int u = 0; u < n; u++) {
        if (s->cell == REF_SIMPLE_RNN) {
            next[u] = gate[u] = act(s->state_act, a[u] + q[u]);
            continue;
        }
        double factor = s->cell == REF_GRU ? gate[n + u] : 1, first = gate[u];
        double g = act(s->state_act, a[2 * n + u] + factor * q[2 * n + u]);
        gate[2 * n + u] = g;
        if (s->cell == REF_LSTM) {
            double cell = gate[n + u] * c[u] + first * g;
            t->c[(step + 1) * n + u] = cell;
            next[u] = gate[3 * n + u] * act(s->state_act, cell);
        } else {
            next[u] = first * h[u] + (1 - first) * g;
        }
    }
}

/* x [T, D] of one sample. */
static void run(const recurrent_ref *s, const recurrent_tensors *p, const double *x, trace *t)
{
    int cols = gates_of(s) * s->units;
    const double *state_bias = s->cell == REF_GRU ? p->b + cols : NULL;
    for (int step = 0; step < s->steps; step++) {
        const double *seen = x + step_read(s, step) * s->inputs;
        product(seen, s->inputs, p->w, cols, p->b, t->a + step * cols);
        product(t->h + step * s->units, s->units, p->u, cols, state_bias, t->q + step * cols);
        step_forward(s, p, t, step);
    }
}

void recurrent_ref_forward(const recurrent_ref *s, const recurrent_tensors *p, const double *x,
                           double *y)
{
    int each = recurrent_ref_outputs(s) / s->samples;
    for (int n = 0; n < s->samples; n++) {
        trace t = trace_open(s);
        run(s, p, x + n * s->steps * s->inputs, &t);
        const double *from = t.h + (s->steps + 1) * s->units - each;
        memcpy(y + n * each, from, (size_t)each * sizeof *y);
        trace_close(&t);
    }
}

/* Of one step: da [GU] from dh and dc, the gradients of h and c behind it. dh and dc become what reaches the step before
 * other than by the products. Where the state is reset first, r's gradient is left to reset_backward. */
static void step_backward(const recurrent_ref *s, const trace *t, int step, double *dh, double *dc,
                          double *da)
{
    int n = s->units, cols = gates_of(s) * n;
    const double *gate = t->gate + step * cols, *q = t->q + step * cols, *a = t->a + step * cols;
    for (int u = 0; u < n; u++) {
        double before = t->h[step * n + u], sum[4];
        for (int g = 0; g * n < cols; g++) sum[g] = a[g * n + u] + q[g * n + u];
        if (s->cell == REF_SIMPLE_RNN) {
            da[u] = dh[u] * slope(s->state_act, sum[0]);
            dh[u] = 0;
        } else if (s->cell == REF_LSTM) {
            double i = gate[u], f = gate[n + u], g = gate[2 * n + u], o = gate[3 * n + u];
            double c = t->c[(step + 1) * n + u];
            dc[u] += dh[u] * o * slope(s->state_act, c);
            da[u] = dc[u] * g * slope(s->gate_act, sum[0]);
            da[n + u] = dc[u] * t->c[step * n + u] * slope(s->gate_act, sum[1]);
            da[2 * n + u] = dc[u] * i * slope(s->state_act, sum[2]);
            da[3 * n + u] = dh[u] * act(s->state_act, c) * slope(s->gate_act, sum[3]);
            dc[u] *= f;
            dh[u] = 0;
        } else {
            double z = gate[u], r = gate[n + u], candidate = gate[2 * n + u];
            if (s->cell == REF_GRU) sum[2] = a[2 * n + u] + r * q[2 * n + u];
            double dn = dh[u] * (1 - z) * slope(s->state_act, sum[2]);
            da[u] = dh[u] * (before - candidate) * slope(s->gate_act, sum[0]);
            da[n + u] = dn * q[2 * n + u] * slope(s->gate_act, sum[1]);
            da[2 * n + u] = dn;
            dh[u] *= z;
        }
    }
}

/* The candidate's product (r h) U_n: adds to du and dh, and sets r's part of da. */
static void reset_backward(const recurrent_ref *s, const recurrent_tensors *p, const trace *t,
                           int step, double *da, double *du, double *dh)
{
    int n = s->units, cols = 3 * n;
    const double *h = t->h + step * n, *r = t->gate + step * cols + n;
    for (int k = 0; k < n; k++) {
        double dreset = 0, sum = t->a[step * cols + n + k] + t->q[step * cols + n + k];
        for (int j = 2 * n; j < cols; j++) {
            dreset += da[j] * p->u[k * cols + j];
            du[k * cols + j] += r[k] * h[k] * da[j];
        }
        da[n + k] = dreset * h[k] * slope(s->gate_act, sum);
        dh[k] += dreset * r[k];
    }
}

/* dq [GU], the gradients of the state's products, from da. */
static void state_gradients(const recurrent_ref *s, const trace *t, int step, const double *da,
                            double *dq)
{
    int n = s->units, cols = gates_of(s) * n;
    const double *r = t->gate + step * cols + n;
    memcpy(dq, da, (size_t)cols * sizeof *dq);
    for (int u = 0; u < n; u++) {
        if (s->cell == REF_GRU) dq[2 * n + u] *= r[u];
        if (s->cell == REF_GRU_RESET) dq[2 * n + u] = 0;
    }
}

/* dm [n, cols] += v' g, and dv [n] += g m' */
static void product_back(const double *v, int n, const double *m, int cols, const double *g,
                         double *dm, double *dv)
{
    for (int k = 0; k < n; k++)
        for (int j = 0; j < cols; j++) {
            dm[k * cols + j] += v[k] * g[j];
            dv[k] += g[j] * m[k * cols + j];
        }
}

/* dy: of the sample; dx [T, D]; the gradient is added to. */
static void back(const recurrent_ref *s, const recurrent_tensors *p, const double *x,
                 const double *dy, double *dx, const recurrent_tensors *gradient)
{
    int cols = gates_of(s) * s->units, all = s->returns == RETURNS_SEQUENCE;
    double *dh = zeros(s->units), *dc = zeros(s->units), *da = zeros(cols), *dq = zeros(cols);
    trace t = trace_open(s);
    run(s, p, x, &t);
    for (int step = s->steps; step-- > 0;) {
        const double *seen = dy + (all ? step * s->units : 0);
        for (int u = 0; u < s->units && (all || step == s->steps - 1); u++) dh[u] += seen[u];
        int at = step_read(s, step) * s->inputs;
        step_backward(s, &t, step, dh, dc, da);
        if (s->cell == REF_GRU_RESET) reset_backward(s, p, &t, step, da, gradient->u, dh);
        state_gradients(s, &t, step, da, dq);
        product_back(x + at, s->inputs, p->w, cols, da, gradient->w, dx + at);
        product_back(t.h + step * s->units, s->units, p->u, cols, dq, gradient->u, dh);
        for (int j = 0; j < cols; j++) {
            gradient->b[j] += da[j];
            if (s->cell == REF_GRU) gradient->b[cols + j] += dq[j];
        }
    }
    trace_close(&t);
    free(dh), free(dc), free(da), free(dq);
}

void recurrent_ref_backward(const recurrent_ref *s, const recurrent_tensors *p, const double *x,
                            const double *dy, double *dx, const recurrent_tensors *gradient)
{
    int cols = gates_of(s) * s->units, each = recurrent_ref_outputs(s) / s->samples;
    int length = s->steps * s->inputs;
    memset(gradient->w, 0, (size_t)(s->inputs * cols) * sizeof(double));
    memset(gradient->u, 0, (size_t)(s->units * cols) * sizeof(double));
    memset(gradient->b, 0, (size_t)recurrent_ref_biases(s) * sizeof(double));
    memset(dx, 0, (size_t)(s->samples * length) * sizeof(double));
    for (int n = 0; n < s->samples; n++)
        back(s, p, x + n * length, dy + n * each, dx + n * length, gradient);
}
