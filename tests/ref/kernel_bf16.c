/* ref/kernel_bf16.c - products of operands rounded to bfloat16: every table gives the bits of the definition, which is near
 * the sums in double; shapes with fringes, long sums, wide exponents. */
#include "check.h"

#include <float.h>
#include <stdlib.h>

#include "base/denormals.h"
#include "kernel/bf16.h"
#include "kernel/kernels.h"
#include "reference/bf16.h"
#include "reference/bf16_tables.h"
#include "reference/values.h"

enum { LARGEST = 1 << 19, MAX_LEAVES = 16 };

static fence fence_a, fence_b, fence_c;
static float *plain_b, *want;
static const kernels *tables[BF16_TABLES];
static int table_count;

static int set_up(void **state)
{
    (void)state;
    denormals_flush();
    fence_a = fence_open(LARGEST), fence_b = fence_open(LARGEST), fence_c = fence_open(LARGEST);
    plain_b = values_take(LARGEST * sizeof *plain_b);
    want = values_take(LARGEST * sizeof *want);
    table_count = bf16_tables(tables);
    if (kernels_amx_refused()) print_message("%s\n", kernels_amx_refused());
    for (int t = 0; t < table_count; t++) print_message("%s\n", tables[t]->name);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fence_close(&fence_a), fence_close(&fence_b), fence_close(&fence_c);
    free(plain_b), free(want);
    return 0;
}

/* How wide the exponents of the drawn values are: e^+-wide. */
static float drawn(uint64_t seed, uint64_t index, float wide)
{
    float x = value_at(seed, index);
    return wide > 0 ? x * expf(wide * value_at(seed + 77, index)) : x;
}

static void draw(float *values, size_t count, uint64_t seed, float wide)
{
    for (size_t i = 0; i < count; i++) values[i] = drawn(seed, i, wide);
}

/* ---- rounding ---- */

/* x, and what it becomes. */
static const uint32_t roundings[][2] = {
    {0x3f800000, 0x3f800000}, /* 1                                           */
    {0x3f808000, 0x3f800000}, /* a tie, to even below                        */
    {0x3f818000, 0x3f820000}, /* a tie, to even above                        */
    {0x3f808001, 0x3f810000},
    {0x3f807fff, 0x3f800000},
    {0xbf808001, 0xbf810000},
    {0x3fffffff, 0x40000000}, /* to the next power of two                    */
    {0x7f7fffff, 0x7f800000}, /* too large                                   */
    {0x7f7f7fff, 0x7f7f0000}, /* the largest                                 */
    {0x7f800000, 0x7f800000},
    {0xff800000, 0xff800000},
    {0x7f800001, 0x7fc00000}, /* NaN whose payload is lost                   */
    {0xffffffff, 0xffff0000},
    {0x00000000, 0x00000000},
    {0x80000000, 0x80000000},
    {0x00800000, 0x00800000}, /* the smallest normal number                  */
    {0x007fffff, 0x00000000}, /* below it, although the nearest is normal    */
    {0x807fffff, 0x80000000},
    {0x00000001, 0x00000000},
};
enum { ROUNDINGS = sizeof roundings / sizeof *roundings };

static void rounds_operands(void **state)
{
    (void)state;
    for (int t = 0; t < table_count; t++) {
        float *x = fence_floats(&fence_a, ROUNDINGS), expected[ROUNDINGS];
        for (int i = 0; i < ROUNDINGS; i++) {
            memcpy(x + i, &roundings[i][0], sizeof *x);
            memcpy(expected + i, &roundings[i][1], sizeof *x);
        }
        CASE("%s", tables[t]->name);
        tables[t]->gemm_operand(x, ROUNDINGS);
        SAME_BITS(x, expected, ROUNDINGS);
        assert_true(fence_intact(&fence_a, ROUNDINGS));
        for (int i = 0; i < ROUNDINGS; i++) { /* the reference agrees */
            memcpy(x + i, &roundings[i][0], sizeof *x);
            float y = bf16_ref_round(x[i]);
            if (isnan(x[i]))
                assert_true(isnan(y));
            else
                SAME_BITS(&y, expected + i, 1);
        }
    }
}

