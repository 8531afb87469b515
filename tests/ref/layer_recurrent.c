/* ref/layer_recurrent.c - the recurrent stage against the double twin: last state and sequence, one step, odd sizes,
 * every instruction set, both engines.
 *
 * A step's sums are off by at most (D + U + 2) 2^-24 of their terms, its gates by 3e-7 more; what a step is off reaches
 * the next ones through products with rows of U whose length is about 1 here. So every result is held to
 * 2 T (D + U + 8) 2^-24 of the largest one of its array: twice what the float stage needs, far below what a slip
 * makes. */
#include "check.h"
#include "recurrent_fixture.h"
#include "reference/bf16_tables.h"

/* steps, inputs, units, samples; tables have vectors of 4, 8, 16 floats and panels of 8, 16, 32. */
static const struct {
    int samples, steps, inputs, units;
} sweep[] = {
    {1, 1, 1, 1}, {8, 5, 3, 5},    {3, 1, 7, 16}, {2, 7, 1, 13},  {5, 4, 12, 31}, {8, 3, 28, 32},
    {4, 6, 9, 8}, {13, 2, 17, 33}, {1, 9, 16, 4}, {6, 28, 5, 12}, {7, 3, 64, 48}, {8, 28, 28, 128},
};

static void close_to(const float *got, const double *want, size_t count, double share)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < count; i++) NEAR(got[i], want[i], share * largest);
}

static void check_stage(recurrent_fixture *f, const recurrent_twin *t)
{
    const recurrent_ref *s = &f->shape;
    const layer_tensor *tensor = f->l.tensor;
    double share = 2.0 * s->steps * (s->inputs + s->units + 8) * 0x1p-24;
    size_t n = (size_t)s->samples;
    recurrent_leaf(f, 0, s->samples);
    close_to(f->y, t->y, n * f->y_length, share);
    if (f->s.want_input_gradient) close_to(f->dx, t->dx, n * f->x_length, share);
    const double *const want[3] = {t->gradient.w, t->gradient.u, t->gradient.b};
    for (int i = 0; i < 3; i++)
        close_to(f->gradient + tensor[i].at.offset, want[i], tensor[i].at.length, share);
    for (size_t i = 0; i < f->slab; i++) { /* gaps are the slab's, not the stage's */
        int inside = 0;
        for (int k = 0; k < 3; k++)
            inside |= i >= tensor[k].at.offset && i < tensor[k].at.offset + tensor[k].at.length;
        assert_true(inside != is_canary(f->gradient[i]));
    }
}

static void check_case_of(const recurrent_ref *s, uint64_t seed)
{
    static recurrent_fixture f;
    const kernels *tables[3];
    int count = kernels_available(tables);
    recurrent_open(&f, s, seed);
    recurrent_twin t = recurrent_twin_of(&f);
    for (int table = 0; table < count; table++)
        for (int engine = GEMM_OWN; engine <= GEMM_BLIS; engine++)
            for (int want_dx = 0; want_dx <= 1; want_dx++) {
                CASE("%s %d %d %d, %s engine %d: %d samples, T %d, D %d, U %d, %s, dx %d",
                     recurrent_words[s->cell], s->direction, s->state_act, s->gate_act,
                     tables[table]->name, engine, s->samples, s->steps, s->inputs, s->units,
                     s->returns ? "sequence" : "last", want_dx);
                recurrent_plan(&f, tables[table], (gemm_engine)engine, want_dx);
                check_stage(&f, &t);
            }
    recurrent_close(&f);
}

static void stage_against_twin(void **state)
{
    (void)state;
    int number = 0;
    for (size_t i = 0; i < sizeof sweep / sizeof *sweep; i++)
        for (int k = 0; k < RECURRENT_VARIANTS; k++)
            for (int returns = RETURNS_LAST; returns <= RETURNS_SEQUENCE; returns++) {
                if (!TESTED(number++, 11)) continue;
                recurrent_ref s = {REF_LSTM,        sweep[i].samples, sweep[i].steps,
                                   sweep[i].inputs, sweep[i].units,   (layer_returns)returns,
                                   REF_USUAL};
                s = recurrent_as(s, k);
                check_case_of(&s, 100 * i);
            }
}

