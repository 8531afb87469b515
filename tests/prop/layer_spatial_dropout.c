/* prop/layer_spatial_dropout.c - channels are kept or dropped whole, as a function of seed, epoch, sample, layer and channel;
 * the share of dropped channels; evaluation is the identity. */
#include "check.h"

#include "layer_bench.h"

enum { CHANNELS = 24, SIDE = 3, PIXELS = SIDE * SIDE, LENGTH = PIXELS * CHANNELS, SAMPLES = 400 };

static layer_cfg spatial_dropout(double rate)
{
    return (layer_cfg){.type = kind_named("spatial_dropout"), .rate = rate};
}

/* y and dx of SAMPLES samples; x and dy are the bench's drawn numbers. */
static void run(layer_bench *b, const layer_cfg *cfg, stage_draw draw)
{
    const kernels *tables[3];
    kernels_available(tables);
    assert_true(
        bench_open(b, cfg, shape_image(SIDE, SIDE, CHANNELS), SAMPLES, tables[0], BENCH_DRAWN, 7));
    bench_run(b, 0, SAMPLES);
    b->io.draw = draw;
    b->s.type->forward(&b->s, &b->io, SAMPLES, 0, 1);
    b->s.type->backward_leaf(&b->s, &b->io, SAMPLES, NULL);
}

static void channels_are_dropped_whole(void **state)
{
    (void)state;
    const double rates[] = {0.1, 0.5, 0.9};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        double rate = rates[r], dropped = 0;
        layer_bench b;
        layer_cfg cfg = spatial_dropout(rate);
        run(&b, &cfg, (stage_draw){.trains = 1, .seed = r, .epoch = 3});
        float kept = (float)(1 / (1 - floor(rate * 65536 + 0.5) / 65536));
        for (int i = 0; i < SAMPLES * CHANNELS; i++) {
            size_t first = (size_t)(i / CHANNELS) * LENGTH + (size_t)(i % CHANNELS);
            float factor = b.io.y[first] == 0 ? 0 : kept;
            dropped += factor == 0;
            for (size_t p = first; p < first + LENGTH; p += CHANNELS) {
                assert_true(b.io.y[p] == b.io.x[p] * factor);
                assert_true(b.io.dx[p] == b.io.dy[p] * factor);
            }
        }
        double n = SAMPLES * CHANNELS;
        CASE("rate %g", rate);
        NEAR(dropped / n, rate, 5 * sqrt(rate * (1 - rate) / n));
        bench_close(&b);
    }
}

static void depends_on_every_coordinate(void **state)
{
    (void)state;
    stage_draw base = {.trains = 1, .seed = 9, .epoch = 2}, other[3] = {base, base, base};
    other[0].seed = 10, other[1].epoch = 3, other[2].first = 1000;
    layer_bench a, b;
    layer_cfg cfg = spatial_dropout(0.5);
    run(&a, &cfg, base);
    for (int c = 0; c < 3; c++) {
        int differ = 0;
        run(&b, &cfg, other[c]);
        for (int i = 0; i < SAMPLES * LENGTH; i++) differ += (a.io.y[i] == 0) != (b.io.y[i] == 0);
        CASE("coordinate %d: %d of %d differ", c, differ, SAMPLES * LENGTH);
        assert_true(differ > 0.45 * SAMPLES * LENGTH && differ < 0.55 * SAMPLES * LENGTH);
        bench_close(&b);
    }
    bench_close(&a);
}

static void evaluation_is_the_identity(void **state)
{
    (void)state;
    layer_bench b;
    layer_cfg cfg = spatial_dropout(0.5);
    run(&b, &cfg, (stage_draw){.trains = 0});
    SAME_BITS(b.io.y, b.io.x, SAMPLES * LENGTH);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_are_dropped_whole),
        cmocka_unit_test(depends_on_every_coordinate),
        cmocka_unit_test(evaluation_is_the_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
