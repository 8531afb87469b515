/* prop/kernel_bits.c - the numerical contract of the kernels: which bits, and that they depend on nothing else.
 *
 * gemm's order of sums is said in its header, so a scalar chain gives its bits; all tables must agree on every kernel; rows,
 * panels, parts and leaves may be cut in any way. */
#include "check.h"

#include <stdlib.h>

#include "kernel/kernels.h"
#include "reference/values.h"

enum { LARGEST = 1 << 17, MAX_LEAVES = 32 };

static float *a, *b, *g_rows, *c1, *c2, *leaf_sums, *panels;
static const kernels *tables[3];
static int table_count;

static int set_up(void **state)
{
    (void)state;
    float **all[] = {&a, &b, &g_rows, &c1, &c2, &leaf_sums, &panels};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = values_take(LARGEST * sizeof **all[i]);
    values_fill(a, LARGEST, 1);
    values_fill(b, LARGEST, 2);
    values_fill(g_rows, LARGEST, 3);
    table_count = kernels_available(tables);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(a), free(b), free(g_rows), free(c1), free(c2), free(leaf_sums), free(panels);
    return 0;
}

static const float *packed(const kernels *k, const float *source, int rows, int cols)
{
    k->gemm_pack(
        &(gemm_pack_args){source, rows, cols, (size_t)cols, 1, 0, kernels_panels(k, cols), panels});
    return panels;
}

/* Moves the panels of `length` floats apart, a gap of NaNs behind each; gives their stride. */
static size_t spread(int count, size_t length)
{
    size_t stride = length + 48;
    for (int p = count; p-- > 0;) {
        memmove(panels + (size_t)p * stride, panels + (size_t)p * length, length * sizeof *panels);
        canaries(panels + (size_t)p * stride + length, 48);
    }
    return stride;
}

/* A convolution-like product: two outer rows of `rows` pixels, 3 segments of 10, overlapping. */
static gemm_rows pixels(int rows)
{
    return (gemm_rows){a, 2, rows, 3, 10, 700, 5, 170};
}

static void nn_is_one_chain(void **state)
{
    (void)state;
    for (int t = 0; t < table_count; t++)
        for (int rows = 1; rows <= 27; rows++) {
            const kernels *k = tables[t];
            int cols = 1 + rows * 7 % 70;
            gemm_nn_args g = {pixels(rows),
                              packed(k, b, 30, cols),
                              cols,
                              0,
                              kernels_panels(k, cols),
                              NULL,
                              ACTIVATION_NONE,
                              c1,
                              (size_t)(rows * cols),
                              (size_t)cols,
                              0,
                              0};
            k->gemm_nn(&g);
            for (int i = 0; i < 2 * rows * cols; i++) {
                int o = i / (rows * cols), r = i / cols % rows, n = i % cols;
                float sum = 0;
                for (int q = 0; q < 30; q++)
                    sum = fmaf(a[o * 700 + r * 5 + q / 10 * 170 + q % 10], b[q * cols + n], sum);
                c2[i] = sum;
            }
            CASE("%s rows %d cols %d", k->name, rows, cols);
            SAME_BITS(c1, c2, 2 * rows * cols);
        }
}

static void tn_is_one_chain(void **state)
{
    (void)state;
    for (int t = 0; t < table_count; t++)
        for (int rows = 1; rows <= 13; rows++) {
            const kernels *k = tables[t];
            int cols = 1 + rows * 11 % 70;
            gemm_tn_args g = {pixels(rows), packed(k, g_rows, 2 * rows, cols),
                              cols,         rows % 2 ? GEMM_ACCUMULATE : GEMM_OVERWRITE,
                              c1,           0};
            for (int i = 0; i < 30 * cols; i++) {
                int q = i / cols, n = i % cols, at = q / 10 * 170 + q % 10;
                c1[i] = g.store == GEMM_ACCUMULATE ? b[i] : canary();
                c2[i] = g.store == GEMM_ACCUMULATE ? b[i] : 0.0f;
                for (int r = 0; r < 2 * rows; r++)
                    c2[i] = fmaf(a[at + r / rows * 700 + r % rows * 5], g_rows[r * cols + n],
                                 c2[i]);
            }
            if (rows % 3)
                g.panel_stride = spread(kernels_panels(k, cols), (size_t)(2 * rows * k->panel));
            k->gemm_tn(&g);
            CASE("%s rows %d cols %d", k->name, rows, cols);
            SAME_BITS(c1, c2, 30 * cols);
        }
}