/* tanh and sigmoid as the gates have them, over all of their range, at its ends, and for NaN. */
static void gates_against_libm(void **state)
{
    (void)state;
    enum { UNITS = 64, PANELS = 16 };
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int table = 0; table < count; table++)
        for (int i = -12000; i <= 12000; i += UNITS) {
            if (!TESTED(i / UNITS, 7)) continue;
            const kernels *k = tables[table];
            _Alignas(64) float gates[UNITS], h[UNITS], q[3 * UNITS], a[3 * UNITS], zero[UNITS];
            for (int u = 0; u < UNITS; u++) gates[u] = (float)(i + u) / 1000.0f;
            size_t stride = (size_t)k->panel;
            time_step_args s = {.rows = 1,
                                .units = UNITS,
                                .panel_stride = stride,
                                .state_act = ACTIVATION_TANH,
                                .gate_act = ACTIVATION_SIGMOID,
                                .gates = gates,
                                .h = h,
                                .h_stride = UNITS,
                                .h_before = zero};
            k->simple_rnn_forward(&s);
            CASE("%s from %d", k->name, i);
            for (int u = 0; u < UNITS; u++) {
                NEAR(h[u], tanh((double)((float)(i + u) / 1000.0f)), 3e-7);
                assert_true(fabsf(h[u]) <= 1);
                a[u] = a[UNITS + u] = (float)(i + u) / 1000.0f, a[2 * UNITS + u] = 0;
                q[u] = q[UNITS + u] = 0, q[2 * UNITS + u] = 1, zero[u] = 1;
            }
            s.gates = a, s.state_gates = q;
            k->gru_forward(&s); /* n = tanh(r), h = z + (1 - z) n */
            for (int u = 0; u < UNITS; u++) {
                double r = 1 / (1 + exp(-(double)((float)(i + u) / 1000.0f)));
                NEAR(a[u], r, 2e-7), NEAR(a[UNITS + u], r, 2e-7);
                assert_true(a[u] >= 0 && a[u] <= 1);
                NEAR(h[u], r + (1 - r) * tanh(r), 6e-7);
            }
        }
}

static void nan_stays(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int table = 0; table < count; table++) {
        float gates[64], h[16];
        for (int u = 0; u < 64; u++) gates[u] = u == 3 ? NAN : u == 4 ? INFINITY : 0;
        time_step_args s = {.rows = 1,
                            .units = 16,
                            .panel_stride = (size_t)tables[table]->panel,
                            .state_act = ACTIVATION_TANH,
                            .gates = gates,
                            .h = h,
                            .h_stride = 16};
        tables[table]->simple_rnn_forward(&s);
        CASE("%s", tables[table]->name);
        assert_true(isnan(h[3]));
        NEAR(h[4], 1, 3e-7);
        NEAR(h[5], 0, 0);
    }
}

/* With operands rounded to bfloat16; see bf16_against_twin of layer_recurrent_fused.c. Measured: 0.0079 at most. */
static const double BF16_ERROR = 1.2e-2;
static void bf16_against_twin(void **state)
{
    (void)state;
    static recurrent_fixture f;
    const kernels *tables[BF16_TABLES];
    int count = bf16_tables(tables);
    for (int cell = 0; cell < 2 * RECURRENT_CELLS; cell++) {
        recurrent_ref s = {.samples = 8, .steps = 11, .inputs = 28, .units = 40};
        s = recurrent_as(s, cell / 2);
        s.returns = cell % 2 ? RETURNS_SEQUENCE : RETURNS_LAST;
        recurrent_open(&f, &s, 5);
        recurrent_twin t = recurrent_twin_of(&f);
        for (int table = 0; table < count; table++) {
            CASE("%s %d, %s", recurrent_words[s.cell], cell, tables[table]->name);
            recurrent_plan(&f, tables[table], GEMM_OWN, 1);
            double error = recurrent_error(&f, &t);
            NEAR(error, 0, BF16_ERROR);
            assert_true(error > BF16_ERROR / 100); /* the operands were rounded */
        }
        recurrent_plan(&f, kernels_of_level(PRECISION_FP32, 0), GEMM_OWN, 1);
        NEAR(recurrent_error(&f, &t), 0, BF16_ERROR / 100);
        recurrent_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stage_against_twin),
        cmocka_unit_test(gates_against_libm),
        cmocka_unit_test(nan_stays),
        cmocka_unit_test(bf16_against_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
