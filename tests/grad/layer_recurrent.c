/* grad/layer_recurrent.c - the recurrent twins' gradients against central differences, in double, and the stage's
 * against the twins'. */
#include "check.h"
#include "recurrent_fixture.h"

static const double STEP = 1e-5, TOLERANCE = 2e-8;

static const recurrent_ref sweep[] = {
    {REF_LSTM, 2, 4, 3, 3, RETURNS_LAST, REF_USUAL},
    {REF_LSTM, 1, 5, 2, 4, RETURNS_SEQUENCE, REF_USUAL},
    {REF_LSTM, 3, 1, 4, 2, RETURNS_SEQUENCE, REF_USUAL},
    {REF_LSTM, 1, 2, 1, 1, RETURNS_LAST, REF_USUAL},
    {REF_LSTM, 2, 9, 5, 3, RETURNS_LAST, REF_USUAL},
};

/* <y, dy>, whose gradient the twin's backward pass gives. */
static double projected(const recurrent_ref *s, recurrent_twin *t)
{
    double sum = 0;
    recurrent_ref_forward(s, &t->p, t->x, t->y);
    for (int i = 0; i < recurrent_ref_outputs(s); i++) sum += t->y[i] * t->dy[i];
    return sum;
}

/* Largest disagreement of a gradient with the differences along `values`. */
static double disagreement(const recurrent_ref *s, recurrent_twin *t, double *values,
                           const double *gradient, int count)
{
    double worst = 0;
    for (int i = 0; i < count; i++) {
        double at = values[i];
        values[i] = at + STEP;
        double high = projected(s, t);
        values[i] = at - STEP;
        double slope = (high - projected(s, t)) / (2 * STEP);
        values[i] = at;
        double off = fabs(slope - gradient[i]) / fmax(1, fabs(slope));
        worst = isnan(off) ? HUGE_VAL : fmax(worst, off);
    }
    return worst;
}

static void twins_against_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sweep / sizeof *sweep; i++)
        for (int k = 0; k < RECURRENT_VARIANTS; k++) {
            static recurrent_fixture f;
            recurrent_ref s = recurrent_as(sweep[i], k);
            recurrent_open(&f, &s, 10 * i);
            recurrent_twin t = recurrent_twin_of(&f);
            int cols = f.l.tensor[0].shape.dim[1];
            CASE("case %zu, %s, variant %d", i, recurrent_words[s.cell], k);
            NEAR(disagreement(&s, &t, t.p.w, t.gradient.w, s.inputs * cols), 0, TOLERANCE);
            NEAR(disagreement(&s, &t, t.p.u, t.gradient.u, s.units * cols), 0, TOLERANCE);
            NEAR(disagreement(&s, &t, t.p.b, t.gradient.b, recurrent_ref_biases(&s)), 0, TOLERANCE);
            NEAR(disagreement(&s, &t, t.x, t.dx, s.samples * s.steps * s.inputs), 0, TOLERANCE);
            t.gradient.u[0] += 1e-6; /* the comparison can fail */
            assert_true(disagreement(&s, &t, t.p.u, t.gradient.u, 1) > TOLERANCE);
            recurrent_close(&f);
        }
}

static void plan_best(recurrent_fixture *f, int fused)
{
    const kernels *tables[3];
    kernels_available(tables);
    if (fused)
        recurrent_plan_fused(f, tables[0]);
    else
        recurrent_plan(f, tables[0], GEMM_OWN, 1);
}

static int has_kink(activation act)
{
    return act == ACTIVATION_RELU || act == ACTIVATION_HARD_SIGMOID;
}

/* Directions of the stage itself: <dy, y(p + v) - y(p - v)> against <gradient, 2 v> for a small v in all parameters.
 * Floats lose half their digits in the difference, so this holds to 1e-3 only, but needs no twin. Functions with kinks are
 * left to the twins: v is large enough to cross some. */
static void stage_against_itself(void **state)
{
    (void)state;
    const recurrent_ref plain = {REF_LSTM, 5, 6, 7, 9, RETURNS_SEQUENCE, REF_USUAL};
    static const recurrent_ref fused[] = {{REF_SIMPLE_RNN, 5, 6, 7, 32, RETURNS_LAST, REF_USUAL},
                                          {REF_LSTM, 5, 6, 7, 32, RETURNS_LAST, REF_USUAL},
                                          {REF_LSTM, 5, 6, 7, 32, RETURNS_LAST, DIRECTION_BACKWARD,
                                           ACTIVATION_TANH, ACTIVATION_SIGMOID}};
    for (int k = 0; k < RECURRENT_VARIANTS + 3; k++) {
        static recurrent_fixture f;
        int is_fused = k >= RECURRENT_VARIANTS;
        recurrent_ref s = is_fused ? fused[k - RECURRENT_VARIANTS] : recurrent_as(plain, k);
        if (has_kink(s.state_act) || has_kink(s.gate_act)) continue;
        double change = 0, expected = 0;
        recurrent_open(&f, &s, 77);
        if (is_fused) recurrent_blank_rows(&f, BLANK_STARTS);
        plan_best(&f, is_fused);
        recurrent_leaf(&f, 0, s.samples);
        size_t outputs = (size_t)s.samples * f.y_length;
        float *kept = arena_take(&f.memory, f.slab * sizeof(float));
        memcpy(kept, f.gradient, f.slab * sizeof(float));
        for (int side = 1; side >= -1; side -= 2) {
            for (int t = 0; t < 3; t++)
                for (size_t i = 0; i < f.l.tensor[t].at.length; i++) {
                    size_t at = f.l.tensor[t].at.offset + i;
                    float v = 0x1p-9f * value_at(5, at);
                    f.parameters[at] += side > 0 ? v : -2 * v;
                    if (side > 0) expected += 2 * (double)kept[at] * (double)v;
                }
            plan_best(&f, is_fused);
            recurrent_leaf(&f, 0, s.samples);
            for (size_t i = 0; i < outputs; i++) change += side * (double)f.y[i] * (double)f.dy[i];
        }
        CASE("%s, %d, fused %d", recurrent_words[s.cell], k, is_fused);
        assert_true(fabs(expected) > 2e-4);
        NEAR(change / expected, 1, 1e-3);
        recurrent_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twins_against_differences),
        cmocka_unit_test(stage_against_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