/* x times 1, and 1 times x: either factor is rounded, except that a product cannot be -0. */
static void rounds_factors(void **state)
{
    (void)state;
    const float one = 1;
    for (int t = 0; t < table_count; t++)
        for (int i = 0; i < ROUNDINGS; i++)
            for (int side = 0; side < 4; side++) {
                _Alignas(64) float panel[64], panel_tn[64], c = canary(), x, expected;
                memcpy(&x, &roundings[i][0], sizeof x);
                memcpy(&expected, &roundings[i][1], sizeof expected);
                const float *left = side % 2 ? &one : &x, *right = side % 2 ? &x : &one;
                gemm_pack_args p = {right, 1, 1, 1, 1, 0, 1, panel};
                tables[t]->gemm_pack(&p);
                p.panels = panel_tn;
                tables[t]->gemm_pack_tn(&p);
                tables[t]->gemm_operand(panel_tn, (size_t)tables[t]->panel);
                gemm_rows a = {left, 1, 1, 1, 1, 0, 1, 0};
                gemm_nn_args nn = {.rows = a, .panels = panel, .cols = 1, .panel_hi = 1, .c = &c};
                gemm_tn_args tn = {a, panel_tn, 1, GEMM_OVERWRITE, &c, 0};
                if (side < 2)
                    tables[t]->gemm_nn(&nn);
                else
                    tables[t]->gemm_tn(&tn);
                CASE("%s %08x side %d", tables[t]->name, roundings[i][0], side);
                if (isnan(expected)) {
                    assert_true(isnan(c));
                    continue;
                }
                expected = expected + 0.0f;
                SAME_BITS(&c, &expected, 1);
            }
}

/* ---- products ---- */

static size_t reach(const gemm_rows *g)
{
    return (size_t)(g->outer - 1) * g->outer_stride + (size_t)(g->rows - 1) * g->row_stride +
           (size_t)(g->segments - 1) * g->segment_stride + (size_t)g->length;
}

/* Also rounded, for every third seed. */
static int is_operand(uint64_t seed)
{
    return seed % 3 == 0;
}

static void fill_rows(gemm_rows *g, uint64_t seed, float wide)
{
    size_t count = reach(g);
    float *a = fence_floats(&fence_a, count);
    draw(a, count, seed, wide);
    for (size_t i = 0; is_operand(seed) && i < count; i++) a[i] = bf16_ref_round(a[i]);
    g->a = a;
}

static const float *pack(const kernels *k, int rows, int cols, int tn)
{
    size_t count = (size_t)kernels_panels(k, cols) * (size_t)rows * (size_t)k->panel;
    gemm_pack_args p = {plain_b, rows, cols, (size_t)cols, 1, 0, kernels_panels(k, cols), NULL};
    p.panels = fence_floats(&fence_b, count);
    if (tn) {
        k->gemm_pack_tn(&p);
        k->gemm_operand(p.panels, count);
    } else {
        k->gemm_pack(&p);
    }
    assert_true(fence_intact(&fence_b, count));
    return p.panels;
}

/* The definition is near the sum in double. */
static float defined(const bf16_terms *t)
{
    double size, exact = bf16_ref_double(t, &size);
    float sum = bf16_ref_sum(t);
    if (isfinite(sum)) NEAR(sum, exact, (t->n + 2) * 0x1p-24 * size + t->n * (double)FLT_MIN);
    return sum;
}

/* One row of A as its terms lie together. */
static void row_terms(const gemm_rows *g, int o, int i, float *out)
{
    for (int s = 0; s < g->segments; s++)
        memcpy(out + s * g->length,
               g->a + (size_t)o * g->outer_stride + (size_t)i * g->row_stride +
                   (size_t)s * g->segment_stride,
               (size_t)g->length * sizeof *out);
}

