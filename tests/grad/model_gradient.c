/* grad/model_gradient.c - gradients of whole models: float against the double network, and that against differences.
 *
 * Seeds are such that no ReLU and no maximum of any sample is decided by less than MARGIN: rounding of the float model
 * (below 1e-5 for these sizes) and the step of the differences cannot change one. Each test asserts that. */
#include "check.h"
#include "model_twin.h"

enum { SAMPLES = 7 };
static const double MARGIN = 2e-5, STEP = 1e-6, EPS = 0x1p-24;

static const struct {
    fixture_cfg cfg;
    int stages; /* what fusion leaves */
} cases[] = {
    {{"conv2d 3 3 relu; maxpool 2; conv2d 4 2 stride 2 same relu; flatten; dense 7 relu; dense 5",
      {3, {12, 11, 1}},
      5,
      SAMPLES,
      GEMM_OWN,
      1},
     4},
    {{"conv2d 3 3 relu; maxpool 2; conv2d 4 2 relu; maxpool 2; flatten; dense 5",
      {3, {12, 11, 2}},
      5,
      SAMPLES,
      GEMM_OWN,
      1},
     3},
    {{"conv2d 3 3 same relu; maxpool 3 stride 2 same; conv2d 4 3; maxpool 2 stride 1; flatten; "
      "dense 3",
      {3, {9, 10, 1}},
      3,
      SAMPLES,
      GEMM_OWN,
      1},
     5},
    {{"maxpool 2; conv2d 2 3 relu; conv2d 3 2 stride 3; flatten; dense 4 relu; dense 3",
      {3, {13, 12, 1}},
      3,
      SAMPLES,
      GEMM_OWN,
      1},
     5},
    {{"conv2d 4 4 stride 2 same; conv2d 3 5; flatten", {3, {9, 9, 1}}, 3, SAMPLES, GEMM_OWN, 1}, 2},
    {{"flatten; dense 9 relu; dense 8; dense 6 relu; dense 4",
      {3, {5, 6, 1}},
      4,
      SAMPLES,
      GEMM_OWN,
      1},
     4},
    /* one channel, as the image has, but with parameters before it */
    {{"conv2d 1 3; conv2d 32 3 relu; maxpool 2; flatten; dense 3",
      {3, {8, 8, 1}},
      3,
      SAMPLES,
      GEMM_OWN,
      2},
     3},
    {{"flatten; dense 3", {3, {4, 4, 1}}, 3, SAMPLES, GEMM_OWN, 1}, 1},
};
enum { CASES = sizeof cases / sizeof *cases };

/* Largest disagreement of the twin's gradient with central differences of its loss, over all parameters. */
static double disagreement(twin *t, const fixture *f)
{
    double worst = 0;
    for (size_t j = 0; j < f->m->slab_length; j++) {
        double at = t->slab[j];
        t->slab[j] = at + STEP;
        double high = mean_loss(t, f, 0, NULL);
        t->slab[j] = at - STEP;
        double low = mean_loss(t, f, 0, NULL);
        t->slab[j] = at;
        double off = fabs((high - low) / (2 * STEP) - t->gradient[j]);
        worst = isnan(off) ? HUGE_VAL : fmax(worst, off);
    }
    return worst;
}

/* Rounding of a loss of about 2 over the step: 4 * 2^-53 / STEP; the step's square, times third derivatives below
 * 100. */
static const double SLOPE = 2e-9;

static void twin_against_differences(void **state)
{
    (void)state;
    const kernels *k[3];
    kernels_available(k);
    for (int c = 0; c < CASES; c++) {
        fixture f = fixture_open(&cases[c].cfg, k[0]);
        twin t = twin_open(&f);
        double margin = HUGE_VAL;
        CASE("%s", cases[c].cfg.spec);
        mean_loss(&t, &f, 1, &margin);
        CHECK(margin > MARGIN, "margin %g: draw other numbers for %s", margin, check_case);
        NEAR(disagreement(&t, &f), 0, SLOPE);
        if (c == CASES - 1) { /* the comparison can fail */
            t.gradient[0] += 1e-6;
            assert_true(disagreement(&t, &f) > SLOPE);
        }
        twin_close(&t), fixture_close(&f);
    }
}

/* The image's gradient, which no float model computes, holds the chain together below the first layer. */
static void image_gradient(void **state)
{
    (void)state;
    const kernels *k[3];
    kernels_available(k);
    fixture f = fixture_open(&cases[0].cfg, k[0]);
    twin t = twin_open(&f);
    double *dx = values_take(t.pixels * sizeof *dx);
    network_result r = {.gradient = t.gradient, .dx = dx};
    network_ref_loss(&t.net, t.x, f.labels[0], &r);
    for (size_t i = 0; i < t.pixels; i++) {
        double at = t.x[i];
        t.x[i] = at + STEP;
        double high = network_ref_loss(&t.net, t.x, f.labels[0], NULL);
        t.x[i] = at - STEP;
        double low = network_ref_loss(&t.net, t.x, f.labels[0], NULL);
        t.x[i] = at;
        NEAR(dx[i], (high - low) / (2 * STEP), SLOPE);
    }
    free(dx), twin_close(&t), fixture_close(&f);
}

/* Every tensor has a gradient, and no gap has one. */
static void check_places(const model *m, const float *gradient)
{
    size_t at = 0;
    for (int i = 0; i < m->layers; i++)
        for (int t = 0; t < m->layer[i].tensors; t++) {
            span s = m->layer[i].tensor[t].at;
            int nonzero = 0;
            for (; at < s.offset; at++) assert_true(gradient[at] == 0);
            for (; at < s.offset + s.length; at++) nonzero += gradient[at] != 0;
            CASE("%.150s: layer %s, tensor %d of %zu values", m->spec, m->layer[i].name, t,
                 s.length);
            assert_true(nonzero > 0);
        }
    for (; at < m->slab_length; at++) assert_true(gradient[at] == 0);
}

static void compare(const fixture_cfg *cfg, const kernels *k, int stages)
{
    fixture f = fixture_open(cfg, k);
    twin t = twin_open(&f);
    double margin = HUGE_VAL;
    float *gradient = values_take(f.m->slab_length * sizeof *gradient);
    assert_int_equal(f.m->stages, stages);
    mean_loss(&t, &f, 1, &margin);
    assert_true(margin > MARGIN);
    float_gradient(&f, 2, 3, gradient);
    check_places(f.m, gradient);
    for (size_t j = 0; j < f.m->slab_length; j++)
        t.magnitude[j] *= network_ref_terms(&t.net, f.samples) * EPS;
    CASE("%s, %s, engine %d", cfg->spec, k->name, cfg->engine);
    ALLCLOSE(gradient, t.gradient, t.magnitude, f.m->slab_length);
    free(gradient), twin_close(&t), fixture_close(&f);
}

static void float_against_twin(void **state)
{
    (void)state;
    const kernels *k[3];
    int tables = kernels_available(k);
    for (int c = 0; c < CASES; c++)
        for (int t = 0; t < tables; t++)
            for (int engine = GEMM_OWN; engine <= GEMM_BLIS; engine++) {
                fixture_cfg cfg = cases[c].cfg;
                cfg.engine = (gemm_engine)engine;
                compare(&cfg, k[t], cases[c].stages);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twin_against_differences),
        cmocka_unit_test(image_gradient),
        cmocka_unit_test(float_against_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