/* A product over rows cut anywhere, and with panels one by one, gives the bits of the whole. */
static void nn_cut_anyhow(void **state)
{
    (void)state;
    enum { ROWS = 40, DEPTH = 37, COLUMNS = 70 };
    for (int t = 0; t < table_count; t++) {
        const kernels *k = tables[t];
        gemm_nn_args g = {{a, 1, ROWS, 1, DEPTH, 0, DEPTH, 0},
                          packed(k, b, DEPTH, COLUMNS),
                          COLUMNS,
                          0,
                          kernels_panels(k, COLUMNS),
                          b,
                          ACTIVATION_RELU,
                          c1,
                          0,
                          COLUMNS,
                          0,
                          0};
        k->gemm_nn(&g);
        for (int cut = 1; cut < ROWS; cut++)
            for (int part = 0; part < 2; part++) {
                gemm_nn_args h = g;
                int first = part ? cut : 0;
                h.rows.a = a + first * DEPTH, h.rows.rows = part ? ROWS - cut : cut;
                h.c = c2 + first * COLUMNS;
                for (int p = kernels_panels(k, COLUMNS); p-- > 0;) {
                    h.panel_lo = p, h.panel_hi = p + 1;
                    k->gemm_nn(&h);
                }
                CASE("%s cut at %d", k->name, cut);
                SAME_BITS(h.c, c1 + first * COLUMNS, h.rows.rows * COLUMNS);
            }
    }
}

/* gemm_tn_tree is gemm_tn on each leaf, and tree_sum over them; in any number of parts. */
static void tree_of_leaves(void **state)
{
    (void)state;
    enum { LENGTH = 25, COLUMNS = 41, COUNT = LENGTH * COLUMNS, GRAIN = 4 };
    for (int t = 0; t < table_count; t++)
        for (int leaves = 1; leaves <= MAX_LEAVES; leaves += 1 + leaves / 8) {
            const kernels *k = tables[t];
            tree_node nodes[MAX_LEAVES];
            unsigned char merges[MAX_LEAVES];
            const float *items[MAX_LEAVES];
            int rows = leaves * GRAIN - 1; /* the last leaf is short */
            for (int l = 0; l < leaves; l++) {
                float *sums = leaf_sums + l * COUNT;
                int mine = l + 1 < leaves ? GRAIN : GRAIN - 1;
                const float *part = packed(k, g_rows + l * GRAIN * COLUMNS, mine, COLUMNS);
                k->gemm_tn(
                    &(gemm_tn_args){{a + l * GRAIN * LENGTH, 1, mine, 1, LENGTH, 0, LENGTH, 0},
                                    part,
                                    COLUMNS,
                                    GEMM_OVERWRITE,
                                    sums,
                                    0});
                nodes[l] = (tree_node){l, l + 1}, items[l] = sums;
            }
            tree_plan plan = tree_plan_merges(leaves, nodes, leaves, merges, NULL);
            k->tree_sum(plan, merges, items, COUNT, (float *const[]){c1});
            for (int parts = 1; parts <= 9; parts += 2) {
                float *const results[1] = {c2};
                gemm_tree_args g = {{a, 1, rows, 1, LENGTH, 0, LENGTH, 0},
                                    packed(k, g_rows, rows, COLUMNS),
                                    COLUMNS,
                                    GRAIN,
                                    plan,
                                    merges,
                                    results,
                                    0,
                                    parts};
                canaries(c2, COUNT);
                for (; g.part < parts; g.part++) k->gemm_tn_tree(&g);
                CASE("%s leaves %d parts %d", k->name, leaves, parts);
                SAME_BITS(c2, c1, COUNT);
            }
        }
}

/* Softmax, pooling, updates and sums: every table with fused multiply-adds, the same bits. Products follow from the
 * chains above. */
static void softmax_on(const kernels *k, int classes, float *out)
{
    enum { ROWS = 5 };
    uint8_t labels[ROWS] = {0}, predicted[ROWS];
    loss_sums sums = {0};
    for (int i = 0; i < ROWS * classes; i++) c2[i] = 9 * a[i];
    softmax_args s = {classes, 0, ROWS, c2, labels, 0.3f, out + 16, predicted, out, 0};
    k->softmax_loss(&s, &sums);
    memcpy(out + 8, &sums, sizeof sums);
    for (int i = 0; i < ROWS; i++) out[16 + ROWS * classes + i] = predicted[i];
}

static void softmax_bits(void **state)
{
    (void)state;
    for (int t = 1; t < table_count; t++)
        for (int classes = 1; classes <= 256; classes += 1 + classes / 20) {
            CASE("%s classes %d", tables[t]->name, classes);
            memset(c1, 0, 2048 * sizeof *c1), memset(leaf_sums, 0, 2048 * sizeof *c1);
            softmax_on(tables[0], classes, c1);
            softmax_on(tables[t], classes, leaf_sums);
            SAME_BITS(leaf_sums, c1, 21 + 5 * classes);
        }
}

