/* The reduction tree: cases worked out by hand, and the property on which all results depend: however the leaves are divided
 * into ranges, the sums of the ranges and of their sums build the same tree. Sums are symbolic: the value of a node is a hash
 * of (left, right). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/tree.h"

enum { MOST_LEAVES = 70 };

/* ---- symbols ---- */

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

static uint64_t leaf(int index)
{
    return mix((uint64_t)index + 1);
}

/* Neither commutative nor associative: every other tree has another value. */
static uint64_t join(uint64_t left, uint64_t right)
{
    return mix(3 * mix(left) + mix(right) + 1);
}

/* The definition, written once more and differently from tree.c. */
static uint64_t defined(int lo, int hi)
{
    int size = 1;
    if (hi - lo == 1) return leaf(lo);
    while (2 * size < hi - lo) size *= 2;
    return join(defined(lo, lo + size), defined(lo + size, hi));
}

static int run_plan(tree_plan plan, const unsigned char *merges, const uint64_t *items,
                    uint64_t *stack)
{
    int top = 0, deepest = 0;
    for (int i = 0; i < plan.items; i++) {
        stack[top++] = items[i];
        if (top > deepest) deepest = top;
        for (int m = 0; m < merges[i]; m++, top--)
            stack[top - 2] = join(stack[top - 2], stack[top - 1]);
    }
    assert_int_equal(top, plan.results);
    assert_int_equal(deepest, plan.depth);
    return top;
}

/* Adds the leaves of a range up to its maximal nodes; checks them against the definition. */
static int sum_range(int leaves, tree_node whole, tree_node *nodes, uint64_t *values)
{
    tree_node leaf_nodes[MOST_LEAVES], results[TREE_MAX_NODES];
    uint64_t items[MOST_LEAVES];
    unsigned char merges[MOST_LEAVES];
    int count = whole.hi - whole.lo, held = tree_maximal(leaves, whole, nodes);
    for (int i = 0; i < count; i++) {
        leaf_nodes[i] = (tree_node){whole.lo + i, whole.lo + i + 1};
        items[i] = leaf(whole.lo + i);
    }
    tree_plan plan = tree_plan_merges(leaves, leaf_nodes, count, merges, results);
    assert_int_equal(run_plan(plan, merges, items, values), held);
    for (int i = 0; i < held; i++) {
        assert_memory_equal(&results[i], &nodes[i], sizeof nodes[i]);
        assert_true(values[i] == defined(nodes[i].lo, nodes[i].hi));
    }
    return held;
}

/* ---- by hand ---- */

static void splits_at_the_largest_power_below(void **state)
{
    (void)state;
    const int row[][2] = {{2, 1}, {3, 2},  {4, 2},  {5, 4},  {8, 4},
                          {9, 8}, {13, 8}, {16, 8}, {17, 16}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        assert_int_equal(tree_mid((tree_node){0, row[i][0]}), row[i][1]);
        assert_int_equal(tree_mid((tree_node){40, 40 + row[i][0]}), 40 + row[i][1]);
    }
}

static void leaves_of_a_batch(void **state)
{
    (void)state;
    assert_int_equal(tree_leaves(0, 8), 0);
    assert_int_equal(tree_leaves(1, 8), 1);
    assert_int_equal(tree_leaves(8, 8), 1);
    assert_int_equal(tree_leaves(9, 8), 2);
    assert_int_equal(tree_leaves(128, 8), 16);
    assert_int_equal(tree_leaves(2147483647, 1), 2147483647);
}

static void expect_maximal(int leaves, tree_node held, const tree_node *want, int count)
{
    tree_node got[TREE_MAX_NODES];
    assert_int_equal(tree_maximal(leaves, held, got), count);
    assert_int_equal(tree_count(leaves, held), count);
    for (int i = 0; i < count; i++) assert_memory_equal(&got[i], &want[i], sizeof got[i]);
}

static void maximal_nodes_by_hand(void **state)
{
    (void)state;
    expect_maximal(1, (tree_node){0, 1}, (tree_node[]){{0, 1}}, 1);
    expect_maximal(2, (tree_node){0, 2}, (tree_node[]){{0, 2}}, 1);
    expect_maximal(2, (tree_node){1, 1}, NULL, 0);
    expect_maximal(3, (tree_node){1, 3}, (tree_node[]){{1, 2}, {2, 3}}, 2);
    expect_maximal(3, (tree_node){0, 3}, (tree_node[]){{0, 3}}, 1);
    /* 13 = ((0-4)(4-8)) ((8-12) 12) */
    expect_maximal(13, (tree_node){0, 13}, (tree_node[]){{0, 13}}, 1);
    expect_maximal(13, (tree_node){8, 13}, (tree_node[]){{8, 13}}, 1);
    expect_maximal(13, (tree_node){3, 9}, (tree_node[]){{3, 4}, {4, 8}, {8, 9}}, 3);
    expect_maximal(13, (tree_node){4, 13}, (tree_node[]){{4, 8}, {8, 13}}, 2);
    expect_maximal(16, (tree_node){1, 15},
                   (tree_node[]){{1, 2}, {2, 4}, {4, 8}, {8, 12}, {12, 14}, {14, 15}}, 6);
}

