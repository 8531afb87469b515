/* grad/model_bf16.c - gradients from operands rounded to bfloat16, against the double network.
 *
 * A rounded operand is off by 2^-9 of itself at most. The error of each tensor's gradient is measured as a whole: the root of
 * the sum of its squares over that of the gradient's. A ReLU that rounding flips is part of it. */
#include "check.h"
#include "model_twin.h"

/* Measured: 0.0039 for mlp, 0.027 for the smaller one, where rounding flips more of the ReLUs. */
static const double BF16_ERROR = 4e-2;
static const fixture_cfg models[] = {
    {"mlp", {3, {28, 28, 1}}, 10, 8, GEMM_OWN, 31},
    {"flatten; dense 40 relu; dense 33 relu; dense 7", {3, {9, 9, 1}}, 7, 8, GEMM_OWN, 32},
};
enum { MODELS = sizeof models / sizeof *models };

static double rms_error(const float *got, const double *want, span at)
{
    double errors = 0, values = 0;
    for (size_t i = at.offset; i < at.offset + at.length; i++) {
        double error = (double)got[i] - want[i];
        errors += error * error, values += want[i] * want[i];
    }
    return isnan(errors) ? HUGE_VAL : sqrt(errors / values);
}

/* The largest error of a tensor's gradient. */
static double largest_error(const fixture_cfg *cfg, const kernels *k)
{
    fixture f = fixture_open(cfg, k);
    twin t = twin_open(&f);
    double worst = 0;
    float *gradient = values_take(f.m->slab_length * sizeof *gradient);
    mean_loss(&t, &f, 1, NULL);
    float_gradient(&f, 2, 1, gradient);
    for (int i = 0; i < f.m->layers; i++)
        for (int j = 0; j < f.m->layer[i].tensors; j++)
            worst = fmax(worst, rms_error(gradient, t.gradient, f.m->layer[i].tensor[j].at));
    free(gradient);
    twin_close(&t), fixture_close(&f);
    return worst;
}

static void whole_gradient(void **state)
{
    (void)state;
    const kernels *k[KERNELS_LEVELS];
    int tables = kernels_available_in(PRECISION_BF16, k);
    for (int m = 0; m < MODELS; m++) {
        CASE("%s, fp32", models[m].spec);
        NEAR(largest_error(&models[m], kernels_of_level(PRECISION_FP32, 0)), 0, BF16_ERROR / 1000);
        for (int i = 0; i < tables; i++) {
            CASE("%s, %s", models[m].spec, k[i]->name);
            double error = largest_error(&models[m], k[i]);
            NEAR(error, 0, BF16_ERROR);
            assert_true(error > BF16_ERROR / 100); /* the operands were rounded */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
