/* comm/exchange_plan.c - which nodes every rank holds, how groups merge them, what an owner adds up: a pure function
 * of the number of leaves, so that nobody has to tell anybody what arrives. */
#include "exchange_private.h"

static int group_size(const exchange *x, int group)
{
    return x->c->group_start[group + 1] - x->c->group_start[group];
}

void exchange_plan_open(exchange *x)
{
    exchange_plan *p = &x->plan;
    const int in_group = x->need.group_items, items = x->need.items;
    /* tree.h writes into arrays of TREE_MAX_NODES places, of which few are used */
    size_t node_bytes = sizeof(tree_node), spare = TREE_MAX_NODES;
    p->leaves = -1;
    p->group_merges = arena_take(&x->memory, (size_t)in_group);
    p->merges = arena_take(&x->memory, (size_t)in_group);
    p->source = arena_take(&x->memory, (size_t)in_group * sizeof *p->source);
    p->nodes = arena_take(&x->memory, ((size_t)in_group + spare) * node_bytes);
    p->final_nodes = arena_take(&x->memory, ((size_t)items + spare) * node_bytes);
    p->final_merges = arena_take(&x->memory, (size_t)items);
    p->results = arena_take(&x->memory, (size_t)x->c->layout.groups * sizeof *p->results);
}

tree_node exchange_plan_leaves(const exchange *x, int leaves, int rank)
{
    return tree_share((tree_node){0, leaves}, rank, x->c->layout.ranks);
}

/* All nodes of a group's members in leaf order, into plan.nodes; for the own group also where they lie. */
static int collect_nodes(exchange *x, int leaves, int group)
{
    exchange_plan *p = &x->plan;
    int count = 0, first = x->c->group_start[group];
    for (int m = 0; m < group_size(x, group); m++) {
        int held = tree_maximal(leaves, exchange_plan_leaves(x, leaves, first + m),
                                p->nodes + count);
        CHECK(count + held <= x->need.group_items, "group %d holds more than %d nodes", group,
              x->need.group_items);
        for (int i = 0; group == x->c->layout.group && i < held; i++)
            p->source[count + i] = (exchange_source){m, i};
        if (first + m == x->c->layout.rank) p->own_nodes = held;
        count += held;
    }
    return count;
}

/* What one group contributes to an owner, appended to plan.final_nodes; returns how many. */
static int plan_group(exchange *x, int leaves, int group, int count)
{
    exchange_plan *p = &x->plan;
    int held = collect_nodes(x, leaves, group), own = group == x->c->layout.group;
    tree_plan merged = tree_plan_merges(leaves, p->nodes, held, own ? p->group_merges : p->merges,
                                        p->final_nodes + count);
    CHECK(merged.results <= x->need.rows, "group %d has %d nodes, %d expected at most", group,
          merged.results, x->need.rows);
    CHECK(count + (own ? held : merged.results) <= x->need.items, "more than %d nodes to add up",
          x->need.items);
    p->results[group] = merged.results;
    if (!own) return merged.results;
    p->group = merged;
    p->foreign_nodes = held - p->own_nodes;
    for (int i = 0; i < held; i++) p->final_nodes[count + i] = p->nodes[i];
    return held;
}

void exchange_plan_step(exchange *x, int leaves)
{
    exchange_plan *p = &x->plan;
    tree_node root[TREE_MAX_NODES];
    int count = 0;
    if (p->leaves == leaves) return;
    for (int g = 0; g < x->c->layout.groups; g++) count += plan_group(x, leaves, g, count);
    p->final = tree_plan_merges(leaves, p->final_nodes, count, p->final_merges, root);
    CHECK(p->final.results == (leaves > 0), "%d leaves end in %d nodes", leaves, p->final.results);
    p->leaves = leaves;
}
