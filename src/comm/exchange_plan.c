/* comm/exchange_plan.c - the items of a step, and their sums. */
#include "exchange_plan.h"

#include "base/error.h"

/* ---- ways ---- */

const route *exchange_plan_ways(const exchange_cfg *cfg, const route_layout *layout,
                                const span *slice, int halves, int rank, arena *memory)
{
    const int ranks = layout->group_start[layout->groups];
    route_weight *owned = memory_take((size_t)ranks * sizeof *owned), sum = {{0}};
    for (int b = 0; b < cfg->buckets; b++)
        for (int r = 0; r < ranks; r++) {
            const int64_t floats = (int64_t)slice[b * ranks + r].length;
            owned[r].kind[b >= cfg->late] += floats;
            sum.kind[b >= cfg->late] += floats;
        }
    for (int r = 0; r < ranks; r++)
        for (int k = 0; k < ROUTE_KINDS; k++)
            if (owned[r].kind[k] && sum.kind[k])
                owned[r].kind[k] = (owned[r].kind[k] * ROUTE_WHOLE - 1) / sum.kind[k] + 1;
    const route *ways = route_new(layout, owned, halves, rank, memory);
    memory_free(owned);
    return ways;
}

static int members(const exchange_plan *p)
{
    return p->layout.group_start[p->group + 1] - p->layout.group_start[p->group];
}

static range member_leaves(const exchange_plan *p, int leaves, int member)
{
    const int *start = p->layout.group_start;
    return range_share(leaves, start[p->group] + member, start[p->layout.groups]);
}

/* ---- the most that a step needs ---- */

static int group_nodes(const exchange_plan *p, int leaves)
{
    int nodes = 0;
    for (int m = 0; m < members(p); m++) nodes += tree_count(leaves, member_leaves(p, leaves, m));
    return nodes;
}

/* Writes the number of nodes of each child of each level; returns how many items they are. */
static int count_rows(const exchange_plan *p, int leaves, int *rows)
{
    int items = group_nodes(p, leaves);
    for (int v = 0; v < p->ways->levels; v++) {
        const route_level *l = &p->ways->level[v];
        for (int i = 0; i < l->children; i++) {
            int *nodes = &rows[l->first_deputy + i];
            *nodes = tree_count(leaves, route_leaves(&p->layout, l->child[i], leaves));
            if (i != l->own) items += *nodes;
        }
    }
    return items;
}

static void count_most(exchange_plan *p, int leaves)
{
    int items = count_rows(p, leaves, p->rows);
    if (items > p->most_items) p->most_items = items;
    for (int i = 0; i < p->ways->deputies; i++)
        if (p->rows[i] > p->most_rows[i]) p->most_rows[i] = p->rows[i];
}

void exchange_plan_open(exchange_plan *p, const exchange_steps *steps, arena *memory)
{
    const size_t rows = (size_t)p->ways->deputies * sizeof *p->rows;
    p->leaves = -1;
    p->rows = arena_take(memory, rows);
    p->most_rows = arena_take(memory, rows);
    for (int i = 0; i < steps->sizes; i++) count_most(p, steps->leaves[i]);
    /* tree.h wants room for TREE_MAX_NODES nodes, of which it uses few */
    size_t items = (size_t)p->most_items, spare = TREE_MAX_NODES;
    p->item = arena_take(memory, items * sizeof *p->item);
    p->node = arena_take(memory, (items + spare) * sizeof *p->node);
    p->total.merges = arena_take(memory, items);
    for (int v = 0; v < p->ways->levels; v++) p->part[v].merges = arena_take(memory, items);
}

/* ---- a step ---- */

/* Appends the nodes of `held`, of which the first is `first` and the others follow by index. */
static void append(exchange_plan *p, range held, exchange_item first)
{
    int count = tree_maximal(p->leaves, held, p->node + p->items);
    CHECK(p->items + count <= p->most_items, "more than %d nodes to add up", p->most_items);
    for (int i = 0; i < count; i++, first.index++) p->item[p->items++] = first;
}

static void append_children(exchange_plan *p, int level, range children)
{
    const route_level *l = &p->ways->level[level];
    for (int i = children.lo; i < children.hi; i++)
        append(p, route_leaves(&p->layout, l->child[i], p->leaves), (exchange_item){level, i, 0});
}

static void append_group(exchange_plan *p)
{
    const int own = p->rank - p->layout.group_start[p->group];
    p->foreign_nodes = 0;
    for (int m = 0; m < members(p); m++) {
        int before = p->items;
        append(p, member_leaves(p, p->leaves, m), (exchange_item){FROM_GROUP, m, 0});
        if (m != own) p->foreign_nodes += p->items - before;
    }
}

static void plan_merge(exchange_plan *p, exchange_merge *m, int first, int end, int results)
{
    m->first = first;
    m->plan = tree_plan_merges(p->leaves, p->node + first, end - first, m->merges, NULL);
    CHECK(m->plan.results == results, "%d leaves end in %d nodes, %d expected", p->leaves,
          m->plan.results, results);
}

void exchange_plan_step(exchange_plan *p, int leaves)
{
    const int levels = p->ways->levels;
    int first[ROUTE_MAX_LEVELS];
    if (p->leaves == leaves) return;
    p->leaves = leaves;
    p->items = 0;
    count_rows(p, leaves, p->rows);
    for (int v = 0; v < levels; v++) {
        append_children(p, v, (range){0, p->ways->level[v].own});
        first[v] = p->items;
    }
    append_group(p);
    for (int v = levels - 1; v >= 0; v--) {
        const route_level *l = &p->ways->level[v];
        plan_merge(p, &p->part[v], first[v], p->items, p->rows[l->first_deputy + l->own]);
        append_children(p, v, (range){l->own + 1, l->children});
    }
    plan_merge(p, &p->total, 0, p->items, leaves > 0);
}
