/* The ways of slices: who holds what, on all ranks together. */
#include "check.h"

#include "../../src/comm/route.h"

enum { MAX_RANKS = 512 };

typedef struct cluster {
    int start[MAX_RANKS + 1], groups, ranks;
    route_weight owned[MAX_RANKS]; /* blocks of each kind */
    route_layout layout;
    arena memory;
    const route *ways[MAX_RANKS];
} cluster;

static cluster all;

static int share_of(int blocks, int rank)
{
    range share = range_share(blocks, rank, all.ranks);
    return share.hi - share.lo;
}

/* Groups of 1 to `widest` ranks; `late` and `others` blocks, cut as an exchange cuts them. */
static void open_cluster(int groups, int widest, int late, int others, int halves)
{
    all.groups = groups;
    for (int g = 0; g < groups; g++) all.start[g + 1] = all.start[g] + 1 + g * 7 % widest;
    all.ranks = all.start[groups];
    all.layout = (route_layout){all.start, groups};
    for (int r = 0; r < all.ranks; r++)
        all.owned[r] = (route_weight){{share_of(late, r), share_of(others, r)}};
    for (int r = 0; r < all.ranks; r++)
        all.ways[r] = route_new(&all.layout, all.owned, halves, r, &all.memory);
    CASE("%d groups, %d ranks, %d and %d blocks, halves %d", groups, all.ranks, late, others,
         halves);
}

