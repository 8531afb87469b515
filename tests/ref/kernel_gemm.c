/* ref/kernel_gemm.c - packed products against their twins: every table, fringe shapes, guarded memory. */
#include "check.h"

#include <stdlib.h>

#include "kernel/kernels.h"
#include "reference/gemm.h"
#include "reference/values.h"

enum { LARGEST = 1 << 17, MAX_LEAVES = 16 }; /* floats of the largest array; leaves of a tree */

/* Memory of one product: all inputs end at fences, the output too. */
static fence fence_a, fence_b, fence_c, fence_bias;
static double *want, *bound;
static float *plain_b, *start;
static const kernels *tables[3];
static int table_count;

static int set_up(void **state)
{
    (void)state;
    fence_a = fence_open(LARGEST), fence_b = fence_open(LARGEST), fence_c = fence_open(LARGEST);
    fence_bias = fence_open(LARGEST);
    want = values_take(LARGEST * sizeof *want), bound = values_take(LARGEST * sizeof *bound);
    plain_b = values_take(LARGEST * sizeof *plain_b);
    start = values_take(LARGEST * sizeof *start);
    table_count = kernels_available(tables);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fence_close(&fence_a), fence_close(&fence_b), fence_close(&fence_c), fence_close(&fence_bias);
    free(want), free(bound), free(plain_b), free(start);
    return 0;
}

/* Floats that rows reach over, and so the size of their array. */
static size_t reach(const gemm_rows *g)
{
    return (size_t)(g->outer - 1) * g->outer_stride + (size_t)(g->rows - 1) * g->row_stride +
           (size_t)(g->segments - 1) * g->segment_stride + (size_t)g->length;
}

/* Fills the elements of A that rows point at; those between them stay canaries. */
static void fill_rows(gemm_rows *g, uint64_t seed)
{
    float *a = fence_floats(&fence_a, reach(g));
    g->a = a;
    for (int o = 0; o < g->outer; o++)
        for (int i = 0; i < g->rows; i++)
            for (int s = 0; s < g->segments; s++)
                for (int k = 0; k < g->length; k++) {
                    size_t at = (size_t)o * g->outer_stride + (size_t)i * g->row_stride +
                                (size_t)s * g->segment_stride + (size_t)k;
                    a[at] = value_at(seed, at);
                }
}

/* plain_b [rows, cols] into panels that end at a fence. */
static const float *pack(const kernels *k, int rows, int cols)
{
    size_t count = (size_t)kernels_panels(k, cols) * (size_t)rows * (size_t)k->panel;
    gemm_pack_args p = {plain_b, rows, cols, (size_t)cols, 1, 0, kernels_panels(k, cols), NULL};
    p.panels = fence_floats(&fence_b, count);
    k->gemm_pack(&p);
    assert_true(fence_intact(&fence_b, count));
    return p.panels;
}

/* How C lies: gaps between rows and between outer rows. */
typedef struct gaps {
    int row, outer;
} gaps;

static void check_nn_on(const kernels *k, const gemm_ref *g, gaps gap)
{
    const gemm_rows *rows = &g->rows;
    size_t row = (size_t)(g->cols + gap.row);
    size_t outer = (size_t)rows->rows * row + (size_t)gap.outer;
    size_t count = (size_t)(rows->outer - 1) * outer + (size_t)(rows->rows - 1) * row +
                   (size_t)g->cols;
    gemm_nn_args args = {*rows,
                         pack(k, rows->segments * rows->length, g->cols),
                         g->cols,
                         0,
                         kernels_panels(k, g->cols),
                         g->bias,
                         g->act,
                         NULL,
                         outer,
                         row,
                         0,
                         0};
    args.c = fence_floats(&fence_c, count);
    k->gemm_nn(&args);
    assert_true(fence_intact(&fence_c, count));
    const double *w = want, *b = bound;
    for (int o = 0; o < rows->outer; o++)
        for (int i = 0; i < rows->rows; i++, w += g->cols, b += g->cols) {
            float *c = args.c + (size_t)o * outer + (size_t)i * row;
            ALLCLOSE(c, w, b, g->cols);
            canaries(c, (size_t)g->cols);
        }
    for (size_t i = 0; i < count; i++) assert_true(is_canary(args.c[i])); /* nothing in the gaps */
}

