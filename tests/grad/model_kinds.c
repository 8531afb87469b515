/* grad/model_kinds.c - the gradient of every kind's double twin against central differences of its forward pass, over the
 * cases of layer_rows.def: dx and the gradient of every parameter. */
#include "check.h"

#include <stdlib.h>

#include "layer_bench.h"
#include "reference/layer_twin.h"

enum { SHAPES = 5 };
static const int lengths[SHAPES] = {1, 2, 3, 5, 8};
static const double STEP = 1e-5, TOLERANCE = 1e-7;

/* Numbers of a layer in double. */
typedef struct numbers {
    double *x, *slab, *dy, *dx, *gradient, *y;
} numbers;

static double *draw(size_t count, uint64_t seed)
{
    double *values = values_take(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = (double)value_at(seed, i);
    return values;
}

/* <y, dy> */
static double loss(const layer_bench *b, const numbers *n)
{
    double sum = 0;
    layer_twin_forward(&b->l, n->slab, n->x, n->y);
    for (size_t i = 0; i < b->out; i++) sum += n->dy[i] * n->y[i];
    return sum;
}

/* Largest disagreement of a gradient with the differences, relative to max(1, |gradient|). */
static double disagreement(const layer_bench *b, const numbers *n, double *at,
                           const double *gradient, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        double was = at[i];
        at[i] = was + STEP;
        double high = loss(b, n);
        at[i] = was - STEP;
        double low = loss(b, n);
        at[i] = was;
        double off = fabs((high - low) / (2 * STEP) - gradient[i]) / fmax(1, fabs(gradient[i]));
        most = isnan(off) ? HUGE_VAL : fmax(most, off);
    }
    return most;
}

/* dx and the gradient are taken from the twin; `fault` is added to the first element of dx. */
static double check_layer(const layer_cfg *cfg, shape in, uint64_t seed, double fault)
{
    layer_bench b = {.samples = 1};
    bench_plan(&b, cfg, in);
    numbers n = {.x = draw(b.in, seed),
                 .slab = draw(b.slab_length, seed + 1),
                 .dy = draw(b.out, seed + 2),
                 .dx = values_take(b.in * sizeof(double)),
                 .gradient = values_take(b.slab_length * sizeof(double)),
                 .y = values_take(b.out * sizeof(double))};
    for (size_t i = 0; i < b.in; i++) n.dx[i] = NAN; /* every one must be written */
    layer_twin_backward(&b.l, n.slab, n.x, n.dy, n.dx, n.gradient);
    n.dx[0] += fault;
    double most = disagreement(&b, &n, n.x, n.dx, b.in);
    for (int t = 0; t < b.l.tensors; t++) {
        span at = b.l.tensor[t].at;
        double off = disagreement(&b, &n, n.slab + at.offset, n.gradient + at.offset, at.length);
        most = fmax(most, off);
    }
    free(n.x), free(n.slab), free(n.dy), free(n.dx), free(n.gradient), free(n.y);
    return most;
}

static void every_kind(void **state)
{
    (void)state;
    for (int r = 0; r < LAYER_ROWS; r++) {
        layer_cfg cfgs[BENCH_CASES];
        int count = bench_cases(&layer_rows[r], cfgs);
        if (!layer_twin_of(kind_named(layer_rows[r].word))->forward) continue;
        for (int c = 0; c < count; c++)
            for (uint64_t seed = 0; seed < SHAPES; seed++) {
                shape in = bench_input(&cfgs[c], seed, lengths, SHAPES);
                CASE("%s, case %d of %s", layer_rows[r].word, c, shape_text(in).text);
                NEAR(check_layer(&cfgs[c], in, 10 * seed, 0), 0, TOLERANCE);
            }
        shape in = bench_input(&cfgs[0], 1, lengths, SHAPES);
        assert_true(check_layer(&cfgs[0], in, 10, 1e-5) > TOLERANCE); /* it can say no */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
