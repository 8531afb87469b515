/* unit/layer_recurrent_reference.c - the recurrent twins against values worked out by hand.
 *
 * One unit, one input, two steps. With ln 3 = 1.0986...: sigma(ln 3) = 3/4, tanh(ln 3 / 2) = 1/2, tanh(ln 3) = 4/5. */
#include "check.h"

#include "reference/recurrent.h"

static const double EPS = 1e-15;
#define LN3 1.0986122886681098

typedef struct outcome {
    double y[2], dx[2], w[4], u[4], b[6];
} outcome;

/* Forward, and backward from dy = 1 at the last step (and, in a sequence, 1 at the first). */
static outcome run(recurrent_ref_cell cell, layer_returns returns, const recurrent_tensors *p,
                   const double *x)
{
    outcome o = {{0}, {0}, {0}, {0}, {0}};
    const double dy[2] = {1, 1};
    recurrent_ref s = {cell, 1, 2, 1, 1, returns, REF_USUAL};
    recurrent_tensors gradient = {o.w, o.u, o.b};
    recurrent_ref_forward(&s, p, x, o.y);
    recurrent_ref_backward(&s, p, x, dy, o.dx, &gradient);
    return o;
}

/* h_1 = tanh(ln 3 / 2) = 1/2; h_2 = tanh(0 + 1/2 u + ln 3 / 2) with u = ln 3: tanh(ln 3) = 4/5. */
static void simple_rnn_by_hand(void **state)
{
    (void)state;
    double w = LN3, u = LN3, b = 0, x[2] = {0.5, 0.5};
    recurrent_tensors p = {&w, &u, &b};
    outcome last = run(REF_SIMPLE_RNN, RETURNS_LAST, &p, x);
    outcome all = run(REF_SIMPLE_RNN, RETURNS_SEQUENCE, &p, x);
    double g2 = 1 - 0.64, g1 = g2 * LN3 * 0.75, both = (g2 * LN3 + 1) * 0.75;
    NEAR(last.y[0], 0.8, EPS);
    NEAR(all.y[0], 0.5, EPS), NEAR(all.y[1], 0.8, EPS);
    NEAR(last.u[0], g2 * 0.5, EPS);
    NEAR(last.w[0], 0.5 * g2 + 0.5 * g1, EPS);
    NEAR(last.b[0], g2 + g1, EPS);
    NEAR(last.dx[0], g1 * LN3, EPS), NEAR(last.dx[1], g2 * LN3, EPS);
    NEAR(all.b[0], g2 + both, EPS);
    NEAR(all.dx[0], both * LN3, EPS);
}

/* Biases alone: i = f = o = 3/4, g = 4/5. c_1 = 3/5, c_2 = 3/4 * 3/5 + 3/5 = 21/20; h = 3/4 tanh(c). */
static void lstm_by_hand(void **state)
{
    (void)state;
    double w[4] = {0}, u[4] = {0}, b[4] = {LN3, LN3, LN3, LN3}, x[2] = {1, 2};
    recurrent_tensors p = {w, u, b};
    outcome all = run(REF_LSTM, RETURNS_SEQUENCE, &p, x);
    outcome last = run(REF_LSTM, RETURNS_LAST, &p, x);
    double t1 = tanh(0.6), t2 = tanh(1.05), s = 0.1875; /* 3/4 (1 - 3/4) */
    NEAR(all.y[0], 0.75 * t1, EPS), NEAR(all.y[1], 0.75 * t2, EPS);
    NEAR(last.y[0], 0.75 * t2, EPS);
    double dc2 = 0.75 * (1 - t2 * t2), dc1 = dc2 * 0.75;
    NEAR(last.b[0], (dc2 + dc1) * 0.8 * s, EPS);           /* i */
    NEAR(last.b[1], dc2 * 0.6 * s, EPS);                   /* f: c_0 = 0 */
    NEAR(last.b[2], (dc2 + dc1) * 0.75 * (1 - 0.64), EPS); /* g */
    NEAR(last.b[3], t2 * s, EPS);                          /* o: the first step's h is not used */
    NEAR(last.w[3], 2 * t2 * s, EPS);
    NEAR(last.w[1], 2 * dc2 * 0.6 * s, EPS);
    NEAR(last.u[1], 0.75 * t1 * dc2 * 0.6 * s, EPS);
    NEAR(last.dx[0], 0, 0);
}

/* b_0 = (ln 3, ln 3, ln 3 / 4), b_1 = (0, 0, ln 3 / 3): z = r = 3/4, n = tanh(ln 3 / 2) = 1/2 at each step.
 * h_1 = 1/4 * 1/2 = 1/8, h_2 = 3/4 * 1/8 + 1/8 = 7/32. */