static void check_nn(gemm_rows rows, int cols, int seed, float wide)
{
    int depth = rows.segments * rows.length, m = rows.outer * rows.rows;
    float *terms = values_take((size_t)depth * sizeof *terms);
    fill_rows(&rows, (uint64_t)seed, wide);
    draw(plain_b, (size_t)depth * (size_t)cols, (uint64_t)seed + 1000, wide);
    for (int r = 0; r < m; r++) {
        row_terms(&rows, r / rows.rows, r % rows.rows, terms);
        for (int n = 0; n < cols; n++) {
            bf16_terms t = {depth, terms, plain_b + n, 1, (size_t)cols, 0};
            float y = defined(&t);
            if (seed % 2) y = y + plain_b[n];
            want[r * cols + n] = seed % 2 && y < 0 ? 0 : y;
        }
    }
    for (int t = 0; t < table_count; t++) {
        size_t stride = (size_t)cols + 3, outer = (size_t)rows.rows * stride;
        size_t count = (size_t)(m - 1) * stride + (size_t)cols;
        gemm_nn_args g = {.rows = rows,
                          .panels = pack(tables[t], depth, cols, 0),
                          .cols = cols,
                          .panel_hi = kernels_panels(tables[t], cols),
                          .bias = seed % 2 ? plain_b : NULL,
                          .act = seed % 2 ? ACTIVATION_RELU : ACTIVATION_NONE,
                          .c = fence_floats(&fence_c, count),
                          .c_outer_stride = outer,
                          .c_row_stride = stride,
                          .a_is_operand = is_operand((uint64_t)seed)};
        tables[t]->gemm_nn(&g);
        CASE("nn %s outer %d rows %d segments %d length %d cols %d seed %d", tables[t]->name,
             rows.outer, rows.rows, rows.segments, rows.length, cols, seed);
        assert_true(fence_intact(&fence_c, count));
        for (int r = 0; r < m; r++) {
            SAME_BITS(g.c + (size_t)r * stride, want + r * cols, cols);
            for (int gap = cols; r + 1 < m && gap < cols + 3; gap++)
                assert_true(is_canary(g.c[(size_t)r * stride + (size_t)gap]));
        }
    }
    free(terms);
}

static const int col_sweep[] = {1, 7, 15, 16, 17, 31, 32, 33, 64, 70};
enum { COLS = sizeof col_sweep / sizeof *col_sweep };

static void nn_dense(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 35; rows++)
        for (int c = 0; c < COLS; c++) {
            if (!TESTED(rows * COLS + c, 7)) continue;
            int length = 1 + value_int(1, (uint64_t)(rows * COLS + c), 70);
            check_nn((gemm_rows){NULL, 1, rows, 1, length, 0, (size_t)(length + rows % 3), 0},
                     col_sweep[c], rows * 10 + c, 0);
        }
}

/* Blocks go on over the ends of segments. */
static void nn_segments(void **state)
{
    (void)state;
    for (int segments = 2; segments <= 9; segments++)
        for (int length = 1; length <= 41; length += 8)
            check_nn((gemm_rows){NULL, 2, 5, segments, length, 400, 3, 43}, 33, segments + length,
                     0);
}

/* Segments as wide as a panel of any table, as those of a recurrent layer's gates; more terms than are rounded together. */
static void nn_panels(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 13; rows++)
        for (int length = 8; length <= 32; length *= 2)
            if (TESTED(rows + length, 7))
                check_nn((gemm_rows){NULL, 1, rows, 70, length, 0, 40, 520}, 33, 3 * rows, 0);
}

/* Rows that overlap and whole blocks in a segment, as those of a convolution: strides, more rows than a line takes, more lines
 * than are rounded together, a line that is too long for that, lines that
 * are no segments of other rows. */
