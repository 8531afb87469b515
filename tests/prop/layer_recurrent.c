/* prop/layer_recurrent.c - the contract of the recurrent stage: a sample's bits do not depend on the other samples in the
 * leaf; instruction sets with fused multiply-adds agree; initial values are what their formulas say. */
#include "check.h"
#include "recurrent_fixture.h"
#include "reference/bf16_tables.h"

#include <stdlib.h>

static const recurrent_ref sweep[] = {
    {REF_LSTM, 8, 4, 5, 7, RETURNS_SEQUENCE, REF_USUAL},
    {REF_LSTM, 13, 3, 28, 32, RETURNS_LAST, REF_USUAL},
    {REF_LSTM, 27, 6, 11, 40, RETURNS_LAST, REF_USUAL},
    {REF_LSTM, 9, 28, 28, 128, RETURNS_LAST, REF_USUAL},
};
enum { SWEEP = sizeof sweep / sizeof *sweep };

static float *copy(recurrent_fixture *f, const float *values, size_t count)
{
    return memcpy(arena_take(&f->memory, count * sizeof *values), values, count * sizeof *values);
}

/* y and dx of leaves of one, two and five samples, against those of one leaf. */
static void check_rows(recurrent_fixture *f)
{
    size_t n = (size_t)f->shape.samples;
    recurrent_leaf(f, 0, f->shape.samples);
    const float *y = copy(f, f->y, n * f->y_length), *dx = copy(f, f->dx, n * f->x_length);
    static const int sizes[] = {1, 2, 5};
    for (int i = 0; i < 3; i++) {
        for (int first = 0; first < f->shape.samples; first += sizes[i]) {
            int left = f->shape.samples - first;
            recurrent_leaf(f, first, left < sizes[i] ? left : sizes[i]);
        }
        SAME_BITS(f->y, y, n * f->y_length);
        SAME_BITS(f->dx, dx, n * f->x_length);
    }
}

static void samples_do_not_see_each_other_in(precision p)
{
    const kernels *tables[BF16_TABLES];
    int count = tables_in(p, tables);
    for (int c = 0; c < SWEEP; c++)
        for (int k = 0; k < RECURRENT_VARIANTS; k++)
            for (int i = 0; i < 2 * count; i++) {
                if (p == PRECISION_BF16 && i % 2) continue; /* BLIS has fp32 alone */
                static recurrent_fixture f;
                recurrent_ref s = recurrent_as(sweep[c], k);
                recurrent_open(&f, &s, 7);
                recurrent_plan(&f, tables[i / 2], i % 2 ? GEMM_BLIS : GEMM_OWN, 1);
                CASE("case %d, %s %d, %s engine %d", c, recurrent_words[s.cell], k,
                     tables[i / 2]->name, i % 2);
                check_rows(&f);
                recurrent_close(&f);
            }
}

static void samples_do_not_see_each_other(void **state)
{
    (void)state;
    samples_do_not_see_each_other_in(PRECISION_FP32);
    samples_do_not_see_each_other_in(PRECISION_BF16);
}

static void tables_agree_in(precision p)
{
    const kernels *tables[BF16_TABLES];
    int count = tables_in(p, tables);
    for (int c = 0; c < SWEEP; c++)
        for (int k = 0; k < RECURRENT_VARIANTS; k++) {
            static recurrent_fixture f;
            recurrent_ref s = recurrent_as(sweep[c], k);
            recurrent_open(&f, &s, 8);
            size_t n = (size_t)s.samples;
            const float *y = NULL, *dx = NULL, *gradient = NULL;
            for (int t = 0; t < count; t++) {
                recurrent_plan(&f, tables[t], GEMM_OWN, 1);
                recurrent_leaf(&f, 0, s.samples);
                CASE("case %d, %s %d, %s", c, recurrent_words[s.cell], k, tables[t]->name);
                if (y) {
                    SAME_BITS(f.y, y, n * f.y_length);
                    SAME_BITS(f.dx, dx, n * f.x_length);
                    SAME_BITS(f.gradient, gradient, f.slab);
                }
                y = copy(&f, f.y, n * f.y_length), dx = copy(&f, f.dx, n * f.x_length);
                gradient = copy(&f, f.gradient, f.slab);
            }
            recurrent_close(&f);
        }
}

static void tables_agree(void **state)
{
    (void)state;
    tables_agree_in(PRECISION_FP32);
    tables_agree_in(PRECISION_BF16);
}

/* A leaf's sums run over steps, and within a step over samples. With one step, a sample's gates' gradients are what its
 * own leaf leaves in the bias: the whole leaf's is their sum, in order. */
static void bias_is_summed_in_order(void **state)
{
    (void)state;
    static recurrent_fixture f;
    const kernels *tables[3];
    kernels_available(tables);
    recurrent_ref s = {REF_LSTM, 9, 1, 6, 11, RETURNS_LAST, REF_USUAL};
    recurrent_open(&f, &s, 9);
    recurrent_plan(&f, tables[0], GEMM_OWN, 0);
    float sum[44] = {0};
    span bias = f.l.tensor[2].at;
    for (int n = 0; n < s.samples; n++) {
        recurrent_leaf(&f, n, 1);
        for (int i = 0; i < 44; i++) sum[i] = sum[i] + f.gradient[bias.offset + (size_t)i];
    }
    recurrent_leaf(&f, 0, s.samples);
    SAME_BITS(f.gradient + bias.offset, sum, 44);
    recurrent_close(&f);
}

/* Rows of the recurrent kernel are orthonormal, and others for each seed and tensor; the forget gate's bias is 1. */
static void initial_values(void **state)
{
    (void)state;
    static recurrent_fixture f;
    for (int k = 0; k < RECURRENT_CELLS; k++) {
        recurrent_ref s = {REF_LSTM, 1, 2, 5, 24, RETURNS_LAST, REF_USUAL};
        s = recurrent_as(s, k);
        recurrent_open(&f, &s, 1);
        span kernel = f.l.tensor[1].at, bias = f.l.tensor[2].at;
        const float *u = f.parameters + kernel.offset, *b = f.parameters + bias.offset;
        size_t cols = kernel.length / 24;
        layer_initialise(&f.l, 3, 4, f.parameters);
        CASE("%s", recurrent_words[s.cell]);
        for (size_t i = 0; i < 24; i++)
            for (size_t j = 0; j <= i; j++) {
                double dot = 0;
                for (size_t c = 0; c < cols; c++)
                    dot += (double)u[i * cols + c] * (double)u[j * cols + c];
                NEAR(dot, i == j, 1e-6);
            }
        for (size_t i = 0; i < bias.length; i++) NEAR(b[i], k == 1 && i / 24 == 1, 0);
        const float *first = copy(&f, u, kernel.length);
        layer_initialise(&f.l, 3, 4, f.parameters);
        SAME_BITS(u, first, kernel.length);
        layer_initialise(&f.l, 4, 4, f.parameters);
        assert_true(memcmp(u, first, kernel.length * sizeof *u) != 0);
        layer_initialise(&f.l, 3, 5, f.parameters);
        assert_true(memcmp(u, first, kernel.length * sizeof *u) != 0);
        recurrent_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_do_not_see_each_other),
        cmocka_unit_test(tables_agree),
        cmocka_unit_test(bias_is_summed_in_order),
        cmocka_unit_test(initial_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
