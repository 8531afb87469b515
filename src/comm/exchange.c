/* comm/exchange.c - an exchange's slices, ways and memory: what is fixed before the first step. */
#include "exchange_private.h"
#include "slices.h"

static void cut_slices(exchange *x)
{
    int ranks = x->c->layout.ranks;
    x->slice = arena_take(&x->memory, (size_t)(x->cfg.buckets * ranks) * sizeof *x->slice);
    slices_cut(&x->cfg, ranks, x->slice);
    x->cfg.block_start = NULL; /* the caller's, and not needed later */
}

/* ---- memory ---- */

static size_t floats_of_group(const exchange *x)
{
    return x->stride * ((size_t)x->c->layout.group_ranks * (size_t)x->partials + 1);
}

/* Gates, parameters and partial slabs in one piece, so that a rank's slabs are in the part that it reserves. */
static status take_shared(exchange *x, failure *why)
{
    size_t gates = (size_t)x->cfg.buckets * sizeof(gate);
    status code = group_take(x->c, gates + floats_of_group(x) * sizeof(float), &x->shared, why);
    if (code != STATUS_OK) return code;
    x->ready = x->shared;
    x->parameters = (float *)(void *)((char *)x->shared + gates);
    x->slabs = x->parameters + x->stride;
    return STATUS_OK;
}

static void take_private(exchange *x)
{
    x->parameters = arena_take(&x->memory, x->stride * sizeof(float));
    /* zeros: gaps between tensors are never written, but are checked for values that are not finite */
    x->own = arena_take(&x->memory, x->stride * sizeof(float));
    x->total = arena_take(&x->memory, x->stride * sizeof(float));
    x->slabs = arena_take(&x->memory, x->stride * (size_t)x->partials * sizeof(float));
    x->chain = arena_take(&x->memory, (size_t)x->partials);
    for (int i = 1; i < x->partials; i++) x->chain[i] = 1;
}

/* ---- opening ---- */

/* With --reduce=mpi no rank adds up the nodes of others. */
static status check_items(const exchange *x, failure *why)
{
    const exchange_need need = exchange_count(&x->cfg.steps, x->c->group_start,
                                              x->c->layout.groups);
    int most = need.items;
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return STATUS_OK;
    if (x->halves) most = need.group_items + ROUTE_MAX_LEVELS * TREE_MAX_NODES;
    if (most <= EXCHANGE_MAX_ITEMS) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "%d ranks in %d groups of shared memory leave %d partial sums to be added up in "
                "one place, at most %d are possible: a smaller --batch-size leaves fewer",
                x->c->layout.ranks, x->c->layout.groups, most, EXCHANGE_MAX_ITEMS);
}

/* What messages need: the ways, the plan, and memory. */
static void open_ways(exchange *x)
{
    const comm_layout *l = &x->c->layout;
    const route_layout layout = {x->c->group_start, l->groups};
    x->ways = exchange_plan_ways(&x->cfg, &layout, x->slice, x->halves, l->rank, &x->memory);
    x->plan = (exchange_plan){
        .layout = layout, .ways = x->ways, .rank = l->rank, .group = l->group};
    exchange_plan_open(&x->plan, &x->cfg.steps, &x->memory);
    exchange_boxes_open(x);
    exchange_parcels_open(x);
}

status exchange_open(comm *c, const exchange_cfg *cfg, exchange **opened, failure *why)
{
    slices_check(cfg);
    CHECK(cfg->add, "%s", "the exchange needs a function that adds");
    exchange *x = memory_take(sizeof *x);
    x->c = c;
    x->cfg = *cfg;
    x->stride = slab_round_up(cfg->length);
    x->halves = exchange_plan_halves(cfg, &(route_layout){c->group_start, c->layout.groups});
    x->partials = exchange_count(&cfg->steps, c->group_start, c->layout.groups).partials;
    cut_slices(x);
    status code = check_items(x, why);
    if (code == STATUS_OK && cfg->mode == EXCHANGE_ALLREDUCE)
        take_private(x);
    else if (code == STATUS_OK)
        code = take_shared(x, why);
    if (code == STATUS_OK && cfg->mode == EXCHANGE_TREE) open_ways(x);
    if (code == STATUS_OK)
        *opened = x;
    else
        exchange_close(x);
    return code;
}

void exchange_close(exchange *x)
{
    if (!x) return;
    CHECK(!x->under_way, "%s", "parameters are on their way");
    if (x->ways) exchange_parcels_close(x);
    if (x->shared) group_give_back(x->c, x->shared);
    arena_free(&x->memory);
    memory_free(x);
}

/* ---- constant after exchange_open ---- */

float *exchange_parameters(exchange *x)
{
    return x->parameters;
}

int exchange_fills_parameters(const exchange *x)
{
    return x->cfg.mode == EXCHANGE_ALLREDUCE || x->c->layout.group_rank == 0;
}

span exchange_rank_slice(const exchange *x, int bucket, int rank)
{
    CHECK(bucket >= 0 && bucket < x->cfg.buckets, "bucket %d", bucket);
    CHECK(rank >= 0 && rank < x->c->layout.ranks, "rank %d", rank);
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return x->cfg.bucket[bucket];
    return exchange_slice_of(x, bucket, rank);
}

span exchange_slice(const exchange *x, int bucket)
{
    return exchange_rank_slice(x, bucket, x->c->layout.rank);
}

range exchange_leaves(const exchange *x, int leaves)
{
    return range_share(leaves, x->c->layout.rank, x->c->layout.ranks);
}

int exchange_max_partials(const exchange *x)
{
    return x->partials;
}

float *exchange_partial(exchange *x, int index)
{
    CHECK(index >= 0 && index < x->partials, "partial %d of %d", index, x->partials);
    int member = x->cfg.mode == EXCHANGE_ALLREDUCE ? 0 : x->c->layout.group_rank;
    return x->slabs + x->stride * ((size_t)member * (size_t)x->partials + (size_t)index);
}
