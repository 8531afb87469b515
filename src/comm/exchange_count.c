/* comm/exchange_count.c - how much a step can need of everything, counted from the numbers of leaves that steps have. */
#include "comm/exchange.h"

static int nodes_of(int leaves, tree_node range)
{
    tree_node nodes[TREE_MAX_NODES];
    return tree_maximal(leaves, range, nodes);
}

static void raise_to(int *most, int value)
{
    if (value > *most) *most = value;
}

static tree_node share_of_rank(int leaves, int rank, int ranks)
{
    return tree_share((tree_node){0, leaves}, rank, ranks);
}

/* Most nodes that a rank keeps at once: those of the passes so far, merged, and beside them those of the newest. */
static int partials_of(int leaves, int pass_leaves, tree_node own)
{
    int most = 0;
    for (int lo = own.lo, hi; lo < own.hi; lo = hi) {
        hi = own.hi - lo < pass_leaves ? own.hi : lo + pass_leaves;
        int before = nodes_of(leaves, (tree_node){own.lo, lo});
        raise_to(&most, before + nodes_of(leaves, (tree_node){lo, hi}));
    }
    return most;
}

/* An owner in group g adds up its own group's nodes one by one, and what the other groups send. */
static void count_step(int leaves, const int *group_start, int groups, exchange_need *need)
{
    const int ranks = group_start[groups];
    int sent = 0, more = 0;
    for (int g = 0; g < groups; g++) {
        int first = group_start[g], end = group_start[g + 1], held = 0;
        for (int r = first; r < end; r++) held += nodes_of(leaves, share_of_rank(leaves, r, ranks));
        tree_node all = {share_of_rank(leaves, first, ranks).lo,
                         share_of_rank(leaves, end - 1, ranks).hi};
        int rows = nodes_of(leaves, all);
        sent += rows;
        raise_to(&more, held - rows);
        raise_to(&need->group_items, held);
        raise_to(&need->rows, rows);
    }
    raise_to(&need->items, sent + more);
}

exchange_need exchange_count(const exchange_steps *steps, const int *group_start, int groups)
{
    const int ranks = group_start[groups];
    exchange_need need = {.partials = 1};
    for (int i = 0; i < steps->sizes; i++) {
        int leaves = steps->leaves[i];
        for (int r = 0; r < ranks; r++)
            raise_to(&need.partials,
                     partials_of(leaves, steps->pass_leaves, share_of_rank(leaves, r, ranks)));
        count_step(leaves, group_start, groups, &need);
    }
    return need;
}
