/* comm/exchange_move.c - a step of the exchange: partials out, sums, parameters back.
 *
 * Who may touch what, and why nothing is overwritten that is still read:
 *   partial slabs   written until begin(bucket); read by the group between `ready` and publish, which ends in a barrier
 *   inbox           receives are posted by step, after the publish that ended all reading of the step before
 *   outbox          sends are complete when wait returns
 *   parameters      read until begin(last bucket); every member has begun it when wait returns, so own slices may be
 *                   written then, and publish may receive the slices of other groups
 * Messages of one bucket between two ranks keep their order, so a rank that is a step ahead does no harm. */
#include <limits.h>
#include <string.h>

#include "exchange_private.h"

enum { FEW_ITEMS = 512 };
enum { TAG_PARTIALS = 100, TAG_PARAMETERS = TAG_PARTIALS + EXCHANGE_MAX_BUCKETS };

static int single_group(const exchange *x)
{
    return x->c->layout.groups == 1;
}

/* The member of `group` that serves this rank; the sender to it and the receiver from it. */
static int serving(const exchange *x, int group)
{
    const int *start = x->c->group_start;
    return start[group] + x->c->layout.group_rank % (start[group + 1] - start[group]);
}

static MPI_Request *post_of(const exchange *x, MPI_Request *requests, int bucket)
{
    return requests + (size_t)bucket * (size_t)(x->peers + x->c->layout.groups);
}

static void wait_all(exchange *x, MPI_Request *requests)
{
    wire_wait(x->cfg.buckets * (x->peers + x->c->layout.groups), requests);
}

static void post_send(exchange *x, const float *data, size_t floats, int to, int tag,
                      MPI_Request *request)
{
    if (floats == 0) return;
    CHECK(floats <= INT_MAX, "a message of %zu floats", floats);
    MPI_Isend(data, (int)floats, MPI_FLOAT, to, tag, x->c->world, request);
    atomic_fetch_add(&x->c->sent_bytes, (long long)(floats * sizeof(float)));
}

static void post_receive(exchange *x, float *data, size_t floats, int from, int tag,
                         MPI_Request *request)
{
    if (floats == 0) return;
    CHECK(floats <= INT_MAX, "a message of %zu floats", floats);
    MPI_Irecv(data, (int)floats, MPI_FLOAT, from, tag, x->c->world, request);
}

/* Rows of `group` in the inbox of a bucket; the own group has none. */
static float *inbox_of(const exchange *x, int bucket, int group)
{
    size_t index = (size_t)(group < x->c->layout.group ? group : group - 1);
    span own = exchange_slice_of(x, bucket, x->c->layout.rank);
    return x->inbox[bucket] + index * (size_t)x->need.rows * exchange_row(own);
}

static void receive_bucket(exchange *x, int bucket)
{
    size_t row = exchange_row(exchange_slice_of(x, bucket, x->c->layout.rank));
    MPI_Request *requests = post_of(x, x->receives, bucket);
    for (int g = 0; g < x->c->layout.groups; g++)
        if (g != x->c->layout.group)
            post_receive(x, inbox_of(x, bucket, g), row * (size_t)x->plan.results[g], serving(x, g),
                         TAG_PARTIALS + bucket, &requests[g]);
}

static int is_expected(const exchange *x, int leaves)
{
    int i = 0;
    while (i < x->cfg.steps.sizes && x->cfg.steps.leaves[i] != leaves) i++;
    return i < x->cfg.steps.sizes;
}

void exchange_step(exchange *x, int leaves)
{
    CHECK(is_expected(x, leaves), "a step of %d leaves was not expected", leaves);
    exchange_plan_step(x, leaves);
    x->steps++;
    x->begun = x->sent = 0;
    for (int b = 0; x->cfg.mode == EXCHANGE_TREE && b < x->cfg.buckets; b++) receive_bucket(x, b);
}

/* ---- between groups ---- */

static const float *source_at(const exchange *x, int item, size_t offset)
{
    exchange_source s = x->plan.source[item];
    size_t slab = (size_t)s.member * (size_t)x->partials + (size_t)s.index;
    return x->slabs + x->stride * slab + offset;
}