static void check_nn(gemm_rows rows, int cols, gaps gap, activation act, uint64_t seed)
{
    int depth = rows.segments * rows.length;
    fill_rows(&rows, seed);
    values_fill(plain_b, (size_t)depth * (size_t)cols, seed + 1000);
    gemm_ref g = {.rows = rows, .b = plain_b, .cols = cols, .act = act};
    float *bias = fence_floats(&fence_bias, (size_t)cols);
    values_fill(bias, (size_t)cols, seed + 2000);
    if (act == ACTIVATION_RELU) g.bias = bias;
    gemm_nn_ref(&g, want, bound);
    for (int t = 0; t < table_count; t++) {
        CASE("nn %s outer %d rows %d segments %d length %d cols %d act %d seed %d", tables[t]->name,
             rows.outer, rows.rows, rows.segments, rows.length, cols, act, (int)seed);
        check_nn_on(tables[t], &g, gap);
    }
}

static const int col_sweep[] = {1, 2, 7, 10, 15, 16, 17, 31, 32, 33, 64, 100};
enum { COLS = sizeof col_sweep / sizeof *col_sweep };

/* Rows 1..27 covers every height of a tile and every way to cut two or more. */
static void nn_dense(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 27; rows++)
        for (int c = 0; c < COLS; c++) {
            int length = 1 + value_int(1, (uint64_t)(rows * COLS + c), 40), gap = rows % 3;
            gemm_rows g = {NULL, 1, rows, 1, length, 0, (size_t)(length + gap), 0};
            check_nn(g, col_sweep[c], (gaps){gap, 0}, rows % 2 ? ACTIVATION_RELU : ACTIVATION_NONE,
                     (uint64_t)(rows * 100 + c));
        }
}

static void nn_segments(void **state)
{
    (void)state;
    const int row_sweep[] = {1, 5, 6, 7, 11, 12, 13, 23, 24, 25};
    for (int segments = 1; segments <= 5; segments++)
        for (size_t r = 0; r < sizeof row_sweep / sizeof *row_sweep; r++)
            for (int c = 0; c < COLS; c += 2) {
                int length = 1 + value_int(2, (uint64_t)(segments * 100 + c), 13);
                gemm_rows g = {NULL, 1 + segments % 3, row_sweep[r], segments, length, 400, 3, 83};
                check_nn(g, col_sweep[c], (gaps){c % 5, 7}, segments % 2, (uint64_t)segments);
            }
}

/* A convolution whose rows overlap: width 9, 5 channels, kernels of 3, every pixel and every second. */
static void nn_convolution(void **state)
{
    (void)state;
    for (size_t stride = 1; stride <= 2; stride++) {
        int out = stride == 1 ? 7 : 4;
        gemm_rows g = {NULL, out, out, 3, 15, stride * 45, stride * 5, 45};
        for (int c = 0; c < COLS; c++)
            check_nn(g, col_sweep[c], (gaps){0, 0}, ACTIVATION_RELU, stride);
    }
}

static void nn_long(void **state)
{
    (void)state;
    check_nn((gemm_rows){NULL, 1, 13, 1, 1601, 0, 1601, 0}, 33, (gaps){0, 0}, ACTIVATION_NONE, 5);
}

