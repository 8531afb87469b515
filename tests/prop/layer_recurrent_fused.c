/* prop/layer_recurrent_fused.c - the contract of the fused recurrent stage: samples do not see each other, however many
 * share their blank rows, or none does; tables with fused multiply-adds agree; a leaf's bias is summed row by row. */
#include "check.h"
#include "recurrent_fixture.h"
#include "reference/bf16_tables.h"

#include <stdlib.h>

static const recurrent_ref sweep[] = {
    {REF_LSTM, 8, 4, 5, 32, RETURNS_LAST, REF_USUAL},
    {REF_SIMPLE_RNN, 13, 7, 33, 64, RETURNS_LAST, REF_USUAL},
    {REF_LSTM, 13, 6, 11, 96, RETURNS_LAST, REF_USUAL},
    {REF_SIMPLE_RNN, 27, 5, 1, 32, RETURNS_LAST, REF_USUAL},
    {REF_LSTM, 9, 28, 28, 128, RETURNS_LAST, REF_USUAL},
    {REF_SIMPLE_RNN, 8, 28, 28, 128, RETURNS_LAST, REF_USUAL},
    {REF_LSTM, 13, 7, 12, 32, RETURNS_LAST, DIRECTION_BACKWARD, ACTIVATION_TANH,
     ACTIVATION_SIGMOID},
};
enum { SWEEP = sizeof sweep / sizeof *sweep };

static float *copy(recurrent_fixture *f, const float *values, size_t count)
{
    return memcpy(arena_take(&f->memory, count * sizeof *values), values, count * sizeof *values);
}

/* For every shape, blank and table of a precision. */
static void each_case_in(precision p, void (*check)(recurrent_fixture *f, const kernels *k))
{
    static recurrent_fixture f;
    const kernels *tables[BF16_TABLES];
    int count = tables_in(p, tables);
    for (int c = 0; c < SWEEP; c++)
        for (int blank = BLANK_NONE; blank < BLANKS; blank++) {
            recurrent_open(&f, &sweep[c], 7);
            recurrent_blank_rows(&f, (recurrent_blank)blank);
            for (int t = 0; t < count; t++) {
                CASE("precision %d, case %d, blank %d, %s", p, c, blank, tables[t]->name);
                recurrent_plan_fused(&f, tables[t]);
                check(&f, tables[t]);
            }
            recurrent_close(&f);
        }
}

static void each_case(void (*check)(recurrent_fixture *f, const kernels *k))
{
    each_case_in(PRECISION_FP32, check);
    each_case_in(PRECISION_BF16, check);
}

/* y of leaves of one, two and five samples, against those of one leaf. */
static void check_rows(recurrent_fixture *f, const kernels *k)
{
    (void)k;
    size_t n = (size_t)f->shape.samples;
    recurrent_leaf(f, 0, f->shape.samples);
    const float *y = copy(f, f->y, n * f->y_length);
    static const int sizes[] = {1, 2, 5};
    for (int i = 0; i < 3; i++) {
        for (int first = 0; first < f->shape.samples; first += sizes[i]) {
            int left = f->shape.samples - first;
            recurrent_leaf(f, first, left < sizes[i] ? left : sizes[i]);
        }
        SAME_BITS(f->y, y, n * f->y_length);
    }
}

static void samples_do_not_see_each_other(void **state)
{
    (void)state;
    each_case(check_rows);
}

/* One sample through the kernel, step by step, with nothing shared and nothing left out: y [units]. */
static void run_plainly(const recurrent_fixture *f, const kernels *k, int sample, float *y)
{
    enum { MOST = 33 + 128 };
    _Alignas(64) float z[MOST], h[128], cell[128], cell_tanh[128], gates[512];
    const recurrent_ref *r = &f->shape;
    size_t inputs = (size_t)r->inputs, bytes = (size_t)r->units * sizeof *h;
    memset(h, 0, sizeof h), memset(cell, 0, sizeof cell);
    for (int t = 0; t < r->steps; t++) {
        size_t read = (size_t)(r->direction == DIRECTION_BACKWARD ? r->steps - 1 - t : t);
        memcpy(z, f->x + (size_t)sample * f->x_length + read * inputs, inputs * sizeof *z);
        memcpy(z + inputs, h, bytes);
        recurrent_fused step = {.rows = 1,
                                .units = r->units,
                                .inputs = r->inputs,
                                .ink_hi = r->inputs,
                                .z = z,
                                .row_stride = MOST,
                                .packed = f->packed,
                                .h = h,
                                .gates = gates,
                                .panel_stride = (size_t)k->panel,
                                .cell_before = cell,
                                .cell = cell,
                                .cell_tanh = cell_tanh};
        if (r->cell == REF_LSTM)
            k->lstm_fused(&step);
        else
            k->simple_rnn_fused(&step);
    }
    memcpy(y, h, bytes);
}

