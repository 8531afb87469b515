/* ref/kernel_elementwise.c - bytes to floats, the search for non-finite values, and the tree's sums. */
#include "check.h"

#include <stdlib.h>

#include "kernel/kernels.h"
#include "reference/values.h"

enum { LENGTH = 700, MAX_ITEMS = 33 }; /* two passes of the stack machine and a tail; items */

static const kernels *tables[3];
static int table_count;

static int set_up(void **state)
{
    (void)state;
    table_count = kernels_available(tables);
    return 0;
}

static void scale_bytes(void **state)
{
    (void)state;
    fence bytes = fence_open(80), floats = fence_open(300);
    for (int t = 0; t < table_count; t++)
        for (int length = 0; length <= 256; length++) {
            uint8_t *src = fence_bytes(&bytes, (size_t)length);
            float *dst = fence_floats(&floats, (size_t)length);
            for (int i = 0; i < length; i++) src[i] = (uint8_t)(i + 256 - length);
            CASE("%s length %d", tables[t]->name, length);
            tables[t]->scale_bytes(src, (size_t)length, dst);
            for (int i = 0; i < length; i++) NEAR(dst[i], (float)((double)src[i] / 255.0), 0);
            assert_true(fence_intact(&floats, (size_t)length));
        }
    fence_close(&bytes), fence_close(&floats);
}

/* Every position of every length; the largest finite values and denormals are no alarm. */
static void all_finite(void **state)
{
    (void)state;
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    const float good[] = {3.4028234e38f, -3.4028234e38f, 1e-45f, 0, -0.0f};
    fence f = fence_open(100);
    for (int t = 0; t < table_count; t++)
        for (size_t length = 0; length <= 67; length++) {
            float *x = fence_floats(&f, length);
            for (size_t i = 0; i < length; i++) x[i] = good[i % 5];
            CASE("%s length %zu", tables[t]->name, length);
            assert_true(tables[t]->all_finite(x, length));
            for (size_t i = 0; i < length; i++) {
                float before = x[i];
                x[i] = bad[(i + length) % 4];
                assert_false(tables[t]->all_finite(x, length));
                x[i] = before;
            }
        }
    fence_close(&f);
}

/* The node's sum at position `at`, by the definition of the tree in base/tree.h. */
static float node_sum(float *const *items, tree_node node, size_t at)
{
    if (node.hi - node.lo == 1) return items[node.lo][at];
    int half = 1;
    while (half * 2 < node.hi - node.lo) half *= 2;
    float left = node_sum(items, (tree_node){node.lo, node.lo + half}, at);
    return left + node_sum(items, (tree_node){node.lo + half, node.hi}, at);
}

/* Where results go. In place: each over the first of the items it is made of. */
typedef enum place { APART, IN_PLACE } place;

static void check_tree(const kernels *k, int leaves, tree_node held, size_t length, place where)
{
    fence f[MAX_ITEMS], results_at[TREE_MAX_NODES];
    float *items[MAX_ITEMS], *results[TREE_MAX_NODES], *want[TREE_MAX_NODES];
    tree_node nodes[MAX_ITEMS], left[TREE_MAX_NODES];
    unsigned char merges[MAX_ITEMS];
    int count = held.hi - held.lo;
    for (int i = 0; i < count; i++) {
        nodes[i] = (tree_node){held.lo + i, held.lo + i + 1};
        f[i] = fence_open(length), items[i] = fence_floats(&f[i], length);
        values_fill(items[i], length, (uint64_t)i);
    }
    tree_plan plan = tree_plan_merges(leaves, nodes, count, merges, left);
    for (int r = 0; r < plan.results; r++) {
        tree_node local = {left[r].lo - held.lo, left[r].hi - held.lo};
        results_at[r] = fence_open(length), want[r] = values_take(length * sizeof **want);
        for (size_t i = 0; i < length; i++) want[r][i] = node_sum(items, local, i);
        results[r] = where == APART ? fence_floats(&results_at[r], length) : items[local.lo];
    }
    k->tree_sum(plan, merges, (const float *const *)items, length, results);
    for (int r = 0; r < plan.results; r++) {
        SAME_BITS(results[r], want[r], length);
        if (where == APART) assert_true(fence_intact(&results_at[r], length));
        fence_close(&results_at[r]), free(want[r]);
    }
    for (int i = 0; i < count; i++) fence_close(&f[i]);
}

static void tree_sums(void **state)
{
    (void)state;
    const size_t length_sweep[] = {1, 5, 16, 33, 255, 256, 257, LENGTH};
    const int leaf_sweep[] = {1, 2, 3, 4, 7, 8, 13, MAX_ITEMS};
    for (int t = 0; t < table_count; t++)
        for (int n = 0; n < 8; n++)
            for (int j = 0; j < 12; j++) {
                int leaves = leaf_sweep[n],
                    lo = j ? value_int(8, (uint64_t)(n * 16 + j), leaves) : 0;
                int hi = j ? lo + 1 + value_int(9, (uint64_t)(n * 16 + j), leaves - lo) : leaves;
                size_t length = length_sweep[(n + j) % 8];
                CASE("%s [%d,%d) of %d, length %zu", tables[t]->name, lo, hi, leaves, length);
                check_tree(tables[t], leaves, (tree_node){lo, hi}, length, APART);
                check_tree(tables[t], leaves, (tree_node){lo, hi}, length, IN_PLACE);
            }
}

/* Results may move down: item 2 alone is result 1 and may go over item 1, which is part of result 0. */
static void tree_results_move_down(void **state)
{
    (void)state;
    for (int t = 0; t < table_count; t++) {
        float x[3][20];
        const tree_node nodes[3] = {{0, 1}, {1, 2}, {2, 3}};
        unsigned char merges[3];
        for (int i = 0; i < 3; i++) values_fill(x[i], 20, (uint64_t)i);
        float first = x[0][7] + x[1][7], second = x[2][7];
        tree_plan plan = tree_plan_merges(4, nodes, 3, merges, NULL);
        assert_int_equal(plan.results, 2);
        tables[t]->tree_sum(plan, merges, (const float *const[]){x[0], x[1], x[2]}, 20,
                            (float *const[]){x[0], x[1]});
        SAME_BITS(&x[0][7], &first, 1);
        SAME_BITS(&x[1][7], &second, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scale_bytes),
        cmocka_unit_test(all_finite),
        cmocka_unit_test(tree_sums),
        cmocka_unit_test(tree_results_move_down),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
