/* A step of up to 64 hosts, computed in this process: every leaf is added once, in the order of the tree. */
#include "check.h"

#include "../../src/comm/exchange_plan.h"

enum { MAX_RANKS = 160, MAX_LEAVES = 2048, FLOATS = 8 };

typedef struct cluster {
    int start[MAX_RANKS + 1], groups, ranks, leaves;
    route_layout layout;
    arena memory;
    const route *ways[MAX_RANKS];
    exchange_plan plan[MAX_RANKS];
} cluster;

static cluster all;
static int used[MAX_LEAVES]; /* how often a leaf was added */

static void open_cluster(int groups, int widest, int leaves, int halves)
{
    route_weight owned[MAX_RANKS];
    const exchange_steps steps = {{leaves}, 1, 1 << 20, 0};
    all.groups = groups;
    all.leaves = leaves;
    for (int g = 0; g < groups; g++) all.start[g + 1] = all.start[g] + 1 + g * 5 % widest;
    all.ranks = all.start[groups];
    all.layout = (route_layout){all.start, groups};
    for (int r = 0; r < all.ranks; r++) owned[r] = (route_weight){{r % 3 ? 1 : 2, r % 2}};
    for (int g = 0; g < groups; g++)
        for (int r = all.start[g]; r < all.start[g + 1]; r++) {
            all.ways[r] = route_new(&all.layout, owned, halves, r, &all.memory);
            all.plan[r] = (exchange_plan){
                .layout = all.layout, .ways = all.ways[r], .rank = r, .group = g};
            exchange_plan_open(&all.plan[r], &steps, &all.memory);
            exchange_plan_step(&all.plan[r], leaves);
        }
    CASE("%d groups, %d ranks, %d leaves, halves %d", groups, all.ranks, leaves, halves);
}

/* Sums of these depend on the order: large ones cancel, small ones vanish beside them. Element 0 has numbers whose sums can be
 * infinite, element 1 subnormal ones. */
static float leaf_value(int leaf, int i)
{
    static const float magnitude[] = {1e8f, 1.0f, -1e8f, 3.25f, 1e-3f, -7.0f, 1e4f, -33.0f};
    static const float scale[FLOATS] = {1e30f, 1e-45f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f};
    unsigned m = (unsigned)leaf * 2654435761u ^ (unsigned)i * 2246822519u;
    m = (m ^ m >> 15) * 2246822519u;
    m ^= m >> 13;
    return scale[i] * magnitude[m % 8] * (1.0f + (float)(m >> 16) * 0x1p-16f);
}

/* The tree as its definition says, without the code under test. */
static float tree_value(int lo, int hi, int i)
{
    int half = 1;
    if (hi - lo == 1) return leaf_value(lo, i);
    while (2 * half < hi - lo) half *= 2;
    return tree_value(lo, lo + half, i) + tree_value(lo + half, hi, i);
}

static void compute(int rank, const exchange_merge *m, int owner, float rows[][FLOATS]);

static const route_ward *ward_of(int deputy, int level, int rank)
{
    const route_level *l = &all.ways[deputy]->level[level];
    for (int k = 0; k < l->wards; k++)
        if (l->ward[k].rank == rank) return &l->ward[k];
    return NULL;
}

/* The value of an item of `rank`: of its group's partial sums, or of a message, which is computed as its sender does. */
static void item_value(int rank, int item, int owner, float *value)
{
    const exchange_plan *p = &all.plan[rank];
    const exchange_item it = p->item[item];
    if (it.level == FROM_GROUP) {
        tree_node nodes[TREE_MAX_NODES];
        int member = all.start[p->group] + it.from;
        assert_in_range(
            it.index, 0,
            tree_maximal(all.leaves, range_share(all.leaves, member, all.ranks), nodes) - 1);
        for (int i = 0; i < FLOATS; i++)
            value[i] = tree_value(nodes[it.index].lo, nodes[it.index].hi, i);
        for (int leaf = nodes[it.index].lo; leaf < nodes[it.index].hi; leaf++) used[leaf]++;
        return;
    }
    float rows[TREE_MAX_NODES][FLOATS];
    const int deputy = all.ways[rank]->level[it.level].deputy[it.from];
    assert_non_null(ward_of(deputy, it.level, rank));
    const exchange_merge *theirs = &all.plan[deputy].part[it.level];
    assert_in_range(it.index, 0, theirs->plan.results - 1);
    if (it.index > 0) return; /* all rows of a message come with the first */
    compute(deputy, theirs, owner, rows);
    memcpy(value, rows, (size_t)theirs->plan.results * sizeof rows[0]);
}