static void check_plain(recurrent_fixture *f, const kernels *k)
{
    float y[128];
    recurrent_leaf(f, 0, f->shape.samples);
    for (int i = 0; i < f->shape.samples; i++) {
        run_plainly(f, k, i, y);
        SAME_BITS(f->y + (size_t)i * f->y_length, y, f->y_length);
    }
}

static void sharing_changes_no_bit(void **state)
{
    (void)state;
    each_case(check_plain);
}

/* Results of the table before, of the same case. */
static struct {
    char name[sizeof check_case];
    float *y, *gradient;
} kept;

static void check_table(recurrent_fixture *f, const kernels *k)
{
    char name[sizeof check_case];
    size_t count = (size_t)f->shape.samples * f->y_length;
    snprintf(name, sizeof name, "%.*s", (int)(strlen(check_case) - strlen(k->name)), check_case);
    recurrent_leaf(f, 0, f->shape.samples);
    if (strcmp(name, kept.name) == 0) {
        SAME_BITS(f->y, kept.y, count);
        SAME_BITS(f->gradient, kept.gradient, f->slab);
    }
    memcpy(kept.name, name, sizeof name);
    kept.y = copy(f, f->y, count), kept.gradient = copy(f, f->gradient, f->slab);
}

static void tables_agree(void **state)
{
    (void)state;
    each_case(check_table);
}

/* With one step a sample's gates' gradients are what its own leaf leaves in the bias. The whole leaf's is their sum in the
 * order of rows: first those that have ink, each by itself; then those that have none, which are one row: there all
 * gates are alike, so the gradient is that of the sum of dy. */
static void bias_is_summed_in_order(void **state)
{
    (void)state;
    static recurrent_fixture f;
    const kernels *tables[3];
    kernels_available(tables);
    recurrent_ref s = {REF_LSTM, 9, 1, 6, 32, RETURNS_LAST, REF_USUAL};
    recurrent_open(&f, &s, 9);
    recurrent_plan_fused(&f, tables[0]);
    float sum[128] = {0}, other[128] = {0};
    span bias = f.l.tensor[2].at;
    const int blank[2] = {2, 7};
    for (int i = 0; i < 2; i++) memset(f.x + blank[i] * 6, 0, 6 * sizeof *f.x);
    for (int n = 0; n < s.samples; n++) {
        if (n == blank[0] || n == blank[1]) continue;
        recurrent_leaf(&f, n, 1);
        for (int i = 0; i < 128; i++) sum[i] = sum[i] + f.gradient[bias.offset + (size_t)i];
    }
    float *kept_dy = copy(&f, f.dy, 9 * 32);
    for (int u = 0; u < 32; u++)
        f.dy[blank[0] * 32 + u] = f.dy[blank[0] * 32 + u] + f.dy[blank[1] * 32 + u];
    recurrent_leaf(&f, blank[0], 1);
    for (int i = 0; i < 128; i++) other[i] = f.gradient[bias.offset + (size_t)i] + sum[i];
    memcpy(f.dy, kept_dy, 9 * 32 * sizeof *f.dy);
    recurrent_leaf(&f, 0, s.samples);
    SAME_BITS(f.gradient + bias.offset, other, 128);
    recurrent_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_do_not_see_each_other),
        cmocka_unit_test(sharing_changes_no_bit),
        cmocka_unit_test(tables_agree),
        cmocka_unit_test(bias_is_summed_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