static void update_on(const kernels *k, float *out)
{
    enum { N = 496 };
    memcpy(out, a, 4 * N * sizeof *out);
    for (int i = 2 * N; i < 3 * N; i++) out[i] = fabsf(out[i]);
    for (int step = 0; step < 5; step++) {
        k->adam(
            &(adam_args){out, out + N, out + 2 * N, b + step * N, N, 0.01f, 0.1f, 0.001f, 1e-7f});
        k->sgd(&(sgd_args){out, out + 3 * N, b + step * N, N, 0.01f, 0.9f, step % 2});
        k->sgd(&(sgd_args){out, NULL, b + step * N, N, 0.01f, 0, 0});
        memcpy(out + 6 * N, b + step * N, N * sizeof *out);
        k->lamb(
            &(lamb_args){out + N, out + 2 * N, out + 6 * N, N, 0.1f, 0.001f, 0.5f, 0.02f, 1e-7f});
        k->add_scaled(out, out + 6 * N, -0.01f, N);
        k->scale(out + 3 * N, 0.9f, N);
    }
    k->column_sums(9, 55, a, GEMM_OVERWRITE, out + 4 * N);
    k->activation_backward(ACTIVATION_RELU, 0, 333, a, b, out + 5 * N);
}

static void pool_on(const kernels *k, int channels, float *out)
{
    enum { SIDE = 7, OUT = 3 };
    uint8_t argmax[OUT * OUT * 40];
    int n = OUT * OUT * channels;
    pool_args p = {SIDE, SIDE, channels, OUT, OUT, 3, 2, 0, 0, b, ACTIVATION_RELU};
    k->pool_forward(&p, a, out, argmax);
    for (int i = 0; i < n; i++) out[n + i] = argmax[i];
    k->pool_backward(&p, g_rows, out, argmax, out + 2 * n);
}

static void elementwise_bits(void **state)
{
    (void)state;
    for (int t = 1; t < table_count; t++) {
        CASE("%s", tables[t]->name);
        memset(c1, 0, 4096 * sizeof *c1), memset(c2, 0, 4096 * sizeof *c2);
        update_on(tables[0], c1), update_on(tables[t], c2);
        SAME_BITS(c2, c1, 7 * 496);
        for (int channels = 1; channels <= 40; channels++) {
            CASE("%s channels %d", tables[t]->name, channels);
            pool_on(tables[0], channels, c1), pool_on(tables[t], channels, c2);
            SAME_BITS(c2, c1, (2 * 9 + 49) * channels);
        }
    }
}

/* e^x as the kernel has it: beside a logit of 0 and below -16.7 the sum is 1, so the gradient is the exponential. */
static float exponential(const kernels *k, float x)
{
    const float z[2] = {0, x};
    const uint8_t label = 0;
    float d[2];
    loss_sums sums = {0};
    k->softmax_loss(&(softmax_args){2, 0, 1, z, &label, 1, d, NULL, NULL, 0}, &sums);
    return d[1];
}

/* The sum over classes: 16 lanes, then lanes l and l + 8, l + 4, l + 2, l + 1. One logit of 0 among many of about -17,
 * each less than half a unit in the last place of 1, so that the order shows. */
static void softmax_sums_in_lanes(void **state)
{
    (void)state;
    enum { CLASSES = 107 };
    for (int t = 0; t < table_count; t++)
        for (int seed = 0; seed < 40; seed++) {
            float z[CLASSES], lane[16] = {0}, p[CLASSES];
            uint8_t label = 0, predicted;
            loss_sums sums = {0};
            for (int c = 0; c < CLASSES; c++) {
                z[c] = c == seed ? 0 : -17.2f + 0.4f * value_at((uint64_t)seed, (uint64_t)c);
                lane[c % 16] += c == seed ? 1 : exponential(tables[t], z[c]);
            }
            for (int half = 8; half >= 1; half /= 2)
                for (int l = 0; l < half; l++) lane[l] += lane[l + half];
            float expected = 1 / lane[0];
            softmax_args s = {CLASSES, 0, 1, z, &label, 1, NULL, &predicted, p, 0};
            tables[t]->softmax_loss(&s, &sums);
            CASE("%s seed %d", tables[t]->name, seed);
            SAME_BITS(&p[seed], &expected, 1);
        }
}

/* Rows of softmax do not see each other. */
static void softmax_rows(void **state)
{
    (void)state;
    const uint8_t labels[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0};
    for (int t = 0; t < table_count; t++) {
        loss_sums sums = {0}, single = {0};
        softmax_args s = {10, 0, 16, a, labels, 1, c1, NULL, NULL, 0};
        tables[t]->softmax_loss(&s, &sums);
        s.dlogits = c2;
        for (s.lo = 15; s.lo >= 0; s.lo--) {
            s.hi = s.lo + 1;
            tables[t]->softmax_loss(&s, &single);
        }
        CASE("%s", tables[t]->name);
        SAME_BITS(c2, c1, 160);
        assert_memory_equal(&single, &sums, sizeof sums);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nn_is_one_chain),       cmocka_unit_test(tn_is_one_chain),
        cmocka_unit_test(nn_cut_anyhow),         cmocka_unit_test(tree_of_leaves),
        cmocka_unit_test(softmax_bits),          cmocka_unit_test(elementwise_bits),
        cmocka_unit_test(softmax_sums_in_lanes), cmocka_unit_test(softmax_rows),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