/* Runs the stack machine of a merge on its items. */
static void compute(int rank, const exchange_merge *m, int owner, float rows[][FLOATS])
{
    float(*value)[FLOATS] = memory_take((size_t)(m->plan.items + TREE_MAX_NODES) * sizeof *value);
    float stack[TREE_MAX_NODES][FLOATS];
    int top = 0;
    for (int i = 0; i < m->plan.items; i++) item_value(rank, m->first + i, owner, value[i]);
    for (int i = 0; i < m->plan.items; i++) {
        memcpy(stack[top++], value[i], sizeof stack[0]);
        for (int k = 0; k < m->merges[i]; k++, top--)
            for (int e = 0; e < FLOATS; e++) stack[top - 2][e] += stack[top - 1][e];
    }
    assert_int_equal(top, m->plan.results);
    memcpy(rows, stack, (size_t)top * sizeof stack[0]);
    memory_free(value);
}

static void check_sums(void)
{
    float want[FLOATS], got[TREE_MAX_NODES][FLOATS];
    for (int i = 0; i < FLOATS && all.leaves; i++) want[i] = tree_value(0, all.leaves, i);
    for (int owner = 0; owner < all.ranks; owner += 1 + all.ranks / 4) {
        memset(used, 0, sizeof used);
        compute(owner, &all.plan[owner].total, owner, got);
        if (all.leaves) SAME_BITS(got[0], want, FLOATS);
        for (int leaf = 0; leaf < all.leaves; leaf++) assert_int_equal(used[leaf], 1);
    }
}

static void every_leaf_is_added_once_in_the_order_of_the_tree(void **state)
{
    (void)state;
    for (int halves = 0; halves < 2; halves++)
        for (int groups = 1; groups <= 64; groups += 1 + groups / 12)
            for (int widest = 1; widest <= 2; widest++) {
                const int leaves[] = {16 * groups, 256, 13 * groups + 5, groups / 2, 1, 0};
                for (int i = 0; i < 6; i++) {
                    open_cluster(groups, widest, leaves[i], halves);
                    check_sums();
                    arena_free(&all.memory);
                }
            }
}

/* Steps of several sizes, planned one after another on the same ways, are those of a plan for one size. */
static void a_plan_is_that_of_its_last_step(void **state)
{
    (void)state;
    const exchange_steps both = {{112, 97}, 2, 64, 0};
    open_cluster(7, 2, 97, 1);
    for (int r = 0; r < all.ranks; r++) {
        const exchange_plan *want = &all.plan[r];
        exchange_plan p = {
            .layout = all.layout, .ways = want->ways, .rank = r, .group = want->group};
        exchange_plan_open(&p, &both, &all.memory);
        assert_true(p.most_items >= want->most_items);
        exchange_plan_step(&p, 112);
        exchange_plan_step(&p, 97);
        assert_int_equal(p.items, want->items);
        assert_memory_equal(p.item, want->item, (size_t)p.items * sizeof *p.item);
        assert_memory_equal(p.total.merges, want->total.merges, (size_t)p.items);
        assert_memory_equal(p.rows, want->rows, (size_t)p.ways->deputies * sizeof *p.rows);
    }
    arena_free(&all.memory);
}

/* The check of sums can fail: one merge that comes later changes bits. */
static void a_wrong_order_is_seen(void **state)
{
    (void)state;
    float want[FLOATS], got[TREE_MAX_NODES][FLOATS];
    open_cluster(8, 1, 64, 1);
    exchange_merge *m = &all.plan[0].total;
    assert_int_equal(m->merges[1], 1);
    m->merges[1]--;
    m->merges[2]++;
    for (int i = 0; i < FLOATS; i++) want[i] = tree_value(0, 64, i);
    compute(0, m, 0, got);
    assert_memory_not_equal(got[0], want, sizeof want);
    arena_free(&all.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_leaf_is_added_once_in_the_order_of_the_tree),
        cmocka_unit_test(a_plan_is_that_of_its_last_step),
        cmocka_unit_test(a_wrong_order_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