static void nodes_by_hand(void **state)
{
    (void)state;
    assert_true(tree_is_node(13, (tree_node){8, 13}));
    assert_true(tree_is_node(13, (tree_node){12, 13}));
    assert_false(tree_is_node(16, (tree_node){8, 13}));
    assert_false(tree_is_node(13, (tree_node){1, 3}));
    assert_false(tree_is_node(13, (tree_node){8, 14}));
    assert_false(tree_is_node(13, (tree_node){4, 4}));
    assert_false(tree_is_node(13, (tree_node){-1, 1}));
}

static void merges_by_hand(void **state)
{
    (void)state;
    tree_node leaves[16], root[TREE_MAX_NODES];
    unsigned char got[16];
    for (int i = 0; i < 16; i++) leaves[i] = (tree_node){i, i + 1};
    const struct {
        int leaves, depth;
        unsigned char merges[16];
    } row[] = {{1, 1, {0}},
               {2, 2, {0, 1}},
               {3, 2, {0, 1, 1}},
               {13, 4, {0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 2}},
               {16, 5, {0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 4}}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        tree_plan plan = tree_plan_merges(row[i].leaves, leaves, row[i].leaves, got, root);
        assert_int_equal(plan.results, 1);
        assert_int_equal(plan.depth, row[i].depth);
        assert_memory_equal(got, row[i].merges, (size_t)row[i].leaves);
        assert_true(root[0].lo == 0 && root[0].hi == row[i].leaves);
    }
}

/* ---- properties ---- */

static void every_split_builds_the_same_tree(void **state)
{
    (void)state;
    for (int leaves = 1; leaves <= MOST_LEAVES; leaves++)
        for (int ranks = 1; ranks <= leaves + 2; ranks++) {
            tree_node nodes[MOST_LEAVES + TREE_MAX_NODES];
            uint64_t values[MOST_LEAVES + TREE_MAX_NODES], stack[MOST_LEAVES];
            unsigned char merges[MOST_LEAVES];
            int count = 0, next = 0;
            for (int r = 0; r < ranks; r++) {
                tree_node share = range_share(leaves, r, ranks);
                assert_int_equal(share.lo, next);
                next = share.hi;
                count += sum_range(leaves, share, nodes + count, values + count);
            }
            assert_int_equal(next, leaves);
            tree_plan plan = tree_plan_merges(leaves, nodes, count, merges, NULL);
            assert_int_equal(run_plan(plan, merges, values, stack), 1);
            assert_true(stack[0] == defined(0, leaves));
        }
}

static void nodes_of_any_range_are_few(void **state)
{
    (void)state;
    tree_node nodes[TREE_MAX_NODES];
    for (int leaves = 1; leaves <= MOST_LEAVES; leaves++)
        for (int lo = 0; lo < leaves; lo++)
            for (int hi = lo + 1; hi <= leaves; hi++) {
                int powers = 0, count = tree_maximal(leaves, (tree_node){lo, hi}, nodes), at = lo;
                while ((hi - lo) / 2 + 1 >= 2 << powers) powers++;
                assert_true(count <= 2 * powers + 1);
                for (int i = 0; i < count; i++) {
                    assert_int_equal(nodes[i].lo, at);
                    assert_true(tree_is_node(leaves, nodes[i]));
                    at = nodes[i].hi;
                }
                assert_int_equal(at, hi);
            }
}

/* The check above can fail: from left to right is another tree. */
static void another_order_has_another_value(void **state)
{
    (void)state;
    for (int leaves = 4; leaves <= MOST_LEAVES; leaves++) {
        uint64_t sum = leaf(0);
        for (int i = 1; i < leaves; i++) sum = join(sum, leaf(i));
        assert_true(sum != defined(0, leaves));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_the_largest_power_below),
        cmocka_unit_test(leaves_of_a_batch),
        cmocka_unit_test(maximal_nodes_by_hand),
        cmocka_unit_test(nodes_by_hand),
        cmocka_unit_test(merges_by_hand),
        cmocka_unit_test(every_split_builds_the_same_tree),
        cmocka_unit_test(nodes_of_any_range_are_few),
        cmocka_unit_test(another_order_has_another_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
