/* ref/kernel_activation.c - activate and activation_backward against libm in double. */
#include "check.h"

#include <stdlib.h>

#include "kernel/kernels.h"
#include "reference/activation.h"
#include "reference/values.h"

enum { COUNT = 100003 };
static const double EPS = 0x1p-24;
static const float SLOPE = 0.3f;

static const kernels *tables[3];
static int table_count;

static int set_up(void **state)
{
    (void)state;
    table_count = kernels_available(tables);
    return 0;
}

/* Dense around 0, where relative errors would show, and far beyond where tanh is 1. */
static float argument(int i)
{
    float u = value_at(7, (uint64_t)i);
    return i % 3 == 0 ? u * 1e-3f : i % 3 == 1 ? u * 12.0f : u * 200.0f;
}

/* tanh, sigmoid and elu below 0: 4 ulp of 1, tanh and elu besides relative to small results; hard_sigmoid: two
 * roundings; the others: one. */
static double bound_of(activation act, double x, double y)
{
    if (act == ACTIVATION_SIGMOID) return 8 * EPS;
    if (act == ACTIVATION_TANH || (act == ACTIVATION_ELU && x < 0))
        return fmin(8 * EPS, 8 * EPS * fabs(x));
    if (act == ACTIVATION_HARD_SIGMOID) return 2.5 * EPS * fabs(y);
    return EPS * fabs(y);
}

static void values(void **state)
{
    (void)state;
    float *x = values_take(COUNT * sizeof *x), *y = values_take(COUNT * sizeof *y);
    for (int i = 0; i < COUNT; i++) x[i] = argument(i);
    for (int t = 0; t < table_count; t++)
        for (int act = ACTIVATION_NONE; act <= ACTIVATION_HARD_SIGMOID; act++) {
            memcpy(y, x, COUNT * sizeof *y);
            tables[t]->activate((activation)act, SLOPE, COUNT, y);
            for (int i = 0; i < COUNT; i++) {
                double want = activation_ref((activation)act, (double)SLOPE, (double)x[i]);
                CASE("%s act %d x %.9g", tables[t]->name, act, (double)x[i]);
                NEAR(y[i], want, bound_of((activation)act, (double)x[i], want));
            }
        }
    free(x), free(y);
}

/* Out of y alone, so y's error counts: |d act'/dy| <= 2. */
static void derivatives(void **state)
{
    (void)state;
    float *x = values_take(COUNT * sizeof *x), *y = values_take(COUNT * sizeof *y);
    float *dx = values_take(COUNT * sizeof *dx), *dy = values_take(COUNT * sizeof *dy);
    for (int i = 0; i < COUNT; i++) x[i] = argument(i), dy[i] = value_at(8, (uint64_t)i);
    for (int t = 0; t < table_count; t++)
        for (int act = ACTIVATION_NONE; act <= ACTIVATION_HARD_SIGMOID; act++) {
            memcpy(y, x, COUNT * sizeof *y);
            tables[t]->activate((activation)act, SLOPE, COUNT, y);
            tables[t]->activation_backward((activation)act, SLOPE, COUNT, dy, y, dx);
            for (int i = 0; i < COUNT; i++) {
                double slope = activation_ref_derivative((activation)act, (double)SLOPE,
                                                         (double)x[i]);
                CASE("%s act %d x %.9g", tables[t]->name, act, (double)x[i]);
                NEAR(dx[i], (double)dy[i] * slope, 20 * EPS * fabs((double)dy[i]));
            }
            tables[t]->activation_backward((activation)act, SLOPE, COUNT, dy, y, dy);
            SAME_BITS(dy, dx, COUNT);
            for (int i = 0; i < COUNT; i++) dy[i] = value_at(8, (uint64_t)i);
        }
    free(x), free(y), free(dx), free(dy);
}

