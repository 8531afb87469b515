/* prop/model_kinds.c - of every kind of layer: a sample's results depend on the sample and the parameters alone, and an
 * activation that is an operand does what the activation's own layer does. */
#include "check.h"

#include <stdlib.h>

#include "layer_bench.h"

enum { SAMPLES = 7, SHAPES = 6 };
static const int lengths[SHAPES] = {1, 3, 16, 17, 33, 64};

/* The samples of one call, or one by one, or two calls: the same bits of y and dx. Drawn numbers (dropout) belong to the
 * sample, so they change nothing. */
static void samples_alone(void **state)
{
    (void)state;
    static const int cuts[] = {0, 1, 2, 4, SAMPLES};
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int r = 0; r < LAYER_ROWS; r++) {
        layer_cfg cfgs[BENCH_CASES];
        int cases = bench_cases(&layer_rows[r], cfgs);
        for (int c = 0; c < cases * SHAPES * count; c++) {
            layer_bench whole, parts;
            const layer_cfg *cfg = &cfgs[c / count / SHAPES];
            uint64_t seed = (uint64_t)(c / count % SHAPES);
            const kernels *k = tables[c % count];
            shape in = bench_input(cfg, seed, lengths, SHAPES);
            CASE("%s, case %d of %s, %s", layer_rows[r].word, c, shape_text(in).text, k->name);
            if (!bench_open(&whole, cfg, in, SAMPLES, k, BENCH_DRAWN, 5 * seed)) continue;
            bench_open(&parts, cfg, in, SAMPLES, k, BENCH_DRAWN, 5 * seed);
            bench_run(&whole, 0, SAMPLES);
            for (int i = 0; i + 1 < (int)(sizeof cuts / sizeof *cuts); i++) {
                size_t n = (size_t)(cuts[i + 1] - cuts[i]), at = (size_t)cuts[i];
                bench_run(&parts, cuts[i], (int)n);
                SAME_BITS(parts.io.y, whole.io.y + at * whole.out, n * whole.out);
                SAME_BITS(parts.io.dx, whole.io.dx + at * whole.in, n * whole.in);
            }
            bench_close(&whole), bench_close(&parts);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(samples_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
