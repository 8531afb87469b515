/* comm/exchange_count.c - the most slabs, rows and nodes that a step can need, from the numbers of leaves that steps have. */
#include "comm/exchange.h"

static void raise_to(int *most, int value)
{
    if (value > *most) *most = value;
}

/* Nodes while a pass over `pass` runs, after others from own.lo on, which are merged. */
static int nodes_during(int leaves, range own, range pass)
{
    return tree_count(leaves, (range){own.lo, pass.lo}) + tree_count(leaves, pass);
}

/* The most nodes where any leaf of the pass is cut out of it. */
static int nodes_of_cuts(int leaves, range own, range pass)
{
    int most = 0;
    for (int leaf = pass.lo; leaf < pass.hi; leaf++) {
        raise_to(&most, nodes_during(leaves, own, (range){pass.lo, leaf}));
        raise_to(&most, nodes_during(leaves, own, (range){leaf, leaf + 1}));
        raise_to(&most, nodes_during(leaves, own, (range){leaf + 1, pass.hi}));
    }
    return most;
}

/* The most nodes that a rank keeps at once: those of earlier passes, merged, and those of the newest pass. */
static int partials_of(int leaves, const exchange_steps *steps, range own)
{
    int most = 0;
    for (int lo = own.lo, hi; lo < own.hi; lo = hi) {
        hi = own.hi - lo < steps->pass_leaves ? own.hi : lo + steps->pass_leaves;
        raise_to(&most, nodes_during(leaves, own, (range){lo, hi}));
        if (steps->cuts) raise_to(&most, nodes_of_cuts(leaves, own, (range){lo, hi}));
    }
    return most;
}

/* An owner in group g adds up the unmerged nodes of its own group and the rows of the others. */
static void count_step(int leaves, const int *group_start, int groups, exchange_need *need)
{
    const int ranks = group_start[groups];
    int sent = 0, more = 0;
    for (int g = 0; g < groups; g++) {
        int first = group_start[g], end = group_start[g + 1], held = 0;
        for (int r = first; r < end; r++) held += tree_count(leaves, range_share(leaves, r, ranks));
        tree_node all = {range_share(leaves, first, ranks).lo,
                         range_share(leaves, end - 1, ranks).hi};
        int rows = tree_count(leaves, all);
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
            raise_to(&need.partials, partials_of(leaves, steps, range_share(leaves, r, ranks)));
        count_step(leaves, group_start, groups, &need);
    }
    return need;
}
