/* prop/layer_gaussian_noise.c - the noise is normal, with the given standard deviation, and a function of seed, epoch, sample
 * and element; evaluation is the identity. */
#include "check.h"

#include "layer_bench.h"

enum { LENGTH = 403, SAMPLES = 500, NUMBERS = SAMPLES * LENGTH };

static void run(layer_bench *b, double stddev, stage_draw draw)
{
    const kernels *tables[3];
    layer_cfg cfg = {.type = kind_named("gaussian_noise"), .stddev = stddev};
    kernels_available(tables);
    assert_true(bench_open(b, &cfg, shape_vector(LENGTH), SAMPLES, tables[0], BENCH_DRAWN, 7));
    bench_run(b, 0, SAMPLES);
    b->io.draw = draw;
    b->s.type->forward(&b->s, &b->io, SAMPLES, 0, 1);
}

/* Mean, variance, skewness and kurtosis, and the share beyond two standard deviations, each within 5 standard errors. */
static void the_noise_is_normal(void **state)
{
    (void)state;
    const double n = NUMBERS, stddev = 0.25;
    double power[5] = {0}, beyond = 0, neighbours = 0, last = 0;
    layer_bench b;
    run(&b, stddev, (stage_draw){.trains = 1, .seed = 3});
    for (int i = 0; i < NUMBERS; i++) {
        double z = ((double)b.io.y[i] - (double)b.io.x[i]) / stddev;
        for (int k = 1; k <= 4; k++) power[k] += pow(z, k) / n;
        beyond += fabs(z) > 2;
        neighbours += z * last / n;
        last = z;
    }
    NEAR(power[1], 0, 5 / sqrt(n));
    NEAR(power[2], 1, 5 * sqrt(2 / n));
    NEAR(power[3], 0, 5 * sqrt(15 / n));
    NEAR(power[4], 3, 5 * sqrt(96 / n));
    NEAR(beyond / n, 0.0455, 5 * sqrt(0.0455 / n));
    NEAR(neighbours, 0, 5 / sqrt(n));
    SAME_BITS(b.io.dx, b.dy_given, NUMBERS);
    bench_close(&b);
}

static void depends_on_every_coordinate(void **state)
{
    (void)state;
    stage_draw base = {.trains = 1, .seed = 9, .epoch = 2}, other[3] = {base, base, base};
    other[0].seed = 10, other[1].epoch = 3, other[2].first = SAMPLES;
    layer_bench a, b;
    run(&a, 1, base);
    for (int c = 0; c < 3; c++) {
        double product = 0;
        run(&b, 1, other[c]);
        for (int i = 0; i < NUMBERS; i++)
            product += (double)(a.io.y[i] - a.io.x[i]) * (double)(b.io.y[i] - b.io.x[i]) / NUMBERS;
        CASE("coordinate %d", c);
        NEAR(product, 0, 5 / sqrt(NUMBERS)); /* the same noise would give 1 */
        bench_close(&b);
    }
    bench_close(&a);
}

static void evaluation_is_the_identity(void **state)
{
    (void)state;
    layer_bench b;
    run(&b, 0.5, (stage_draw){.trains = 0});
    SAME_BITS(b.io.y, b.io.x, NUMBERS);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_noise_is_normal),
        cmocka_unit_test(depends_on_every_coordinate),
        cmocka_unit_test(evaluation_is_the_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
