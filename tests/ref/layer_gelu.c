/* ref/layer_gelu.c - gelu and its derivative against libm's erfc and exp in double, over every x where they are not 0 or 1. */
#include "check.h"

#include "layer_bench.h"
#include "reference/gelu.h"

enum { COUNT = 40001 };

/* From -20 to 20 in steps of 0.001, through 0. */
static float argument(int i)
{
    return (float)(i - COUNT / 2) * 1e-3f;
}

static void open_bench(layer_bench *b, int length)
{
    const kernels *tables[3];
    const layer_cfg cfg = {.type = kind_named("gelu")};
    kernels_available(tables);
    assert_true(bench_open(b, &cfg, shape_vector(length), 1, tables[0], BENCH_DRAWN, 3));
}

/* The bounds that layer/gelu.c states. */
static void values(void **state)
{
    (void)state;
    layer_bench b;
    open_bench(&b, COUNT);
    for (int i = 0; i < COUNT; i++) b.x[i] = argument(i);
    bench_run(&b, 0, 1);
    for (int i = 0; i < COUNT; i++) {
        double x = (double)b.x[i], dy = (double)b.dy_given[i], y = gelu_ref(x);
        CASE("x %.9g", x);
        NEAR(b.io.y[i], y, 2e-7 * fmax(1, fabs(y)));
        NEAR(b.io.dx[i], dy * gelu_ref_derivative(x), 4e-7 * fabs(dy));
    }
    bench_close(&b);
}

static void special_values(void **state)
{
    (void)state;
    const float x[] = {0, -0.0f, 1e30f, -1e30f, 13, -13, NAN};
    const float ys[] = {0, 0, 1e30f, 0, 13, 0}, slopes[] = {0.5f, 0.5f, 1, 0, 1, 0};
    layer_bench b;
    open_bench(&b, 7);
    memcpy(b.x, x, sizeof x);
    bench_run(&b, 0, 1);
    assert_true(isnan(b.io.y[6]) && isnan(b.io.dx[6])); /* what is broken stays visible */
    for (int i = 0; i < 6; i++) {
        CASE("x %.9g", (double)x[i]);
        assert_true(b.io.y[i] == ys[i]);
        NEAR(b.io.dx[i], b.dy_given[i] * slopes[i], 1e-7);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(special_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
