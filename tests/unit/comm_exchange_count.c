/* exchange_count against the stack machine of the tree, for up to 1,024 groups: an exchange takes what its steps can need. */
#include "check.h"

#include "comm/exchange.h"

enum { MAX_RANKS = 1024, MOST_ITEMS = 1 << 16 };

static exchange_steps one_size(int leaves, int pass_leaves)
{
    return (exchange_steps){{leaves}, 1, pass_leaves, 0};
}

static int partials(exchange_steps steps, int ranks)
{
    const int one_group[] = {0, ranks};
    return exchange_count(&steps, one_group, 1).partials;
}

static void partials_of_known_batches(void **state)
{
    (void)state;
    const exchange_steps both = {{16, 14}, 2, 64, 0}; /* samples 128 and 112 in leaves of 8 */
    assert_int_equal(partials(one_size(16, 64), 1), 1);
    assert_int_equal(partials(one_size(16, 64), 2), 1);
    assert_int_equal(partials(both, 1), 1);
    assert_int_equal(partials(both, 2), 3); /* [0,7) of 14: 4 + 2 + 1 */
    assert_int_equal(partials(one_size(512, 64), 8), 1);
    assert_int_equal(partials(one_size(8192, 64), 64), 2); /* two passes */
    assert_int_equal(partials(one_size(8192, 64), 1000), 4);
    /* the eighth pass, and 4 + 2 + 1 before it */
    assert_int_equal(partials(one_size(512, 64), 1), 4);
    assert_int_equal(partials(one_size(0, 64), 3), 1); /* one slab also without leaves */
    /* one for each bit of 65,535, and the newest pass */
    assert_int_equal(partials(one_size(1 << 16, 1), 1), 17);
}

/* Most nodes at once when `own` is walked in passes, by pushing nodes and merging siblings as a step does. */
static int walk(int leaves, tree_node own, int pass_leaves)
{
    tree_node node[2 * TREE_MAX_NODES];
    unsigned char merges[2 * TREE_MAX_NODES];
    int held = 0, most = 0;
    for (int lo = own.lo; lo < own.hi; lo += pass_leaves) {
        int hi = lo + pass_leaves < own.hi ? lo + pass_leaves : own.hi;
        tree_node left[TREE_MAX_NODES];
        held += tree_maximal(leaves, (tree_node){lo, hi}, node + held);
        if (held > most) most = held;
        held = tree_plan_merges(leaves, node, held, merges, left).results;
        memcpy(node, left, (size_t)held * sizeof *node);
    }
    return most;
}

static void partials_are_those_of_the_walk(void **state)
{
    (void)state;
    for (int leaves = 1; leaves < 200; leaves += 1 + leaves / 16)
        for (int ranks = 1; ranks <= 9; ranks++)
            for (int pass = 1; pass <= 33; pass = 2 * pass - (pass > 2)) {
                CASE("%d leaves, %d ranks, passes of %d", leaves, ranks, pass);
                int most = 1;
                for (int r = 0; r < ranks; r++) {
                    int held = walk(leaves, range_share(leaves, r, ranks), pass);
                    if (held > most) most = held;
                }
                assert_int_equal(partials(one_size(leaves, pass), ranks), most);
            }
}

/* The same where a leaf is a pass of its own; the ends of the other passes stay. */
static int walk_around(int leaves, tree_node own, int pass_leaves, int leaf)
{
    tree_node node[2 * TREE_MAX_NODES];
    unsigned char merges[2 * TREE_MAX_NODES];
    int held = 0, most = 0;
    for (int lo = own.lo, hi; lo < own.hi; lo = hi) {
        tree_node left[TREE_MAX_NODES];
        hi = lo + pass_leaves - (lo - own.lo) % pass_leaves;
        if (hi > own.hi) hi = own.hi;
        if (lo == leaf)
            hi = lo + 1;
        else if (lo < leaf && leaf < hi)
            hi = leaf;
        held += tree_maximal(leaves, (tree_node){lo, hi}, node + held);
        if (held > most) most = held;
        held = tree_plan_merges(leaves, node, held, merges, left).results;
        memcpy(node, left, (size_t)held * sizeof *node);
    }
    return most;
}

