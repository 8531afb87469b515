/* grad/model_bf16.c - gradients from operands rounded to bfloat16, against the double network.
 *
 * A rounded operand is off by 2^-9 of itself at most. The error of each tensor's gradient is measured as a whole: the root of
 * the sum of its squares over that of the gradient's. A ReLU that rounding flips is part of it. */
#include "check.h"
#include "model_twin.h"
#include "reference/bf16_tables.h"

/* The bound of each model is at most 1.6 times what was measured. Where rounding flips a ReLU or a maximum, a whole term of
 * the gradient goes to another place: hence the larger bounds of these models. */
typedef struct bf16_model {
    fixture_cfg cfg;
    double error;
} bf16_model;
static const bf16_model models[] = {
    {{"mlp", {3, {28, 28, 1}}, 10, 8, GEMM_OWN, 31}, 6e-3},
    {{"flatten; dense 40 relu; dense 33 relu; dense 7", {3, {9, 9, 1}}, 7, 8, GEMM_OWN, 32}, 4e-2},
    {{"cnn", {3, {28, 28, 1}}, 10, 4, GEMM_OWN, 33}, 0.2},
    {{"conv2d 32 3 relu; conv2d 32 3 relu; maxpool 2; flatten; dense 10",
      {3, {12, 12, 1}},
      10,
      4,
      GEMM_OWN,
      34},
     8e-2},
    {{"conv2d 8 5 same; conv2d 32 3; conv2d 10 3 stride 2; flatten; dense 10",
      {3, {12, 12, 1}},
      10,
      4,
      GEMM_OWN,
      35},
     1e-2},
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
    const kernels *k[BF16_TABLES];
    int tables = bf16_tables(k);
    for (int m = 0; m < MODELS; m++) {
        CASE("%s, fp32", models[m].cfg.spec);
        NEAR(largest_error(&models[m].cfg, kernels_of_level(PRECISION_FP32, 0)), 0,
             models[m].error / 1000);
        for (int i = 0; i < tables; i++) {
            CASE("%s, %s", models[m].cfg.spec, k[i]->name);
            double error = largest_error(&models[m].cfg, k[i]);
            NEAR(error, 0, models[m].error);
            assert_true(error > models[m].error / 100); /* the operands were rounded */
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
