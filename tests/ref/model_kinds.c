/* ref/model_kinds.c - the general stage of every kind of layer against its double twin, over the cases of layer_rows.def,
 * shapes and instruction sets; tables with fused multiply-adds agree to the bit. */
#include "check.h"

#include <stdlib.h>

#include "layer_bench.h"
#include "reference/layer_twin.h"

enum { SAMPLES = 3, SHAPES = 14 };
static const int lengths[SHAPES] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 50, 64, 100, 257};
static const double EPS = 0x1p-24;

static double *widened(const float *values, size_t count)
{
    double *wide = values_take(count * sizeof *wide);
    values_widen(values, count, wide);
    return wide;
}

/* The largest error over its bound; NaN counts as infinite. */
static double worst(const float *got, const double *want, size_t count, double roundings)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        double bound = roundings * EPS * fmax(1, fabs(want[i]));
        double over = fabs((double)got[i] - want[i]) / bound;
        most = isnan(over) ? HUGE_VAL : fmax(most, over);
    }
    return most;
}

/* Of y, dx and the gradient of all samples. */
static double judge(const layer_bench *b)
{
    const layer *l = &b->l;
    double roundings = layer_twin_of(l->cfg.type)->roundings(l), most = 0;
    double *slab = widened(b->slab, b->slab_length), *x = widened(b->x, SAMPLES * b->in);
    double *dy = widened(b->dy_given, SAMPLES * b->out);
    double *y = values_take(b->out * sizeof *y), *dx = values_take(b->in * sizeof *dx);
    double *gradient = values_take(b->slab_length * sizeof *gradient);
    for (size_t n = 0; n < SAMPLES; n++) {
        layer_twin_forward(l, slab, x + n * b->in, y);
        most = fmax(most, worst(b->io.y + n * b->out, y, b->out, roundings));
        layer_twin_backward(l, slab, x + n * b->in, dy + n * b->out, dx, gradient);
        most = fmax(most, worst(b->io.dx + n * b->in, dx, b->in, roundings));
    }
    for (int t = 0; t < l->tensors; t++) {
        span at = l->tensor[t].at;
        /* a sum over all samples and positions */
        double terms = roundings * SAMPLES * sqrt((double)(b->in + b->out));
        most = fmax(most, worst(b->gradient + at.offset, gradient + at.offset, at.length, terms));
    }
    free(slab), free(x), free(dy), free(y), free(dx), free(gradient);
    return most;
}

/* A rounded sum must not decide whether a ReLU is open. */
static int can_be_drawn(const layer_cfg *cfg)
{
    return cfg->act != ACTIVATION_RELU && cfg->act != ACTIVATION_LEAKY_RELU;
}

static void check_tables(const layer_cfg *cfg, shape in, bench_numbers numbers, uint64_t seed)
{
    const kernels *tables[3];
    int count = kernels_available(tables);
    layer_bench best;
    for (int t = 0; t < count; t++) {
        layer_bench b;
        char form[128];
        assert_true(bench_open(&b, cfg, in, SAMPLES, tables[t], numbers, seed));
        bench_run(&b, 0, SAMPLES);
        spec_format(cfg, 1, form, sizeof form);
        CASE("%s, %s of %s, numbers %d", tables[t]->name, form, shape_text(in).text, numbers);
        NEAR(judge(&b), 0, 1);
        if (t > 0) {
            SAME_BITS(b.io.y, best.io.y, SAMPLES * b.out);
            SAME_BITS(b.io.dx, best.io.dx, SAMPLES * b.in);
            for (int i = 0; i < b.l.tensors; i++)
                SAME_BITS(b.gradient + b.l.tensor[i].at.offset,
                          best.gradient + b.l.tensor[i].at.offset, b.l.tensor[i].at.length);
        }
        if (t > 0)
            bench_close(&b);
        else
            best = b, best.s.layer = &best.l;
    }
    bench_close(&best);
}

static void stages_against_twins(void **state)
{
    (void)state;
    for (int r = 0; r < LAYER_ROWS; r++) {
        layer_cfg cfgs[BENCH_CASES];
        const layer_twin *twin = layer_twin_of(kind_named(layer_rows[r].word));
        if (!twin) print_error("%s has no twin in reference/layer_twin.c\n", layer_rows[r].word);
        assert_non_null(twin);
        assert_true((twin->forward && twin->backward && twin->roundings) || twin->elsewhere);
        int count = bench_cases(&layer_rows[r], cfgs);
        for (int c = 0; c < count && twin->forward; c++)
            for (uint64_t seed = 0; seed < SHAPES; seed++) {
                shape in = bench_input(&cfgs[c], seed, lengths, SHAPES);
                check_tables(&cfgs[c], in, BENCH_EXACT, 10 * seed);
                if (can_be_drawn(&cfgs[c])) check_tables(&cfgs[c], in, BENCH_DRAWN, 10 * seed);
            }
    }
}

/* One result that is off by a few thousandths, of each kind: the judge says no. */
static void the_judge_says_no(void **state)
{
    (void)state;
    const kernels *tables[3];
    kernels_available(tables);
    for (int r = 0; r < LAYER_ROWS; r++) {
        layer_cfg cfgs[BENCH_CASES];
        layer_bench b;
        if (!layer_twin_of(kind_named(layer_rows[r].word))->forward) continue;
        bench_cases(&layer_rows[r], cfgs);
        shape in = bench_input(&cfgs[0], 3, lengths, SHAPES);
        bench_open(&b, &cfgs[0], in, SAMPLES, tables[0], BENCH_EXACT, 1);
        bench_run(&b, 0, SAMPLES);
        CASE("%s", layer_rows[r].word);
        NEAR(judge(&b), 0, 1);
        b.io.y[b.out] += 0x1p-8f;
        assert_true(judge(&b) > 1);
        b.io.y[b.out] -= 0x1p-8f;
        b.io.dx[b.in] += 0x1p-8f;
        assert_true(judge(&b) > 1);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_against_twins),
        cmocka_unit_test(the_judge_says_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