/* A call on panels [lo,hi) writes exactly their columns. */
static void nn_panel_ranges(void **state)
{
    (void)state;
    enum { ROWS = 7, LENGTH = 9, COLUMNS = 100 };
    gemm_rows rows = {NULL, 1, ROWS, 1, LENGTH, 0, LENGTH, 0};
    fill_rows(&rows, 3);
    values_fill(plain_b, LENGTH * COLUMNS, 4);
    for (int t = 0; t < table_count; t++) {
        const kernels *k = tables[t];
        int panels = kernels_panels(k, COLUMNS);
        float *whole = start;
        gemm_nn_args g = {.rows = rows,
                          .panels = pack(k, LENGTH, COLUMNS),
                          .cols = COLUMNS,
                          .panel_hi = panels,
                          .c = whole,
                          .c_row_stride = COLUMNS};
        k->gemm_nn(&g);
        for (int lo = 0; lo < panels; lo++)
            for (int hi = lo; hi <= panels; hi++) {
                CASE("%s panels [%d,%d)", k->name, lo, hi);
                g.c = fence_floats(&fence_c, ROWS * COLUMNS), g.panel_lo = lo, g.panel_hi = hi;
                k->gemm_nn(&g);
                for (int i = 0; i < ROWS * COLUMNS; i++) {
                    int panel = i % COLUMNS / k->panel, mine = lo <= panel && panel < hi;
                    if (mine)
                        SAME_BITS(g.c + i, whole + i, 1);
                    else
                        assert_true(is_canary(g.c[i]));
                }
            }
    }
}

/* A row alone has a loop of its own, over several panels: the bits of the same row among others, B in place or packed. */
static void nn_row_alone(void **state)
{
    (void)state;
    enum { LENGTH = 41, MOST_PANELS = 7 };
    gemm_rows rows = {NULL, 1, 2, 1, LENGTH, 0, LENGTH, 0};
    fill_rows(&rows, 14);
    for (int t = 0; t < table_count; t++)
        for (int panels = 1; panels <= MOST_PANELS; panels++) {
            const kernels *k = tables[t];
            int cols = panels * k->panel;
            values_fill(plain_b, (size_t)(LENGTH * cols), 15);
            gemm_nn_args g = {.rows = rows, .panels = pack(k, LENGTH, cols), .cols = cols};
            g.panel_hi = panels, g.c = start, g.c_row_stride = (size_t)cols;
            k->gemm_nn(&g);
            CASE("%s panels %d", k->name, panels);
            for (int in_place = 0; in_place < 2; in_place++) {
                g.rows.rows = 1, g.c = fence_floats(&fence_c, (size_t)cols);
                if (in_place) g.panels = plain_b, g.b_row_stride = (size_t)cols;
                k->gemm_nn(&g);
                SAME_BITS(g.c, start, cols);
            }
        }
}

/* B of whole panels, read where it lies between canaries: the bits of the packed B, of all panels and of the last ones. */
static void check_in_place(const kernels *k, int row_count, int length, activation act)
{
    enum { PANELS = 3, GAP = 5 };
    gemm_rows rows = {NULL, 1, row_count, 1, length, 0, (size_t)length, 0};
    int cols = PANELS * k->panel;
    size_t stride = (size_t)(cols + GAP), count = (size_t)(length - 1) * stride + (size_t)cols;
    size_t results = (size_t)(row_count * cols);
    fill_rows(&rows, 12);
    values_fill(plain_b, (size_t)(length * cols), 13);
    float *bias = fence_floats(&fence_bias, (size_t)cols);
    values_fill(bias, (size_t)cols, 14);
    gemm_nn_args g = {.rows = rows, .panels = pack(k, length, cols), .cols = cols, .act = act};
    if (act == ACTIVATION_RELU) g.bias = bias;
    g.panel_hi = PANELS, g.c = start, g.c_row_stride = (size_t)cols;
    k->gemm_nn(&g);
    float *b = fence_floats(&fence_b, count);
    for (int i = 0; i < length; i++)
        memcpy(b + (size_t)i * stride, plain_b + i * cols, (size_t)cols * sizeof *b);
    g.panels = b, g.b_row_stride = stride;
    for (int lo = 0; lo < PANELS; lo += 2) {
        CASE("%s rows %d length %d act %d panels from %d", k->name, row_count, length, act, lo);
        g.panel_lo = lo, g.c = fence_floats(&fence_c, results);
        k->gemm_nn(&g);
        for (int i = 0; i < row_count; i++) {
            int first = i * cols + lo * k->panel;
            SAME_BITS(g.c + first, start + first, (PANELS - lo) * k->panel);
            for (int n = i * cols; n < first; n++) assert_true(is_canary(g.c[n]));
        }
        assert_true(fence_intact(&fence_c, results));
    }
}

