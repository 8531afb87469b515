/* ref/kernel_recurrent.c - the fused kernels of a recurrent step against double: every height of a tile, columns without
 * ink, the first step, gates over all of their range; and backward.
 *
 * A product is off by at most (D + U + 2) 2^-24 of the sum of its terms' magnitudes, a gate by 6e-7 more; no slope is above
 * 1, and a cell is at most f c + i g, so a cell and a state stay below four times that. */
#include "check.h"

#include <stdlib.h>

#include "base/arena.h"
#include "kernel/kernels.h"
#include "reference/bf16.h"
#include "reference/values.h"

enum { ROWS = 13 };
static const double GATE = 6e-7;
static arena memory;

typedef struct step_case {
    int gates, rows, inputs, units, ink_lo, ink_hi, is_first;
} step_case;

/* All arrays of a case. Rows of z hold [x | h] and 3 more; rows of h are as far apart. */
typedef struct arrays {
    float *w, *z, *packed, *gates, *cell_before, *cell, *cell_tanh, *h, *dh, *carry, *db;
    size_t row, panel_stride, cols;
} arrays;

static float *draw(size_t count, float scale, uint64_t seed)
{
    float *values = arena_take(&memory, count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = scale * value_at(seed, i);
    return values;
}

static float *marked(size_t count)
{
    float *values = arena_take(&memory, count * sizeof *values);
    canaries(values, count);
    return values;
}

static arrays arrays_of(const step_case *c, const kernels *k)
{
    size_t depth = (size_t)(c->inputs + c->units), units = (size_t)c->units, rows = (size_t)c->rows;
    arrays a = {.row = depth + 3, .cols = (size_t)c->gates * units};
    a.panel_stride = (rows + 1) * (size_t)k->panel;
    a.w = draw((1 + depth) * a.cols, 0.3f, 1); /* bias last */
    a.z = draw(rows * a.row, 1, 2);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < depth; i++) {
            int is_x = (int)i < c->inputs, blank = (int)i < c->ink_lo || (int)i >= c->ink_hi;
            if (is_x ? blank : c->is_first) a.z[r * a.row + i] = 0;
        }
    a.packed = marked((1 + depth) * a.cols);
    a.gates = marked(a.panel_stride * (a.cols / (size_t)k->panel));
    a.cell_before = draw(rows * units, 1, 3);
    a.cell = marked(rows * units), a.cell_tanh = marked(rows * units);
    a.h = marked(rows * a.row);
    a.dh = draw(rows * units, 1, 4), a.carry = draw(rows * units, 1, 5), a.db = draw(a.cols, 1, 6);
    return a;
}

static recurrent_fused step_of(const step_case *c, const arrays *a)
{
    return (recurrent_fused){.rows = c->rows,
                             .units = c->units,
                             .inputs = c->inputs,
                             .ink_lo = c->ink_lo,
                             .ink_hi = c->ink_hi,
                             .is_first = c->is_first,
                             .z = a->z,
                             .row_stride = a->row,
                             .packed = a->packed,
                             .h = a->h,
                             .gates = a->gates,
                             .panel_stride = a->panel_stride,
                             .cell_before = a->cell_before,
                             .cell = a->cell,
                             .cell_tanh = a->cell_tanh,
                             .dh = a->dh,
                             .carry = a->carry,
                             .bias_gradient = a->db};
}

static void pack(const step_case *c, const arrays *a, const kernels *k)
{
    int panels = (int)a->cols / (c->gates == 4 ? 4 * k->vector_floats : k->panel);
    recurrent_pack_args p = {.kernel = a->w,
                             .recurrent = a->w + (size_t)c->inputs * a->cols,
                             .bias = a->w + (size_t)(c->inputs + c->units) * a->cols,
                             .inputs = c->inputs,
                             .units = c->units,
                             .gates = c->gates,
                             .packed = a->packed};
    for (; p.panel_lo < panels; p.panel_lo++) {
        p.panel_hi = p.panel_lo + 1;
        k->recurrent_fused_pack(&p);
    }
}

static float *gate_at(const arrays *a, const kernels *k, size_t row, size_t col)
{
    size_t width = (size_t)k->panel;
    return a->gates + col / width * a->panel_stride + row * width + col % width;
}

/* The product of one row and column, and what it may be off by. */
static double product(const step_case *c, const arrays *a, size_t row, size_t col, double *bound)
{
    size_t depth = (size_t)(c->inputs + c->units);
    double sum = (double)a->w[depth * a->cols + col], size = fabs(sum);
    for (size_t i = 0; i < depth; i++) {
        double term = (double)a->z[row * a->row + i] * (double)a->w[i * a->cols + col];
        sum += term, size += fabs(term);
    }
    *bound = GATE + (double)(depth + 2) * 0x1p-24 * size;
    return sum;
}

static double sigma(double x)
{
    return 1 / (1 + exp(-x));
}