static void nn_overlapping(void **state)
{
    (void)state;
    check_nn((gemm_rows){NULL, 10, 10, 3, 96, 416, 32, 416}, 64, 1, 0);
    check_nn((gemm_rows){NULL, 3, 50, 2, 64, 3400, 32, 1700}, 33, 2, 0);
    check_nn((gemm_rows){NULL, 1, 7, 5, 32, 0, 8, 300}, 17, 3, 0);
    check_nn((gemm_rows){NULL, 1, 7, 1, 64, 0, 8, 100}, 17, 4, 0);
    if (TESTED(1, 2)) check_nn((gemm_rows){NULL, 9, 97, 5, 320, 6500, 64, 6500}, 5, 5, 0);
    check_nn((gemm_rows){NULL, 1, 48, 2, 352, 0, 320, 16000}, 3, 6, 0);
    check_nn((gemm_rows){NULL, 3, 4, 2, 64, 150, 32, 100}, 16, 7, 0);
}

static void nn_long(void **state)
{
    (void)state;
    check_nn((gemm_rows){NULL, 1, 3, 1, 2048, 0, 2048, 0}, 17, 3, 0);
    if (TESTED(1, 2)) check_nn((gemm_rows){NULL, 1, 37, 1, 2085, 0, 2085, 0}, 33, 4, 0);
    check_nn((gemm_rows){NULL, 1, 2, 3, 1700, 0, 5100, 1700}, 5, 5, 0);
}

/* Magnitudes up to e^+-87: sums that overflow, and products and sums that are flushed. */
static void nn_wide(void **state)
{
    (void)state;
    for (int seed = 0; seed < 60; seed++)
        if (TESTED(seed, 5))
            check_nn((gemm_rows){NULL, 1, 17, 1, 30 + seed, 0, 100, 0}, 33, 2 * seed,
                     seed % 2 ? 40 : 43);
}

static void check_tn(gemm_rows rows, int cols, gemm_store store, int seed)
{
    int m = rows.outer * rows.rows, depth = rows.segments * rows.length;
    size_t count = (size_t)depth * (size_t)cols;
    float *terms = values_take((size_t)m * (size_t)depth * sizeof *terms);
    fill_rows(&rows, (uint64_t)seed, seed % 5 ? 0 : 40);
    draw(plain_b, (size_t)m * (size_t)cols, (uint64_t)seed + 1000, seed % 5 ? 0 : 40);
    for (int r = 0; r < m; r++) row_terms(&rows, r / rows.rows, r % rows.rows, terms + r * depth);
    for (int i = 0; i < depth * cols; i++) {
        bf16_terms t = {m, terms + i / cols, plain_b + i % cols, (size_t)depth, (size_t)cols, 0};
        if (store == GEMM_ACCUMULATE) t.start = value_at(9, (uint64_t)i);
        want[i] = defined(&t);
    }
    for (int t = 0; t < table_count; t++) {
        gemm_tn_args g = {rows, pack(tables[t], m, cols, 1), cols, store, NULL, 0};
        g.c = fence_floats(&fence_c, count);
        if (store == GEMM_ACCUMULATE) values_fill(g.c, count, 9);
        tables[t]->gemm_tn(&g);
        CASE("tn %s outer %d rows %d segments %d length %d cols %d store %d seed %d",
             tables[t]->name, rows.outer, rows.rows, rows.segments, rows.length, cols, store, seed);
        SAME_BITS(g.c, want, count);
        assert_true(fence_intact(&fence_c, count));
    }
    free(terms);
}

static void tn_dense(void **state)
{
    (void)state;
    for (int length = 1; length <= 35; length++)
        for (int c = 0; c < COLS; c++) {
            if (!TESTED(length * COLS + c, 7)) continue;
            check_tn((gemm_rows){NULL, 1, 1 + value_int(3, (uint64_t)(length * COLS + c), 80), 1,
                                 length, 0, (size_t)(length + c % 3), 0},
                     col_sweep[c], (length + c) % 2, length * 10 + c);
        }
}