/* Few rows, which take B as it lies, and many, for which it is copied; as many terms as a copy has, fewer and more. */
static void nn_in_place(void **state)
{
    (void)state;
    static const int row_sweep[] = {2, 17, 18, 31, 36, 40},
                     length_sweep[] = {37, 256, 257, 513, 600};
    for (int t = 0; t < table_count; t++)
        for (size_t r = 0; r < sizeof row_sweep / sizeof *row_sweep; r++)
            for (size_t l = 0; l < sizeof length_sweep / sizeof *length_sweep; l++) {
                check_in_place(tables[t], row_sweep[r], length_sweep[l], ACTIVATION_NONE);
                check_in_place(tables[t], row_sweep[r], length_sweep[l], ACTIVATION_RELU);
            }
}

static void check_tn(gemm_rows rows, int cols, gemm_store store, uint64_t seed)
{
    size_t m = (size_t)rows.outer * (size_t)rows.rows;
    size_t count = (size_t)rows.segments * (size_t)rows.length * (size_t)cols;
    fill_rows(&rows, seed);
    values_fill(plain_b, m * (size_t)cols, seed + 1000);
    values_fill(start, count, seed + 3000);
    gemm_ref g = {.rows = rows, .b = plain_b, .cols = cols};
    if (store == GEMM_ACCUMULATE) g.start = start;
    gemm_tn_ref(&g, want, bound);
    for (int t = 0; t < table_count; t++) {
        CASE("tn %s outer %d rows %d segments %d length %d cols %d store %d seed %d",
             tables[t]->name, rows.outer, rows.rows, rows.segments, rows.length, cols, store,
             (int)seed);
        gemm_tn_args args = {rows, pack(tables[t], (int)m, cols), cols, store, NULL, 0};
        args.c = fence_floats(&fence_c, count);
        if (store == GEMM_ACCUMULATE) memcpy(args.c, start, count * sizeof *start);
        tables[t]->gemm_tn(&args);
        ALLCLOSE(args.c, want, bound, count);
        assert_true(fence_intact(&fence_c, count));
    }
}

static void tn_dense(void **state)
{
    (void)state;
    for (int length = 1; length <= 27; length++)
        for (int c = 0; c < COLS; c++) {
            int rows = 1 + value_int(3, (uint64_t)(length * COLS + c), 27);
            gemm_rows g = {NULL, 1, rows, 1, length, 0, (size_t)(length + c % 3), 0};
            check_tn(g, col_sweep[c], (length + c) % 2, (uint64_t)(length * 100 + c));
        }
}

static void tn_segments(void **state)
{
    (void)state;
    for (int segments = 1; segments <= 5; segments++)
        for (int outer = 1; outer <= 4; outer++)
            for (int c = 0; c < COLS; c += 2) {
                int length = 1 + value_int(4, (uint64_t)(segments * 100 + c + outer), 26);
                gemm_rows g = {NULL, outer, 1 + c, segments, length, 500, 3, 91};
                check_tn(g, col_sweep[c], (outer + segments) % 2, (uint64_t)segments);
            }
}

/* The tree over `leaves` leaves of which this holder has [lo,hi). */
typedef struct tree_case {
    int leaves, lo, hi, grain, rows, length, cols, parts;
} tree_case;