static void check_lstm(const step_case *c, const arrays *a, const kernels *k, size_t row, size_t u)
{
    double gate[4], bound = 0, units = c->units;
    for (size_t g = 0; g < 4; g++) {
        double off, sum = product(c, a, row, u + g * (size_t)units, &off);
        gate[g] = g == 2 ? tanh(sum) : sigma(sum);
        NEAR(*gate_at(a, k, row, u + g * (size_t)units), gate[g], off);
        bound = fmax(bound, 4 * off);
    }
    size_t at = row * (size_t)units + u;
    double cell = gate[1] * (double)a->cell_before[at] + gate[0] * gate[2];
    NEAR(a->cell[at], cell, bound);
    NEAR(a->cell_tanh[at], tanh(cell), bound);
    NEAR(a->h[row * a->row + u], gate[3] * tanh(cell), bound);
}

static void check_forward(const step_case *c, const kernels *k)
{
    arrays a = arrays_of(c, k);
    recurrent_fused step = step_of(c, &a);
    pack(c, &a, k);
    CASE("%s: G %d, %d rows, D %d, U %d, ink %d..%d, first %d", k->name, c->gates, c->rows,
         c->inputs, c->units, c->ink_lo, c->ink_hi, c->is_first);
    if (c->gates == 4)
        k->lstm_fused(&step);
    else
        k->simple_rnn_fused(&step);
    for (size_t row = 0; row < (size_t)c->rows; row++) {
        for (size_t u = 0; u < (size_t)c->units; u++) {
            double bound, sum = c->gates == 1 ? product(c, &a, row, u, &bound) : 0;
            if (c->gates == 1)
                NEAR(a.h[row * a.row + u], tanh(sum), bound);
            else
                check_lstm(c, &a, k, row, u);
        }
        for (size_t i = (size_t)c->units; i < a.row; i++)
            assert_true(is_canary(a.h[row * a.row + i]));
    }
    arena_free(&memory);
}

static void steps_against_double(void **state)
{
    (void)state;
    static const int inputs[] = {1, 28, 33}, units[] = {32, 64, 128};
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int i = 0; i < 9 * ROWS; i++) {
        int d = inputs[i % 3], lo = value_int(1, (uint64_t)i, d + 1);
        step_case c = {1, 1 + i / 9, d, units[i / 3 % 3], 0, d, i % 4 == 0};
        if (i % 2) c.ink_lo = lo, c.ink_hi = lo + value_int(2, (uint64_t)i, d + 1 - lo);
        for (int t = 0; t < count; t++)
            for (c.gates = 1; c.gates <= 4; c.gates += 3) check_forward(&c, tables[t]);
    }
}

/* Without inputs the products are the bias: gates from -12 to 12. */
static void gates_against_libm(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int t = 0; t < count; t++)
        for (int from = -12000; from < 12000; from += 128) {
            for (int gates = 1; gates <= 4; gates += 3) {
                step_case c = {gates, 1, 1, 128, 0, 0, 1};
                arrays a = arrays_of(&c, tables[t]);
                recurrent_fused step = step_of(&c, &a);
                float *bias = a.w + 129 * a.cols;
                for (int i = 0; i < (int)a.cols; i++) /* each gate of a unit another value */
                    bias[i] = (float)(from + (i * 131 + i / 128 * 37) % 128) / 1000.0f;
                pack(&c, &a, tables[t]);
                CASE("%s: G %d from %d", tables[t]->name, gates, from);
                if (gates == 4)
                    tables[t]->lstm_fused(&step);
                else
                    tables[t]->simple_rnn_fused(&step);
                for (size_t i = 0; i < a.cols; i++) {
                    double x = (double)bias[i],
                           want = gates == 1 || i / 128 == 2 ? tanh(x) : sigma(x);
                    NEAR(gates == 1 ? a.h[i] : *gate_at(&a, tables[t], 0, i), want, GATE);
                }
                arena_free(&memory);
            }
        }
}

/* NaN in a sum reaches the unit's state, and the units beside it keep theirs. */
static void nan_stays(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int t = 0; t < count; t++)
        for (int gates = 1; gates <= 4; gates += 3) {
            step_case c = {gates, 2, 3, 64, 0, 3, 0};
            arrays a = arrays_of(&c, tables[t]);
            recurrent_fused step = step_of(&c, &a);
            /* bias of the last gate of unit 5 */
            a.w[67 * a.cols + 64 * (size_t)(gates - 1) + 5] = NAN;
            pack(&c, &a, tables[t]);
            CASE("%s: G %d", tables[t]->name, gates);
            if (gates == 4)
                tables[t]->lstm_fused(&step);
            else
                tables[t]->simple_rnn_fused(&step);
            for (size_t row = 0; row < 2; row++) {
                assert_true(isnan(a.h[row * a.row + 5]) && isfinite(a.h[row * a.row + 4]));
                assert_true(isfinite(a.h[row * a.row + 63]));
            }
            arena_free(&memory);
        }
}