static void gru_by_hand(void **state)
{
    (void)state;
    double w[3] = {0}, u[3] = {0}, x[2] = {1, 2};
    double b[6] = {LN3, LN3, LN3 / 4, 0, 0, LN3 / 3};
    recurrent_tensors p = {w, u, b};
    outcome all = run(REF_GRU, RETURNS_SEQUENCE, &p, x);
    outcome last = run(REF_GRU, RETURNS_LAST, &p, x);
    NEAR(all.y[0], 0.125, EPS), NEAR(all.y[1], 7.0 / 32, EPS);
    NEAR(last.y[0], 7.0 / 32, EPS);
    double dn2 = 0.25 * 0.75, dn1 = 0.75 * dn2, s = 0.1875;
    double dz2 = (0.125 - 0.5) * s, dz1 = 0.75 * (0 - 0.5) * s;
    double dr = (dn2 + dn1) * (LN3 / 3) * s;
    NEAR(last.b[0], dz2 + dz1, EPS), NEAR(last.b[3], dz2 + dz1, EPS);
    NEAR(last.b[1], dr, EPS), NEAR(last.b[4], dr, EPS);
    NEAR(last.b[2], dn2 + dn1, EPS), NEAR(last.b[5], (dn2 + dn1) * 0.75, EPS);
    NEAR(last.u[2], 0.125 * dn2 * 0.75, EPS);
    NEAR(last.w[0], 2 * dz2 + dz1, EPS);
}

/* b = (ln 3, ln 3, ln 3 / 2), u_n = 16 ln 3 / 3: z = r = 3/4; n_1 = tanh(ln 3 / 2) = 1/2, h_1 = 1/4 * 1/2 = 1/8;
 * n_2 = tanh(ln 3 / 2 + 3/4 * 1/8 u_n) = tanh(ln 3) = 4/5, h_2 = 3/4 * 1/8 + 1/4 * 4/5 = 47/160. */
static void gru_reset_by_hand(void **state)
{
    (void)state;
    double w[3] = {0}, u[3] = {0, 0, 16 * LN3 / 3}, x[2] = {1, 2}, b[3] = {LN3, LN3, LN3 / 2};
    recurrent_tensors p = {w, u, b};
    outcome all = run(REF_GRU_RESET, RETURNS_SEQUENCE, &p, x);
    outcome last = run(REF_GRU_RESET, RETURNS_LAST, &p, x);
    NEAR(all.y[0], 0.125, EPS), NEAR(all.y[1], 47.0 / 160, EPS);
    NEAR(last.y[0], 47.0 / 160, EPS);
    double dn2 = 0.25 * 0.36, dreset = dn2 * u[2], dh1 = 0.75 + 0.75 * dreset;
    double dn1 = dh1 * 0.25 * 0.75, dr2 = dreset * 0.125 * 0.1875;
    double dz2 = (0.125 - 0.8) * 0.1875, dz1 = dh1 * -0.5 * 0.1875;
    NEAR(last.u[2], 0.75 * 0.125 * dn2, EPS);
    NEAR(last.u[1], 0.125 * dr2, EPS);
    NEAR(last.b[0], dz1 + dz2, EPS), NEAR(last.b[1], dr2, EPS), NEAR(last.b[2], dn1 + dn2, EPS);
    NEAR(last.w[2], dn1 + 2 * dn2, EPS);
}

/* h = x + h: the sums of x from its end, in the order in which they are computed; x_1 reaches the last alone. */
static void backwards_by_hand(void **state)
{
    (void)state;
    double w = 1, u = 1, b = 0, x[3] = {1, 2, 4}, y[3], dx[3], dw, du, db;
    const double dy[3] = {1, 10, 100};
    recurrent_tensors p = {&w, &u, &b}, gradient = {&dw, &du, &db};
    recurrent_ref s = {
        REF_SIMPLE_RNN, 1, 3, 1, 1, RETURNS_SEQUENCE, DIRECTION_BACKWARD, ACTIVATION_NONE,
        ACTIVATION_NONE};
    recurrent_ref_forward(&s, &p, x, y);
    recurrent_ref_backward(&s, &p, x, dy, dx, &gradient);
    NEAR(y[0], 4, 0), NEAR(y[1], 6, 0), NEAR(y[2], 7, 0);
    NEAR(dx[0], 100, 0), NEAR(dx[1], 110, 0), NEAR(dx[2], 111, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_rnn_by_hand), cmocka_unit_test(lstm_by_hand),
        cmocka_unit_test(gru_by_hand),        cmocka_unit_test(gru_reset_by_hand),
        cmocka_unit_test(backwards_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