static void sets_split_where_a_tree_does(void **state)
{
    (void)state;
    static const int cases[][3] = {{0, 2, 1},   {0, 3, 2},   {0, 4, 2},     {0, 5, 2},  {0, 6, 4},
                                   {4, 6, 5},   {0, 7, 4},   {0, 9, 4},     {0, 12, 8}, {4, 9, 6},
                                   {0, 48, 32}, {0, 64, 32}, {0, 513, 256}, {8, 11, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int *c = cases[i];
        CASE("[%d,%d)", c[0], c[1]);
        assert_int_equal(route_middle((range){c[0], c[1]}), c[2]);
    }
    assert_int_equal(route_height((range){0, 1}, 1), 0);
    assert_int_equal(route_height((range){0, 512}, 1), 5);
    assert_int_equal(route_height((range){0, 512}, 0), 1);
    for (int groups = 2; groups < 5000; groups += 1 + groups / 7) {
        int log4 = 0;
        while (1 << 2 * log4 < groups) log4++;
        assert_in_range(route_height((range){0, groups}, 1), log4, log4 + 1);
    }
}

static void halves_split_in_halves(void **state)
{
    (void)state;
    static const int cases[][ROUTE_QUARTERS + 1] = {{0, 1, 2},       {0, 1, 2, 3},
                                                    {0, 1, 2, 3, 4}, {4, 5, 6, 8, 9},
                                                    {0, 2, 4, 5, 6}, {0, 16, 32, 48, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int *c = cases[i];
        int children = 1;
        while (children < ROUTE_QUARTERS && c[children + 1]) children++;
        range child[ROUTE_QUARTERS];
        CASE("[%d,%d)", c[0], c[children]);
        assert_int_equal(route_quarters((range){c[0], c[children]}, child), children);
        for (int k = 0; k < children; k++) {
            assert_int_equal(child[k].lo, c[k]);
            assert_int_equal(child[k].hi, c[k + 1]);
        }
    }
}

static int holds(route_owners held, int owner)
{
    int found = 0;
    for (int i = 0; i < held.count; i++) found += held.rank[i] == owner;
    return found;
}

/* The level at which two groups part. */
static int level_of(const route *w, int group)
{
    int level = 0;
    for (; level + 1 < w->levels; level++) {
        const route_level *next = &w->level[level + 1];
        if (group < next->child[0].lo || group >= next->child[next->children - 1].hi) break;
    }
    return level;
}

static int group_of(int rank)
{
    int g = 0;
    while (all.start[g + 1] <= rank) g++;
    return g;
}

/* A rank is the ward of its deputies, who know what it holds. */
static void check_deputies(int rank)
{
    const route *w = all.ways[rank];
    for (int v = 0; v < w->levels; v++) {
        const route_level *l = &w->level[v];
        for (int i = 0; i < l->children; i++) {
            if (i == l->own || l->held.count == 0) {
                assert_int_equal(l->deputy[i], NO_DEPUTY);
                continue;
            }
            const int deputy = l->deputy[i], group = group_of(deputy);
            const route_level *theirs = &all.ways[deputy]->level[v];
            assert_in_range(group, l->child[i].lo, l->child[i].hi - 1);
            assert_int_equal(level_of(w, group), v);
            int found = 0;
            for (int k = 0; k < theirs->wards; k++) {
                if (theirs->ward[k].rank != rank) continue;
                found++;
                assert_int_equal(theirs->ward[k].child, l->own);
                assert_int_equal(theirs->ward[k].held.count, l->held.count);
                assert_memory_equal(theirs->ward[k].held.rank, l->held.rank,
                                    (size_t)l->held.count * sizeof(int));
            }
            assert_int_equal(found, 1);
        }
    }
}

/* Each slice leaves each group of another rank once, at one level. */
static void check_owner(int owner)
{
    for (int g = 0; g < all.groups; g++) {
        int left = 0;
        for (int r = all.start[g]; r < all.start[g + 1]; r++)
            for (int v = 0; v < all.ways[r]->levels; v++)
                for (int k = 0; k < all.ways[r]->level[v].wards; k++)
                    left += holds(all.ways[r]->level[v].ward[k].held, owner);
        const int64_t *owned = all.owned[owner].kind;
        assert_int_equal(left, owned[0] + owned[1] > 0 && g != group_of(owner));
    }
}

static void ranks_agree(void **state)
{
    (void)state;
    for (int halves = 0; halves < 2; halves++)
        for (int groups = 1; groups <= 64; groups += 1 + groups / 8)
            for (int widest = 1; widest <= 3; widest++) {
                open_cluster(groups, widest, groups % 2 ? 1000 : 37, groups % 3 ? 9 : 0, halves);
                for (int r = 0; r < all.ranks; r++) check_deputies(r);
                for (int r = 0; r < all.ranks; r += 1 + all.ranks / 16) check_owner(r);
                arena_free(&all.memory);
            }
}

/* Most ways of a rank to wards, at all its levels. */
static int most_wards(void)
{
    int most = 0;
    for (int r = 0; r < all.ranks; r++)
        if (all.ways[r]->wards > most) most = all.ways[r]->wards;
    return most;
}

/* The most blocks of a kind, of other owners, that the ranks of any group ever hold. */
static int64_t most_blocks(int kind)
{
    int64_t most = 0;
    for (int g = 0; g < all.groups; g++) {
        int64_t blocks = 0;
        for (int r = all.start[g]; r < all.start[g + 1]; r++)
            for (int v = 0; v < all.ways[r]->levels; v++)
                for (int k = 0; k < all.ways[r]->level[v].wards; k++) {
                    route_owners held = all.ways[r]->level[v].ward[k].held;
                    for (int i = 0; i < held.count; i++)
                        blocks += all.owned[held.rank[i]].kind[kind];
                }
        if (blocks > most) most = blocks;
    }
    return most;
}

/* The CNN: 202 blocks that are late, and 19 others. Where there are more ranks than blocks, most ranks own nothing: they pass
 * on what others own, and no group more than the others, of either kind. */
static void ways_are_few_and_loads_even(void **state)
{
    (void)state;
    static const int cases[][3] = {
        {2, 1, 1}, {8, 4, 7}, {64, 9, 63}, {256, 14, 206}, {512, 14, 214}};
    for (int i = 0; i < 5; i++)
        for (int halves = 0; halves < 2; halves++) {
            open_cluster(cases[i][0], 1, 202, 19, halves);
            assert_int_equal(most_wards(), cases[i][2 - halves]);
            assert_in_range(most_blocks(0), 0, 202 + 202 / 16);
            assert_in_range(most_blocks(1), 0, 19 + 3);
            arena_free(&all.memory);
        }
}

/* The busiest host counts, not the busiest rank: on hosts of one and of two ranks both are even. */
static void hosts_are_even(void **state)
{
    (void)state;
    open_cluster(64, 2, 202, 19, 1);
    assert_int_equal(all.ranks, 96);
    assert_in_range(most_blocks(0), 0, 202 + 202 / 16);
    assert_in_range(most_blocks(1), 0, 19 + 3);
    arena_free(&all.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_split_where_a_tree_does),
        cmocka_unit_test(halves_split_in_halves),
        cmocka_unit_test(ranks_agree),
        cmocka_unit_test(ways_are_few_and_loads_even),
        cmocka_unit_test(hosts_are_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