/* Products of a handful of factors, each rounding 2^-24; sums over rows on top. */
static void check_backward(const step_case *c, const kernels *k)
{
    arrays a = arrays_of(c, k);
    recurrent_fused step = step_of(c, &a);
    size_t units = (size_t)c->units, rows = (size_t)c->rows;
    double *sum = values_take(a.cols * sizeof *sum);
    float *before = draw(rows * a.cols, 0.5f, 7), *carry = draw(rows * units, 1, 5);
    a.cell_tanh = draw(rows * units, 1, 8), step.cell_tanh = a.cell_tanh;
    step.h = draw(rows * a.row, 1, 9);
    for (size_t i = 0; i < rows * a.cols; i++)
        *gate_at(&a, k, i / a.cols, i % a.cols) = before[i] += i % a.cols / units == 2 ? 0 : 0.5f;
    for (size_t i = 0; i < a.cols; i++) sum[i] = (double)a.db[i];
    CASE("%s: G %d, %d rows, U %d", k->name, c->gates, c->rows, c->units);
    if (c->gates == 4)
        k->lstm_fused_backward(&step);
    else
        k->simple_rnn_fused_backward(&step);
    for (size_t row = 0; row < rows; row++)
        for (size_t u = 0; u < units; u++) {
            size_t at = row * units + u;
            const float *g = before + row * a.cols + u;
            double dh = (double)a.dh[at], t = (double)a.cell_tanh[at], want[4];
            double h = (double)step.h[row * a.row + u];
            want[0] = dh * (1 - h * h);
            if (c->gates == 4) {
                double i = (double)g[0], f = (double)g[units], n = (double)g[2 * units];
                double o = (double)g[3 * units], dc = (double)carry[at] + dh * o * (1 - t * t);
                want[0] = dc * n * i * (1 - i);
                want[1] = dc * (double)a.cell_before[at] * f * (1 - f);
                want[2] = dc * i * (1 - n * n);
                want[3] = dh * t * o * (1 - o);
                NEAR(a.carry[at], dc * f, 6 * 0x1p-24 * 2);
            }
            for (size_t n = 0; n < (size_t)c->gates; n++) {
                NEAR(*gate_at(&a, k, row, u + n * units), want[n], 10 * 0x1p-24 * 2);
                sum[u + n * units] += want[n];
            }
        }
    for (size_t i = 0; i < a.cols; i++)
        NEAR(a.db[i], sum[i], (double)(rows * (rows + 10)) * 0x1p-24 * 2);
    free(sum), arena_free(&memory);
}

static void backward_against_double(void **state)
{
    (void)state;
    const kernels *tables[3];
    int count = kernels_available(tables);
    for (int t = 0; t < count; t++)
        for (int rows = 1; rows <= ROWS; rows++)
            for (int gates = 1; gates <= 4; gates += 3)
                check_backward(&(step_case){gates, rows, 1, 32 << rows % 3, 0, 1, 0}, tables[t]);
}

/* The tables of bf16 store the same gradients of gates, rounded; bias and carry take them as they were before. */
static void backward_rounds_gates(void **state)
{
    (void)state;
    const kernels *tables[KERNELS_LEVELS];
    int count = kernels_available_in(PRECISION_BF16, tables);
    for (int t = 0; t < count; t++)
        for (int gates = 1; gates <= 4; gates += 3) {
            step_case c = {gates, 5, 1, 64, 0, 1, 0};
            const kernels *both[2] = {kernels_of_level(PRECISION_FP32, 0), tables[t]};
            arrays a[2];
            for (int i = 0; i < 2; i++) {
                a[i] = arrays_of(&c, both[i]);
                recurrent_fused step = step_of(&c, &a[i]);
                a[i].cell_tanh = draw(5 * 64, 1, 8), step.cell_tanh = a[i].cell_tanh;
                step.h = draw(5 * a[i].row, 1, 9);
                for (size_t g = 0; g < 5 * a[i].cols; g++)
                    *gate_at(&a[i], both[i], g / a[i].cols, g % a[i].cols) = value_at(7, g);
                if (gates == 4)
                    both[i]->lstm_fused_backward(&step);
                else
                    both[i]->simple_rnn_fused_backward(&step);
            }
            CASE("%s: G %d", tables[t]->name, gates);
            for (size_t g = 0; g < 5 * a[0].cols; g++) {
                size_t row = g / a[0].cols, col = g % a[0].cols;
                float want = bf16_ref_round(*gate_at(&a[0], both[0], row, col));
                SAME_BITS(gate_at(&a[1], both[1], row, col), &want, 1);
            }
            SAME_BITS(a[1].db, a[0].db, (int)a[0].cols);
            SAME_BITS(a[1].carry, a[0].carry, 5 * 64);
            arena_free(&memory);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_against_double),
        cmocka_unit_test(gates_against_libm),
        cmocka_unit_test(nan_stays),
        cmocka_unit_test(backward_against_double),
        cmocka_unit_test(backward_rounds_gates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
