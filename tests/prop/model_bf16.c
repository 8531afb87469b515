/* prop/model_bf16.c - whole gradients with operands rounded to bfloat16: all tables give the same bits, AMX' too, and so do
 * leaves on one thread and on several. The stages that take the layers differ in shape, in padding, and in whether blocks of
 * terms end where rows of the input do. */
#include "check.h"
#include "model_twin.h"
#include "reference/bf16_tables.h"

static const fixture_cfg models[] = {
    {"cnn", {3, {28, 28, 1}}, 10, 5, GEMM_OWN, 1},
    {"lenet5", {3, {28, 28, 1}}, 10, 5, GEMM_OWN, 2},
    {"conv2d 32 3 relu; conv2d 32 3 relu; maxpool 2; conv2d 64 3 relu; conv2d 64 3 tanh; flatten; "
     "dense 10",
     {3, {16, 15, 3}},
     10,
     4,
     GEMM_OWN,
     3},
    {"conv2d 7 3 same elu; conv2d 33 2 stride 2 relu; maxpool 2; conv2d 5 3 same; flatten; dense 7",
     {3, {13, 12, 2}},
     7,
     5,
     GEMM_OWN,
     4},
    {"conv2d 64 5 same relu; conv2d 3 3 stride 3; flatten; dense 3",
     {3, {9, 60, 1}},
     3,
     3,
     GEMM_OWN,
     5},
    {"gru 20 sequence; gru 32; dense 10", {3, {7, 28, 1}}, 10, 9, GEMM_OWN, 6},
    {"simple_rnn 17 sequence; lstm 33 sequence; gru 5 reset_before; dense 4",
     {3, {6, 9, 1}},
     4,
     9,
     GEMM_OWN,
     7},
    {"lstm 32 sequence; lstm 32; dense 10", {3, {5, 40, 1}}, 10, 9, GEMM_OWN, 8},
};
enum { MODELS = sizeof models / sizeof *models, GRAIN = 2 };

static float *gradient_of(const fixture_cfg *cfg, const kernels *k, int threads, size_t *length)
{
    fixture f = fixture_open(cfg, k);
    *length = f.m->slab_length;
    float *gradient = values_take(*length * sizeof *gradient);
    float_gradient(&f, threads, GRAIN, gradient);
    fixture_close(&f);
    return gradient;
}

static void tables_agree(void **state)
{
    (void)state;
    const kernels *tables[BF16_TABLES];
    int count = bf16_tables(tables);
    for (int m = 0; m < MODELS; m++) {
        size_t length;
        float *want = gradient_of(&models[m], kernels_of_level(PRECISION_BF16, 0), 1, &length);
        float *fp32 = gradient_of(&models[m], kernels_of_level(PRECISION_FP32, 0), 1, &length);
        assert_memory_not_equal(want, fp32, length * sizeof *want);
        for (int t = 0; t < count; t++) {
            CASE("%s, %s of %d", models[m].spec, tables[t]->name, count);
            float *got = gradient_of(&models[m], tables[t], 1 + t, &length);
            SAME_BITS(got, want, length);
            free(got);
        }
        free(want), free(fp32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
