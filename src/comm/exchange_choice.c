/* comm/exchange_choice.c - direct or halving? From sizes alone, so all ranks answer alike. */
#include <stdint.h>

#include "exchange_plan.h"

enum {
    MESSAGE_BYTES = 16384, /* a message costs as much as these: 5 us at 25 Gb/s */
    SCALE = 1024           /* rows are counted in parts of this size               */
};

static int ranks_of(const route_layout *layout, range groups)
{
    return layout->group_start[groups.hi] - layout->group_start[groups.lo];
}

static int64_t rows_of(const route_layout *layout, range groups, int leaves)
{
    return tree_count(leaves, route_leaves(layout, groups, leaves));
}

/* A child sends its rows of the slices that other children hold: the part of the set's ranks that is not its own. */
static int64_t child_sends(const route_layout *layout, range set, range child, int leaves)
{
    int all = ranks_of(layout, set), others = all - ranks_of(layout, child);
    return rows_of(layout, child, leaves) * SCALE * others / all;
}

static int64_t direct_sends(const route_layout *layout, int leaves)
{
    const range set = {0, layout->groups};
    int64_t sent = 0;
    for (int g = 0; g < set.hi; g++) sent += child_sends(layout, set, (range){g, g + 1}, leaves);
    return sent;
}

static int64_t halving_sends(const route_layout *layout, range set, int leaves)
{
    range child[ROUTE_QUARTERS];
    int64_t sent = 0;
    if (set.hi - set.lo < 2) return 0;
    for (int i = route_quarters(set, child); i-- > 0;)
        sent += child_sends(layout, set, child[i], leaves) +
                halving_sends(layout, child[i], leaves);
    return sent;
}

/* The most messages of a rank of a set, if it holds something of one owner everywhere. */
static int halving_messages(range set)
{
    range child[ROUTE_QUARTERS];
    int most = 0;
    if (set.hi - set.lo < 2) return 0;
    const int children = route_quarters(set, child);
    for (int i = 0; i < children; i++) {
        int messages = halving_messages(child[i]);
        if (messages > most) most = messages;
    }
    return children - 1 + most;
}

/* Bytes of partial sums that a rank sends on average, and what its messages cost. sends: slabs that all send, times SCALE. */
static int64_t cost(const exchange_cfg *cfg, const route_layout *layout, int64_t sends,
                    int messages)
{
    int64_t floats = 0;
    for (int b = 0; b < cfg->buckets; b++) floats += (int64_t)cfg->bucket[b].length;
    int64_t each = sends / layout->group_start[layout->groups];
    return floats * (int64_t)sizeof(float) * each / SCALE + (int64_t)messages * MESSAGE_BYTES;
}

int exchange_plan_halves(const exchange_cfg *cfg, const route_layout *layout)
{
    const range all = {0, layout->groups};
    int leaves = 0;
    if (cfg->way != EXCHANGE_AUTO) return cfg->way == EXCHANGE_HALVING;
    for (int i = 0; i < cfg->steps.sizes; i++)
        if (cfg->steps.leaves[i] > leaves) leaves = cfg->steps.leaves[i];
    /* Directly, each bucket has its messages of parameters; no message waits for another one. In halving, the buckets share
     * them, except that late ones go alone, and those of a level wait for the level before: a level counts as one more. */
    int direct = 2 * cfg->buckets * (layout->groups - 1),
        halving = (cfg->buckets + 1 + (cfg->late > 0)) *
                  (halving_messages(all) + route_height(all, 1));
    return cost(cfg, layout, halving_sends(layout, all, leaves), halving) <
           cost(cfg, layout, direct_sends(layout, leaves), direct);
}