static void partials_where_a_leaf_is_cut_out(void **state)
{
    (void)state;
    for (int leaves = 1; leaves < 100; leaves += 1 + leaves / 16)
        for (int ranks = 1; ranks <= 9; ranks += 2)
            for (int pass = 1; pass <= 33; pass = 2 * pass - (pass > 2)) {
                CASE("%d leaves, %d ranks, passes of %d", leaves, ranks, pass);
                exchange_steps steps = one_size(leaves, pass);
                int most = partials(steps, ranks);
                for (int r = 0; r < ranks; r++)
                    for (int leaf = 0; leaf < leaves; leaf++) {
                        int held = walk_around(leaves, range_share(leaves, r, ranks), pass, leaf);
                        if (held > most) most = held;
                    }
                steps.cuts = 1;
                assert_int_equal(partials(steps, ranks), most);
            }
}

/* All nodes of the ranks [first, end), in leaf order. */
static int collect(int leaves, int first, int end, int ranks, tree_node *nodes)
{
    int held = 0;
    for (int r = first; r < end; r++)
        held += tree_maximal(leaves, range_share(leaves, r, ranks), nodes + held);
    return held;
}

static tree_node nodes[MOST_ITEMS], items[MOST_ITEMS];
static unsigned char merges[MOST_ITEMS];

/* Checks that what the owners in group `at` add up ends in one node; returns the number of items. */
static int final_sum(int leaves, const int *start, int groups, int at, exchange_need *need)
{
    int count = 0;
    for (int g = 0; g < groups; g++) {
        int held = collect(leaves, start[g], start[g + 1], start[groups], nodes);
        tree_plan own = tree_plan_merges(leaves, nodes, held, merges, items + count);
        if (held > need->group_items) need->group_items = held;
        if (own.results > need->rows) need->rows = own.results;
        if (g == at) memcpy(items + count, nodes, (size_t)held * sizeof *nodes);
        count += g == at ? held : own.results;
    }
    assert_int_equal(tree_plan_merges(leaves, items, count, merges, NULL).results, leaves > 0);
    if (count > need->items) need->items = count;
    return count;
}

static void groups_of_unequal_size(void **state)
{
    (void)state;
    const int start[] = {0, 1, 4, 6, 11, 12}, groups = 5;
    for (int leaves = 0; leaves < 300; leaves += 1 + leaves / 8) {
        CASE("%d leaves", leaves);
        exchange_steps steps = one_size(leaves, 64);
        exchange_need got = exchange_count(&steps, start, groups), want = {0};
        for (int g = 0; g < groups; g++) final_sum(leaves, start, groups, g, &want);
        assert_int_equal(got.items, want.items);
        assert_int_equal(got.group_items, want.group_items);
        assert_int_equal(got.rows, want.rows);
    }
}

static void several_sizes_need_the_most_of_each(void **state)
{
    (void)state;
    const int start[] = {0, 2, 4};
    const exchange_steps both = {{16, 14}, 2, 64, 0}, full = one_size(16, 64),
                         last = one_size(14, 64);
    exchange_need all = exchange_count(&both, start, 2), a = exchange_count(&full, start, 2),
                  b = exchange_count(&last, start, 2);
    assert_int_equal(a.items, 3); /* 4 + 4 of the own group, 8 of the other */
    assert_true(b.items > a.items && b.rows > a.rows && b.partials > a.partials);
    assert_memory_equal(&all, &b, sizeof all);
}

/* One rank on each of 1,024 hosts. */
static void a_thousand_groups(void **state)
{
    (void)state;
    int start[MAX_RANKS + 1];
    for (int g = 0; g <= MAX_RANKS; g++) start[g] = g;
    /* batches of 65,536 and of 54,000 samples, and the largest number of leaves */
    const int leaves[] = {8192, 6750, (1 << 24) - 1, (1 << 24) - 4097};
    for (int i = 0; i < 4; i++) {
        CASE("%d leaves", leaves[i]);
        exchange_steps steps = one_size(leaves[i], 64);
        exchange_need got = exchange_count(&steps, start, MAX_RANKS), want = {0};
        assert_int_equal(final_sum(leaves[i], start, MAX_RANKS, 7, &want), got.items);
        assert_true(got.items <= EXCHANGE_MAX_ITEMS);
        if (i == 0) assert_int_equal(got.items, MAX_RANKS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partials_of_known_batches),
        cmocka_unit_test(partials_are_those_of_the_walk),
        cmocka_unit_test(partials_where_a_leaf_is_cut_out),
        cmocka_unit_test(groups_of_unequal_size),
        cmocka_unit_test(several_sizes_need_the_most_of_each),
        cmocka_unit_test(a_thousand_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