static void special_values(void **state)
{
    (void)state;
    const float x[] = {0, -0.0f, INFINITY, -INFINITY, 1e30f, -1e30f, NAN};
    const float tanhs[] = {0, 0, 1, -1, 1, -1}, sigmoids[] = {0.5f, 0.5f, 1, 0, 1, 0};
    const float leaks[] = {0, 0, INFINITY, -INFINITY, 1e30f, -1e30f * 0.3f};
    const float elus[] = {0, 0, INFINITY, -1, 1e30f, -1};
    for (int t = 0; t < table_count; t++)
        for (int act = ACTIVATION_RELU; act <= ACTIVATION_HARD_SIGMOID; act++) {
            float y[7];
            memcpy(y, x, sizeof y);
            tables[t]->activate((activation)act, SLOPE, 7, y);
            CASE("%s act %d", tables[t]->name, act);
            assert_true(isnan(y[6])); /* what is broken stays visible */
            for (int i = 0; i < 6; i++) {
                if (act == ACTIVATION_TANH) NEAR(y[i], tanhs[i], 4 * EPS);
                if (act == ACTIVATION_HARD_SIGMOID) assert_true(y[i] == sigmoids[i]);
                if (act == ACTIVATION_SIGMOID) NEAR(y[i], sigmoids[i], 4 * EPS);
                if (act == ACTIVATION_ELU)
                    assert_true(y[i] == elus[i] || fabsf(y[i] - elus[i]) <= 4 * (float)EPS);
                if (act == ACTIVATION_LEAKY_RELU) assert_true(y[i] == leaks[i]);
                if (act == ACTIVATION_RELU) assert_true(y[i] == fmaxf(x[i], 0));
                assert_true(act != ACTIVATION_SIGMOID || (y[i] >= 0 && y[i] <= 1));
            }
        }
}

/* The flat parts of hard_sigmoid begin at -3 and 3: there, the derivative is 0, as in Keras. */
static void hard_sigmoid_edges(void **state)
{
    (void)state;
    enum { N = 6 };
    const float x[N] = {-4, -3, -0x1.7ffffep1f, 0x1.7ffffp1f, 3, 4};
    const float dy[N] = {6, 6, 6, 6, 6, 6}, slopes[N] = {0, 0, 1, 1, 0, 0};
    for (int t = 0; t < table_count; t++) {
        float y[N], dx[N];
        memcpy(y, x, sizeof y);
        tables[t]->activate(ACTIVATION_HARD_SIGMOID, 0, N, y);
        tables[t]->activation_backward(ACTIVATION_HARD_SIGMOID, 0, N, dy, y, dx);
        CASE("%s", tables[t]->name);
        assert_true(y[1] == 0 && y[2] > 0 && y[3] < 1 && y[4] == 1);
        SAME_BITS(dx, slopes, N);
    }
}

/* Bits do not depend on length or place, nothing outside is touched, and all tables agree. */
static void any_length(void **state)
{
    (void)state;
    enum { MOST = 70 };
    fence f = fence_open(MOST), g = fence_open(MOST);
    for (int act = ACTIVATION_NONE; act <= ACTIVATION_HARD_SIGMOID; act++)
        for (int t = 0; t < table_count; t++)
            for (size_t n = 0; n <= MOST; n++) {
                float *y = fence_floats(&f, n), *dx = fence_floats(&g, n), one, back;
                for (size_t i = 0; i < n; i++) y[i] = 3 * value_at(n, i);
                tables[t]->activate((activation)act, SLOPE, n, y);
                tables[t]->activation_backward((activation)act, SLOPE, n, y, y, dx);
                CASE("%s act %d length %zu", tables[t]->name, act, n);
                for (size_t i = 0; i < n; i++) {
                    one = 3 * value_at(n, i);
                    tables[0]->activate((activation)act, SLOPE, 1, &one);
                    tables[0]->activation_backward((activation)act, SLOPE, 1, &one, &one, &back);
                    SAME_BITS(&y[i], &one, 1);
                    SAME_BITS(&dx[i], &back, 1);
                }
                assert_true(fence_intact(&f, n) && fence_intact(&g, n));
            }
    fence_close(&f), fence_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),         cmocka_unit_test(derivatives),
        cmocka_unit_test(special_values), cmocka_unit_test(hard_sigmoid_edges),
        cmocka_unit_test(any_length),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