static void count_read(exchange *x, size_t length)
{
    size_t bytes = length * sizeof(float) * (size_t)x->plan.foreign_nodes;
    atomic_fetch_add(&x->c->read_bytes, (long long)bytes);
}

/* The group's nodes for the slice of one owner, merged as far as the tree allows, into rows of a message. */
static void merge_for(exchange *x, span slice, float *rows)
{
    const float *items[EXCHANGE_MAX_ITEMS];
    float *results[TREE_MAX_NODES];
    for (int i = 0; i < x->plan.group.items; i++) items[i] = source_at(x, i, slice.offset);
    for (int k = 0; k < x->plan.group.results; k++)
        results[k] = rows + (size_t)k * exchange_row(slice);
    x->cfg.add(x->plan.group, x->plan.group_merges, items, slice.length, results);
    count_read(x, slice.length);
}

static void send_bucket(exchange *x, int bucket)
{
    float *rows = x->outbox[bucket];
    MPI_Request *requests = post_of(x, x->sends, bucket);
    for (int i = 0; i < x->peers; i++) {
        span slice = exchange_slice_of(x, bucket, x->peer[i]);
        size_t floats = exchange_row(slice) * (size_t)x->plan.group.results;
        if (floats) merge_for(x, slice, rows);
        post_send(x, rows, floats, x->peer[i], TAG_PARTIALS + bucket, &requests[i]);
        rows += exchange_row(slice) * (size_t)x->need.rows;
    }
}

static unsigned ready_target(const exchange *x)
{
    return x->steps * (unsigned)x->c->layout.group_ranks;
}

/* ---- --reduce=mpi ---- */

/* The own nodes in order, then all ranks' sums in whatever order MPI likes. Not in place: Open MPI 4.1 then takes a
 * slow algorithm. */
static void reduce_bucket(exchange *x, int bucket)
{
    span s = x->cfg.bucket[bucket];
    const int held = x->plan.own_nodes;
    const float *items[TREE_MAX_NODES];
    float *result = x->own + s.offset;
    for (int i = 0; i < held; i++) items[i] = exchange_partial(x, i) + s.offset;
    if (held)
        x->cfg.add((tree_plan){held, 1, held > 1 ? 2 : 1}, x->chain, items, s.length, &result);
    else
        memset(result, 0, s.length * sizeof *result);
    CHECK(s.length <= INT_MAX, "a bucket of %zu floats", s.length);
    MPI_Iallreduce(result, x->total + s.offset, (int)s.length, MPI_FLOAT, MPI_SUM, x->c->world,
                   post_of(x, x->sends, bucket));
    if (x->c->layout.ranks > 1)
        atomic_fetch_add(&x->c->sent_bytes, (long long)(s.length * sizeof(float)));
}

/* ---- begin, poll, wait ---- */

void exchange_begin(exchange *x, int bucket)
{
    CHECK(bucket == x->begun && bucket < x->cfg.buckets, "bucket %d begun, %d expected", bucket,
          x->begun);
    x->begun++;
    if (x->cfg.mode == EXCHANGE_ALLREDUCE)
        reduce_bucket(x, bucket);
    else
        gate_enter(&x->ready[bucket], ready_target(x));
    exchange_poll(x);
}

void exchange_poll(exchange *x)
{
    if (single_group(x) && x->cfg.mode == EXCHANGE_TREE) return;
    while (x->cfg.mode == EXCHANGE_TREE && x->sent < x->begun &&
           gate_passed(&x->ready[x->sent], ready_target(x)))
        send_bucket(x, x->sent++);
    wire_poke(x->c->world);
}

void exchange_wait(exchange *x)
{
    CHECK(x->begun == x->cfg.buckets, "%d of %d buckets begun", x->begun, x->cfg.buckets);
    for (int b = x->sent; x->cfg.mode == EXCHANGE_TREE && b < x->cfg.buckets; b++) {
        gate_wait(x->c, &x->ready[b], ready_target(x));
        if (!single_group(x)) send_bucket(x, x->sent++);
    }
    wait_all(x, x->receives);
    wait_all(x, x->sends);
}