static void check_tree_on(const kernels *k, const tree_case *s, const gemm_ref *g)
{
    tree_node nodes[MAX_LEAVES], results[TREE_MAX_NODES];
    unsigned char merges[MAX_LEAVES];
    for (int l = s->lo; l < s->hi; l++) nodes[l - s->lo] = (tree_node){l, l + 1};
    tree_plan plan = tree_plan_merges(s->leaves, nodes, s->hi - s->lo, merges, results);
    size_t count = (size_t)s->length * (size_t)s->cols;
    float *out[TREE_MAX_NODES], *c = fence_floats(&fence_c, count * (size_t)plan.results);
    for (int r = 0; r < plan.results; r++) out[r] = c + (size_t)r * count;
    gemm_tree_args args = {
        g->rows, pack(k, s->rows, s->cols), s->cols, s->grain, plan, merges, out, 0, s->parts};
    for (; args.part < s->parts; args.part++) k->gemm_tn_tree(&args);
    assert_true(fence_intact(&fence_c, count * (size_t)plan.results));
    for (int r = 0; r < plan.results; r++) {
        tree_node local = {results[r].lo - s->lo, results[r].hi - s->lo};
        gemm_tn_tree_ref(g, s->grain, local, want, bound);
        ALLCLOSE(out[r], want, bound, count);
    }
}

static void check_tree(const tree_case *s, uint64_t seed)
{
    gemm_rows rows = {NULL, 1, s->rows, 1, s->length, 0, (size_t)s->length + 2, 0};
    fill_rows(&rows, seed);
    values_fill(plain_b, (size_t)s->rows * (size_t)s->cols, seed + 1000);
    gemm_ref g = {.rows = rows, .b = plain_b, .cols = s->cols};
    for (int t = 0; t < table_count; t++) {
        CASE("tree %s leaves [%d,%d) of %d grain %d rows %d length %d cols %d parts %d seed %d",
             tables[t]->name, s->lo, s->hi, s->leaves, s->grain, s->rows, s->length, s->cols,
             s->parts, (int)seed);
        check_tree_on(tables[t], s, &g);
    }
}

/* Every range of leaves, the last leaf short. A range that ends inside the tree ends with a whole leaf. */
static void tn_tree(void **state)
{
    (void)state;
    const int leaf_sweep[] = {1, 2, 3, 5, 7, 8, 11, 16};
    for (size_t n = 0; n < sizeof leaf_sweep / sizeof *leaf_sweep; n++)
        for (int lo = 0; lo < leaf_sweep[n]; lo++)
            for (int hi = lo + 1; hi <= leaf_sweep[n]; hi++) {
                int draw = value_int(6, n * 1000 + (uint64_t)(lo * 30 + hi), 1 << 20);
                tree_case s = {.leaves = leaf_sweep[n], .lo = lo, .hi = hi};
                s.grain = 1 + draw % 9;
                s.rows = (hi - lo) * s.grain - (hi == s.leaves ? draw / 9 % s.grain : 0);
                s.length = 1 + draw / 81 % 27, s.cols = col_sweep[draw / 2187 % 8];
                s.parts = 1 + draw % 6;
                check_tree(&s, (uint64_t)draw);
            }
}

/* More parts than tiles: some have nothing to do, none does another's. */
static void tn_tree_many_parts(void **state)
{
    (void)state;
    check_tree(&(tree_case){4, 0, 4, 8, 29, 13, 33, 16}, 9);
    check_tree(&(tree_case){4, 0, 4, 8, 32, 1, 1, 7}, 10);
}