static void tn_segments(void **state)
{
    (void)state;
    for (int segments = 1; segments <= 4; segments++)
        for (int outer = 1; outer <= 4; outer++)
            check_tn((gemm_rows){NULL, outer, 9 + outer, segments, 21, 500, 3, 91}, 33, outer % 2,
                     segments + outer);
}

/* More terms and columns than are rounded together. */
static void tn_long(void **state)
{
    (void)state;
    for (int store = GEMM_OVERWRITE; store <= GEMM_ACCUMULATE; store++) {
        if (!TESTED(store, 2)) continue;
        check_tn((gemm_rows){NULL, 1, 256, 1, 128, 0, 128, 0}, 32, store, 1);
        check_tn((gemm_rows){NULL, 1, 301, 1, 150, 0, 150, 0}, 35, store, 2);
    }
    if (!TESTED(1, 2)) return;
    check_tn((gemm_rows){NULL, 3, 200, 2, 130, 30000, 130, 9000}, 33, GEMM_OVERWRITE, 3);
}

static void check_tree(int leaves, int grain, int rows, int length, int cols)
{
    tree_node nodes[MAX_LEAVES];
    unsigned char merges[MAX_LEAVES];
    gemm_rows a = {NULL, 1, rows, 1, length, 0, (size_t)length, 0};
    size_t count = (size_t)length * (size_t)cols;
    float *sums = values_take((size_t)leaves * count * sizeof *sums);
    const float *items[MAX_LEAVES];
    fill_rows(&a, (uint64_t)rows, 0);
    draw(plain_b, (size_t)rows * (size_t)cols, 5, 0);
    for (int l = 0; l < leaves; l++) {
        int first = l * grain, n = rows - first < grain ? rows - first : grain;
        float *leaf = sums + (size_t)l * count;
        for (size_t i = 0; i < count; i++)
            leaf[i] = defined(&(bf16_terms){
                n, a.a + (size_t)first * a.row_stride + i / (size_t)cols,
                plain_b + first * cols + i % (size_t)cols, a.row_stride, (size_t)cols, 0});
        nodes[l] = (tree_node){l, l + 1}, items[l] = leaf;
    }
    tree_plan plan = tree_plan_merges(leaves, nodes, leaves, merges, NULL);
    tables[0]->tree_sum(plan, merges, items, count, (float *const[]){want});
    for (int t = 0; t < table_count; t++)
        for (int parts = 1; parts <= 5; parts += 2) {
            const kernels *k = tables[t];
            float *const results[1] = {fence_floats(&fence_c, count)};
            gemm_tree_args g = {a,    pack(k, rows, cols, 1), cols, grain, plan, merges, results, 0,
                                parts};
            for (; g.part < parts; g.part++) k->gemm_tn_tree(&g);
            CASE("tree %s leaves %d grain %d rows %d length %d cols %d parts %d", k->name, leaves,
                 grain, rows, length, cols, parts);
            SAME_BITS(results[0], want, count);
            assert_true(fence_intact(&fence_c, count));
        }
    free(sums);
}

static void tn_tree(void **state)
{
    (void)state;
    for (int leaves = 1; leaves <= MAX_LEAVES; leaves++)
        check_tree(leaves, 8, 8 * leaves - leaves % 3, 13 + leaves, 41);
    check_tree(3, 40, 110, 19, 33);
    check_tree(2, 300, 600, 7, 17); /* more rows than are rounded once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_operands), cmocka_unit_test(rounds_factors),
        cmocka_unit_test(nn_dense),        cmocka_unit_test(nn_segments),
        cmocka_unit_test(nn_panels),       cmocka_unit_test(nn_overlapping),
        cmocka_unit_test(nn_long),         cmocka_unit_test(nn_wide),
        cmocka_unit_test(tn_dense),        cmocka_unit_test(tn_segments),
        cmocka_unit_test(tn_long),         cmocka_unit_test(tn_tree),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
