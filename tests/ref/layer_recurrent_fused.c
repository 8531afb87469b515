/* ref/layer_recurrent_fused.c - the fused recurrent stage against the double twin: leaves whose samples begin together, one
 * after another, not at all; every instruction set.
 *
 * Bounds as in layer_recurrent.c, with 6e-7 for a gate: 2 T (D + U + 14) 2^-24 of the largest value of an array. */
#include "check.h"
#include "recurrent_fixture.h"
#include "reference/bf16_tables.h"

/* Measured: at most 0.0080, for lstm. */
static const double BF16_ERROR = 1e-2;

static const recurrent_ref_cell cells[] = {REF_SIMPLE_RNN, REF_LSTM};

/* steps, inputs, units, samples; tiles have up to 12 rows. */
static const struct {
    int samples, steps, inputs, units;
} sweep[] = {
    {1, 1, 1, 32},   {8, 5, 3, 64},   {3, 2, 7, 32},  {2, 7, 1, 96},
    {5, 4, 12, 32},  {13, 6, 33, 64}, {4, 6, 9, 128}, {7, 9, 28, 32},
    {26, 5, 17, 64}, {8, 32, 4, 32},  {6, 3, 64, 32}, {8, 28, 28, 128},
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
    double share = 2.0 * s->steps * (s->inputs + s->units + 14) * 0x1p-24;
    recurrent_leaf(f, 0, s->samples);
    close_to(f->y, t->y, (size_t)s->samples * f->y_length, share);
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

static void stage_against_twin(void **state)
{
    (void)state;
    static recurrent_fixture f;
    const kernels *tables[3];
    int count = kernels_available(tables), number = 0;
    for (size_t i = 0; i < sizeof sweep / sizeof *sweep; i++)
        for (int k = 0; k < 4; k++)
            for (int blank = BLANK_NONE; blank < BLANKS; blank++) {
                if (!TESTED(number++, 11)) continue;
                recurrent_ref s = {cells[k % 2],    sweep[i].samples, sweep[i].steps,
                                   sweep[i].inputs, sweep[i].units,   RETURNS_LAST,
                                   REF_USUAL};
                s.direction = (layer_direction)(k / 2);
                recurrent_open(&f, &s, 100 * i);
                recurrent_blank_rows(&f, (recurrent_blank)blank);
                recurrent_twin t = recurrent_twin_of(&f);
                for (int table = 0; table < count; table++) {
                    CASE("%s, %s: %d samples, T %d, D %d, U %d, blank %d, direction %d",
                         recurrent_words[s.cell], tables[table]->name, s.samples, s.steps, s.inputs,
                         s.units, blank, s.direction);
                    recurrent_plan_fused(&f, tables[table]);
                    check_stage(&f, &t);
                }
                recurrent_close(&f);
            }
}

/* The largest error of outputs and gradients. */
static double largest_error(recurrent_fixture *f, const kernels *k, const recurrent_twin *t)
{
    recurrent_plan_fused(f, k);
    return recurrent_error(f, t);
}

/* Operands of 8 bits are off by 2^-9 at most, 2^-10.8 in the mean; errors of many terms partly cancel each other. */
static void bf16_against_twin(void **state)
{
    (void)state;
    static recurrent_fixture f;
    const kernels *tables[BF16_TABLES];
    int count = bf16_tables(tables);
    for (int cell = 0; cell < 2; cell++)
        for (int blank = BLANK_NONE; blank < BLANKS; blank++) {
            if (!TESTED(cell + blank, 3)) continue;
            recurrent_ref s = {cells[cell], 8, 28, 28, 128, RETURNS_LAST, REF_USUAL};
            recurrent_open(&f, &s, 5);
            recurrent_blank_rows(&f, (recurrent_blank)blank);
            recurrent_twin t = recurrent_twin_of(&f);
            for (int table = 0; table < count; table++) {
                CASE("%s, %s, blank %d", recurrent_words[s.cell], tables[table]->name, blank);
                double error = largest_error(&f, tables[table], &t);
                NEAR(error, 0, BF16_ERROR);
                assert_true(error > BF16_ERROR / 100); /* the operands were rounded */
            }
            NEAR(largest_error(&f, kernels_of_level(PRECISION_FP32, 0), &t), 0, BF16_ERROR / 100);
            recurrent_close(&f);
        }
}

/* What it leaves to the other stage. */
static void which_stages_fuse(void **state)
{
    (void)state;
    static recurrent_fixture f;
    const kernels *tables[3];
    kernels_available(tables);
    const struct {
        recurrent_ref shape;
        gemm_engine engine;
        int want_dx, fuses;
    } cases[] = {
        {{REF_LSTM, 1, 2, 3, 32, RETURNS_LAST, REF_USUAL}, GEMM_OWN, 0, 1},
        {{REF_SIMPLE_RNN, 1, 2, 3, 96, RETURNS_LAST, REF_USUAL}, GEMM_OWN, 0, 1},
        {{REF_LSTM, 1, 2, 3, 32, RETURNS_LAST, DIRECTION_BACKWARD, ACTIVATION_TANH,
          ACTIVATION_SIGMOID},
         GEMM_OWN,
         0,
         1},
        {{REF_LSTM, 1, 2, 3, 32, RETURNS_LAST, DIRECTION_FORWARD, ACTIVATION_RELU,
          ACTIVATION_SIGMOID},
         GEMM_OWN,
         0,
         0},
        {{REF_LSTM, 1, 2, 3, 32, RETURNS_LAST, DIRECTION_FORWARD, ACTIVATION_TANH,
          ACTIVATION_HARD_SIGMOID},
         GEMM_OWN,
         0,
         0},
        {{REF_SIMPLE_RNN, 1, 2, 3, 32, RETURNS_LAST, DIRECTION_FORWARD, ACTIVATION_RELU,
          ACTIVATION_NONE},
         GEMM_OWN,
         0,
         0},
        {{REF_GRU, 1, 2, 3, 32, RETURNS_LAST, REF_USUAL}, GEMM_OWN, 0, 0},
        {{REF_LSTM, 1, 2, 3, 32, RETURNS_SEQUENCE, REF_USUAL}, GEMM_OWN, 0, 0},
        {{REF_LSTM, 1, 2, 3, 32, RETURNS_LAST, REF_USUAL}, GEMM_BLIS, 0, 0},
        {{REF_LSTM, 1, 2, 3, 32, RETURNS_LAST, REF_USUAL}, GEMM_OWN, 1, 0},
        {{REF_SIMPLE_RNN, 1, 2, 3, 48, RETURNS_LAST, REF_USUAL}, GEMM_OWN, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        recurrent_open(&f, &cases[i].shape, 1);
        recurrent_plan(&f, tables[0], cases[i].engine, cases[i].want_dx);
        CASE("case %zu", i);
        stage_choose(&f.s, NULL);
        assert_string_equal(f.s.type->name, cases[i].fuses ? "recurrent_fused" : "recurrent");
        recurrent_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stage_against_twin),
        cmocka_unit_test(bf16_against_twin),
        cmocka_unit_test(which_stages_fuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