/* Panels from 1 on of B [rows, columns] whose strides are given: every float where it belongs, zeros behind the last. */
static void check_pack(const kernels *k, gemm_pack_args p)
{
    int panels = kernels_panels(k, p.cols);
    size_t count = (size_t)(panels * p.rows * k->panel);
    p.panel_lo = 1, p.panel_hi = panels;
    p.panels = fence_floats(&fence_b, count);
    float *b = fence_floats(&fence_a, (size_t)(p.rows - 1) * p.row_stride +
                                          (size_t)(p.cols - 1) * p.col_stride + 1);
    for (int r = 0; r < p.rows; r++)
        for (int c = 0; c < p.cols; c++)
            b[(size_t)r * p.row_stride + (size_t)c * p.col_stride] = value_at(
                11, (uint64_t)(r * p.cols + c));
    p.b = b;
    k->gemm_pack(&p);
    CASE("%s rows %d cols %d strides %zu %zu", k->name, p.rows, p.cols, p.row_stride, p.col_stride);
    for (int i = 0; i < panels * p.rows * k->panel; i++) {
        int panel = i / (p.rows * k->panel), row = i / k->panel % p.rows;
        int col = panel * k->panel + i % k->panel;
        float expected = col < p.cols ? value_at(11, (uint64_t)(row * p.cols + col)) : 0.0f;
        if (panel == 0)
            assert_true(is_canary(p.panels[i]));
        else
            SAME_BITS(p.panels + i, &expected, 1);
    }
    assert_true(fence_intact(&fence_b, count));
}

/* As rows, transposed, and neither. */
static void pack_strides(void **state)
{
    (void)state;
    const int row_sweep[] = {1, 5, 16, 37}, columns[] = {1, 33, 48, 70, 96};
    for (int t = 0; t < table_count; t++)
        for (size_t r = 0; r < sizeof row_sweep / sizeof *row_sweep; r++)
            for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
                gemm_pack_args p = {.rows = row_sweep[r], .cols = columns[c]};
                p.row_stride = (size_t)p.cols + c, p.col_stride = 1;
                check_pack(tables[t], p);
                p.row_stride = 1, p.col_stride = (size_t)p.rows + c;
                check_pack(tables[t], p);
                p.row_stride = 2, p.col_stride = 2 * (size_t)p.rows + 1;
                check_pack(tables[t], p);
            }
}

static void column_sums(void **state)
{
    (void)state;
    for (int rows = 0; rows <= 20; rows++)
        for (int c = 0; c < COLS; c++)
            for (int t = 0; t < table_count; t++) {
                int cols = col_sweep[c], store = (rows + c) % 2 ? GEMM_ACCUMULATE : GEMM_OVERWRITE;
                float *g = fence_floats(&fence_a, (size_t)(rows * cols));
                float *sums = fence_floats(&fence_c, (size_t)cols);
                values_fill(g, (size_t)(rows * cols), (uint64_t)rows);
                if (store == GEMM_ACCUMULATE) values_fill(sums, (size_t)cols, 77);
                CASE("%s rows %d cols %d store %d", tables[t]->name, rows, cols, store);
                for (int n = 0; n < cols; n++) { /* its order is said, so its bits are known */
                    start[n] = store == GEMM_ACCUMULATE ? value_at(77, (uint64_t)n) : 0.0f;
                    for (int r = 0; r < rows; r++) start[n] += g[r * cols + n];
                }
                tables[t]->column_sums(rows, cols, g, store, sums);
                SAME_BITS(sums, start, cols);
                assert_true(fence_intact(&fence_c, (size_t)cols));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nn_dense),           cmocka_unit_test(nn_segments),
        cmocka_unit_test(nn_convolution),     cmocka_unit_test(nn_long),
        cmocka_unit_test(nn_panel_ranges),    cmocka_unit_test(nn_row_alone),
        cmocka_unit_test(nn_in_place),        cmocka_unit_test(tn_dense),
        cmocka_unit_test(tn_segments),        cmocka_unit_test(tn_tree),
        cmocka_unit_test(tn_tree_many_parts), cmocka_unit_test(pack_strides),
        cmocka_unit_test(column_sums),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
