/* comm/exchange.c - slices, memory and peers of an exchange: everything that is fixed before the first step. */
#include "exchange_private.h"

static void check_cfg(const exchange_cfg *cfg)
{
    CHECK(cfg->add, "%s", "the exchange needs a function that adds");
    CHECK(cfg->buckets >= 1 && cfg->buckets <= EXCHANGE_MAX_BUCKETS, "%d buckets", cfg->buckets);
    CHECK(cfg->steps.sizes >= 1 && cfg->steps.sizes <= EXCHANGE_MAX_SIZES, "%d sizes of steps",
          cfg->steps.sizes);
    CHECK(cfg->steps.pass_leaves >= 1, "passes of %d leaves", cfg->steps.pass_leaves);
    for (int i = 0; i < cfg->steps.sizes; i++)
        CHECK(cfg->steps.leaves[i] >= 0, "%d leaves", cfg->steps.leaves[i]);
    for (int b = 0; b < cfg->buckets; b++)
        CHECK(cfg->bucket[b].offset + cfg->bucket[b].length <= cfg->length,
              "bucket %d ends at %zu of %zu", b, cfg->bucket[b].offset + cfg->bucket[b].length,
              cfg->length);
}

/* ---- slices ---- */

/* Index of the first block that starts at `offset` or behind it. */
static int block_at(const exchange_cfg *cfg, size_t offset)
{
    int i = 0;
    while (i < cfg->blocks && cfg->block_start[i] < offset) i++;
    return i;
}

static void cut_bucket(exchange *x, int bucket)
{
    const exchange_cfg *cfg = &x->cfg;
    const int64_t ranks = x->c->layout.ranks;
    const size_t end = cfg->bucket[bucket].offset + cfg->bucket[bucket].length;
    const int first = block_at(cfg, cfg->bucket[bucket].offset), last = block_at(cfg, end);
    CHECK(first == last || cfg->block_start[first] == cfg->bucket[bucket].offset,
          "bucket %d begins at %zu, inside a block", bucket, cfg->bucket[bucket].offset);
    CHECK(first < last || cfg->bucket[bucket].length == 0, "bucket %d has no block", bucket);
    for (int64_t r = 0; r < ranks; r++) {
        int lo = first + (int)((last - first) * r / ranks);
        int hi = first + (int)((last - first) * (r + 1) / ranks);
        size_t from = lo < last ? cfg->block_start[lo] : end;
        size_t to = hi < last ? cfg->block_start[hi] : end;
        x->slice[bucket * ranks + r] = (span){from, to - from};
    }
}

static void cut_slices(exchange *x)
{
    size_t count = (size_t)x->cfg.buckets * (size_t)x->c->layout.ranks;
    x->slice = arena_take(&x->memory, count * sizeof *x->slice);
    for (int b = 0; b < x->cfg.buckets; b++) cut_bucket(x, b);
    x->cfg.block_start = NULL; /* the caller's; not needed any more */
}

/* ---- memory ---- */

static size_t floats_of_group(const exchange *x)
{
    return x->stride * ((size_t)x->c->layout.group_ranks * (size_t)x->partials + 1);
}

/* Gates, parameters and partial slabs in one piece: the slabs of a rank then lie in the part that it reserves. */
static status take_shared(exchange *x, message *why)
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
    /* zeros: the gaps between tensors are never written, and are looked at with the rest */
    x->own = arena_take(&x->memory, x->stride * sizeof(float));
    x->total = arena_take(&x->memory, x->stride * sizeof(float));
    x->slabs = arena_take(&x->memory, x->stride * (size_t)x->partials * sizeof(float));
    x->chain = arena_take(&x->memory, (size_t)x->partials);
    for (int i = 1; i < x->partials; i++) x->chain[i] = 1;
}

/* ---- peers and their message buffers ---- */

static void find_peers(exchange *x)
{
    const comm_layout *l = &x->c->layout;
    x->peer = arena_take(&x->memory, (size_t)l->ranks * sizeof *x->peer);
    for (int g = 0; g < l->groups; g++)
        for (int o = x->c->group_start[g]; g != l->group && o < x->c->group_start[g + 1]; o++)
            if ((o - x->c->group_start[g]) % l->group_ranks == l->group_rank)
                x->peer[x->peers++] = o;
}

static void take_boxes(exchange *x, int bucket)
{
    const comm_layout *l = &x->c->layout;
    size_t rows = (size_t)x->need.rows, out = 0;
    size_t in = (size_t)(l->groups - 1) * exchange_row(exchange_slice_of(x, bucket, l->rank));
    for (int i = 0; i < x->peers; i++)
        out += exchange_row(exchange_slice_of(x, bucket, x->peer[i]));
    x->inbox[bucket] = arena_take(&x->memory, in * rows * sizeof(float));
    x->outbox[bucket] = arena_take(&x->memory, out * rows * sizeof(float));
}

static void take_requests(exchange *x)
{
    size_t count = (size_t)x->cfg.buckets * (size_t)(x->peers + x->c->layout.groups);
    x->sends = arena_take(&x->memory, count * sizeof *x->sends);
    x->receives = arena_take(&x->memory, count * sizeof *x->receives);
    for (size_t i = 0; i < count; i++) x->sends[i] = x->receives[i] = MPI_REQUEST_NULL;
}

/* Not of --reduce=mpi, where nobody adds up other ranks' nodes. */
static status check_items(const exchange *x, message *why)
{
    if (x->cfg.mode == EXCHANGE_ALLREDUCE || x->need.items <= EXCHANGE_MAX_ITEMS) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "%d ranks in %d groups of shared memory leave %d partial sums to be added up in "
                "one place, at most %d are possible: a smaller --batch-size leaves fewer",
                x->c->layout.ranks, x->c->layout.groups, x->need.items, EXCHANGE_MAX_ITEMS);
}

status exchange_open(comm *c, const exchange_cfg *cfg, exchange **opened, message *why)
{
    check_cfg(cfg);
    exchange *x = memory_take(sizeof *x);
    x->c = c;
    x->cfg = *cfg;
    x->stride = slab_round_up(cfg->length);
    x->need = exchange_count(&cfg->steps, c->group_start, c->layout.groups);
    x->partials = x->need.partials;
    cut_slices(x);
    find_peers(x);
    exchange_plan_open(x);
    take_requests(x);
    status code = check_items(x, why);
    if (code == STATUS_OK && cfg->mode == EXCHANGE_ALLREDUCE)
        take_private(x);
    else if (code == STATUS_OK)
        code = take_shared(x, why);
    for (int b = 0; !code && cfg->mode == EXCHANGE_TREE && b < cfg->buckets; b++) take_boxes(x, b);
    if (code == STATUS_OK)
        *opened = x;
    else
        exchange_close(x);
    return code;
}

void exchange_close(exchange *x)
{
    if (!x) return;
    if (x->shared) group_give_back(x->c, x->shared);
    arena_free(&x->memory);
    memory_free(x);
}

/* ---- what others may know ---- */

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

tree_node exchange_leaves(const exchange *x, int leaves)
{
    return exchange_plan_leaves(x, leaves, x->c->layout.rank);
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