/* ---- sums ---- */

/* Share `part` of a slice, relative to its begin; edges on whole lines. */
static span share_of(span slice, int part, int parts)
{
    size_t lines = (slice.length + SLAB_ALIGN - 1) / SLAB_ALIGN;
    size_t lo = lines * (size_t)part / (size_t)parts * SLAB_ALIGN;
    size_t hi = lines * (size_t)(part + 1) / (size_t)parts * SLAB_ALIGN;
    if (hi > slice.length) hi = slice.length;
    return (span){lo, hi > lo ? hi - lo : 0};
}

/* Where all nodes of the final sum lie, in leaf order, `skip` floats into the slice. */
static void find_items(const exchange *x, int bucket, size_t skip, const float **items)
{
    span slice = exchange_slice_of(x, bucket, x->c->layout.rank);
    int count = 0;
    for (int g = 0; g < x->c->layout.groups; g++) {
        int own = g == x->c->layout.group, held = own ? x->plan.group.items : x->plan.results[g];
        for (int i = 0; i < held; i++)
            items[count++] = own ? source_at(x, i, slice.offset + skip)
                                 : inbox_of(x, bucket, g) + (size_t)i * exchange_row(slice) + skip;
    }
}

float *exchange_in_place(exchange *x, int bucket)
{
    size_t offset = exchange_slice(x, bucket).offset;
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return x->total + offset;
    return x->c->layout.ranks == 1 ? exchange_partial(x, 0) + offset : NULL;
}

static void add_items(exchange *x, int bucket, span share, const float **items, float *to)
{
    find_items(x, bucket, share.offset, items);
    x->cfg.add(x->plan.final, x->plan.final_merges, items, share.length, &to);
    count_read(x, share.length);
}

/* A function of its own, so that its array is on no other's stack. */
__attribute__((noinline)) static void add_many_items(exchange *x, int bucket, span share, float *to)
{
    const float *items[EXCHANGE_MAX_ITEMS];
    add_items(x, bucket, share, items, to);
}

span exchange_sum(exchange *x, int bucket, int part, int parts, float *out)
{
    const float *few[FEW_ITEMS];
    span slice = exchange_slice(x, bucket), share = share_of(slice, part, parts);
    float *to = out + share.offset;
    int by_mpi = x->cfg.mode == EXCHANGE_ALLREDUCE;
    int there = out == exchange_in_place(x, bucket) && (by_mpi || x->plan.final.items);
    if (share.length == 0 || there) return share;
    CHECK(out && (!by_mpi || x->total), "%s", "a sum of nothing, or into nothing");
    if (by_mpi) {
        memcpy(to, x->total + slice.offset + share.offset, share.length * sizeof *to);
    } else if (x->plan.final.items == 0) {
        memset(to, 0, share.length * sizeof *to);
    } else if (x->plan.final.items <= FEW_ITEMS) {
        add_items(x, bucket, share, few, to);
    } else {
        add_many_items(x, bucket, share, to);
    }
    return share;
}

/* ---- parameters back ---- */

static void publish_bucket(exchange *x, int bucket)
{
    const comm_layout *l = &x->c->layout;
    MPI_Request *sends = post_of(x, x->sends, bucket), *receives = post_of(x, x->receives, bucket);
    span own = exchange_slice_of(x, bucket, l->rank);
    const int tag = TAG_PARAMETERS + bucket;
    for (int i = 0; i < x->peers; i++) {
        span theirs = exchange_slice_of(x, bucket, x->peer[i]);
        post_receive(x, x->parameters + theirs.offset, theirs.length, x->peer[i], tag,
                     &receives[i]);
    }
    for (int g = 0; g < l->groups; g++)
        if (g != l->group)
            post_send(x, x->parameters + own.offset, own.length, serving(x, g), tag, &sends[g]);
}

void exchange_publish(exchange *x)
{
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return;
    for (int b = 0; b < x->cfg.buckets; b++) publish_bucket(x, b);
    wait_all(x, x->receives);
    wait_all(x, x->sends);
    comm_group_barrier(x->c);
}
