/* comm/messages.c - lists the messages of a step; exchange_move.c and exchange_publish.c send them. */
#include "comm/messages.h"

#include "base/arena.h"
#include "base/error.h"
#include "exchange_plan.h"
#include "slices.h"

/* The ways of one rank, and who asks. */
typedef struct listing {
    route_layout layout;
    const route *ways;
    const span *slice; /* [buckets * ranks] */
    int halves, buckets, late, rank, ranks, leaves;
    messages_visit visit;
    void *context;
} listing;

static size_t nodes_of(const listing *l, range groups)
{
    return (size_t)tree_count(l->leaves, route_leaves(&l->layout, groups, l->leaves));
}

/* Floats of the slices of some owners; as parts of a message, slices are whole lines. */
static size_t floats_of(const listing *l, int bucket, route_owners held, int whole_lines)
{
    const span *slice = l->slice + bucket * l->ranks;
    size_t floats = 0;
    for (int i = 0; i < held.count; i++) {
        size_t length = slice[held.rank[i]].length;
        floats += whole_lines ? slab_round_up(length) : length;
    }
    return floats;
}

static void show(const listing *l, message m, size_t floats)
{
    m.bytes = floats * sizeof(float);
    if (m.bytes) l->visit(l->context, &m);
}

static void list_partials(const listing *l, int bucket, int level)
{
    const route_level *v = &l->ways->level[level];
    const int round = l->ways->height - 1 - level;
    for (int i = 0; i < v->wards; i++)
        show(l, (message){l->rank, v->ward[i].rank, bucket, round, 0},
             floats_of(l, bucket, v->ward[i].held, 1) * nodes_of(l, v->child[v->own]));
    for (int i = 0; i < v->children; i++)
        if (v->deputy[i] != NO_DEPUTY)
            show(l, (message){v->deputy[i], l->rank, bucket, round, 0},
                 floats_of(l, bucket, v->held, 1) * nodes_of(l, v->child[i]));
}

/* The parameters of the buckets: in one message for each way. kind: MESSAGE_LATE or MESSAGE_PARAMETERS. */
static void list_parameters(const listing *l, int kind, range buckets, int level)
{
    const route_level *v = &l->ways->level[level];
    size_t held = 0;
    for (int b = buckets.lo; b < buckets.hi; b++) held += floats_of(l, b, v->held, 0);
    for (int i = 0; i < v->children; i++)
        if (v->deputy[i] != NO_DEPUTY)
            show(l, (message){l->rank, v->deputy[i], kind, level, 0}, held);
    for (int i = 0; i < v->wards; i++) {
        size_t floats = 0;
        for (int b = buckets.lo; b < buckets.hi; b++) floats += floats_of(l, b, v->ward[i].held, 0);
        show(l, (message){v->ward[i].rank, l->rank, kind, level, 0}, floats);
    }
}

/* Directly each bucket has its own messages; by halves the buckets share them. */
static void list_all_parameters(const listing *l, int kind, range buckets)
{
    const int each = l->halves ? buckets.hi - buckets.lo : 1;
    for (int v = 0; v < l->ways->levels; v++)
        for (int b = buckets.lo; b < buckets.hi; b += each)
            list_parameters(l, kind, (range){b, b + each}, v);
}

static void list_all(const listing *l)
{
    for (int b = 0; b < l->buckets; b++)
        for (int v = l->ways->levels - 1; v >= 0; v--) list_partials(l, b, v);
    list_all_parameters(l, MESSAGE_LATE, (range){0, l->late});
    list_all_parameters(l, MESSAGE_PARAMETERS, (range){l->late, l->buckets});
}

void messages_list(const exchange_cfg *cfg, const int *group_start, int groups, int leaves,
                   int rank, messages_visit visit, void *context)
{
    const route_layout layout = {group_start, groups};
    const int ranks = group_start[groups];
    arena memory = {0};
    slices_check(cfg);
    CHECK(cfg->mode == EXCHANGE_TREE && rank >= 0 && rank < ranks, "mode %d, rank %d of %d",
          (int)cfg->mode, rank, ranks);
    const int halves = exchange_plan_halves(cfg, &layout);
    span *slice = arena_take(&memory, (size_t)(cfg->buckets * ranks) * sizeof *slice);
    slices_cut(cfg, ranks, slice);
    list_all(&(listing){.layout = layout,
                        .ways = exchange_plan_ways(cfg, &layout, slice, halves, rank, &memory),
                        .slice = slice,
                        .halves = halves,
                        .buckets = cfg->buckets,
                        .late = cfg->late,
                        .rank = rank,
                        .ranks = ranks,
                        .leaves = leaves,
                        .visit = visit,
                        .context = context});
    arena_free(&memory);
}

void messages_slices(const exchange_cfg *cfg, int ranks, span *slice)
{
    slices_check(cfg);
    slices_cut(cfg, ranks, slice);
}
