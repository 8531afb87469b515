/* comm/exchange_move.c - a step of the exchange: partial sums on their ways.
 *
 * From the last level to the first: a rank sends the messages of a level when all of the level behind it have come. Buckets do
 * not wait for each other.
 *
 * Why nothing is overwritten while it is read:
 *   partial slabs   a rank writes to them until begin(bucket). The group reads them from the gate `ready` until publish, which
 *                   ends with a barrier, also where late buckets are still on their way
 *   boxes in        exchange_step posts the receives, after the publish that ended all reads of the step before
 *   boxes out       the sends are complete when exchange_wait returns
 *   parameters      a rank reads them until begin(last bucket). When exchange_wait returns, all members have begun it: a rank
 *                   may then write to its slices, and publish may receive the slices of other groups. Late ones are neither
 *                   read nor written until arrive, which comes before begin
 * Messages of one bucket between two ranks keep their order, so a rank may be a step ahead. */
#include <limits.h>
#include <string.h>

#include "exchange_private.h"

static MPI_Request *deputy_requests(const exchange *x, int bucket, int level)
{
    return x->deputy_request + bucket * x->ways->deputies + x->ways->level[level].first_deputy;
}

static int whole(size_t floats)
{
    CHECK(floats <= INT_MAX, "a message of %zu floats", floats);
    return (int)floats;
}

static void receive_level(exchange *x, int bucket, int level)
{
    const route_level *l = &x->ways->level[level];
    const exchange_boxes *box = &x->boxes[bucket];
    MPI_Request *requests = deputy_requests(x, bucket, level);
    for (int i = 0; i < l->children; i++) {
        int way = l->first_deputy + i;
        size_t floats = box->start[level][l->held.count] * (size_t)x->plan.rows[way];
        if (l->deputy[i] == NO_DEPUTY || floats == 0) continue;
        MPI_Irecv(box->in[way], whole(floats), MPI_FLOAT, l->deputy[i],
                  EXCHANGE_TAG_PARTIALS + bucket, x->c->world, &requests[i]);
    }
}

static void send_level(exchange *x, int bucket, int level)
{
    const route_level *l = &x->ways->level[level];
    const exchange_boxes *box = &x->boxes[bucket];
    MPI_Request *requests = x->ward_request + bucket * x->ways->wards + l->first_ward;
    for (int i = 0; i < l->wards; i++) {
        size_t floats = box->ward_floats[l->first_ward + i] *
                        (size_t)x->plan.rows[l->first_deputy + l->own];
        if (floats == 0) continue;
        exchange_sum_for_ward(x, bucket, level, i);
        MPI_Isend(box->out[l->first_ward + i], whole(floats), MPI_FLOAT, l->ward[i].rank,
                  EXCHANGE_TAG_PARTIALS + bucket, x->c->world, &requests[i]);
        atomic_fetch_add(&x->c->sent_bytes, (long long)(floats * sizeof(float)));
    }
}

/* 1 if all messages of a level have come; there are none behind the last level. Asked for one by one: gcc warns that the list
 * of statuses, which would be ignored, has no room with MPICH. */
static int has_come(exchange *x, int bucket, int level)
{
    int all = 1;
    if (level < x->ways->levels)
        for (int i = 0; i < x->ways->level[level].children && all; i++)
            MPI_Test(deputy_requests(x, bucket, level) + i, &all, MPI_STATUS_IGNORE);
    return all;
}

static unsigned ready_target(const exchange *x)
{
    return x->steps * (unsigned)x->c->layout.group_ranks;
}

/* Sends what can be sent of all buckets that have begun; 1 if nothing is left to send. */
static int send_what_is_ready(exchange *x)
{
    int left = 0;
    for (int b = 0; b < x->begun; b++) {
        int *next = &x->boxes[b].next;
        if (*next >= 0 && !gate_passed(&x->ready[b], ready_target(x))) return 0;
        for (; *next >= 0 && has_come(x, b, *next + 1); --*next) send_level(x, b, *next);
        left += *next >= 0;
    }
    return left == 0;
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
    x->leaves = leaves;
    x->steps++;
    x->begun = 0;
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return;
    exchange_plan_step(&x->plan, leaves);
    for (int b = 0; b < x->cfg.buckets; b++) {
        x->boxes[b].next = x->ways->levels - 1;
        for (int v = 0; v < x->ways->levels; v++) receive_level(x, b, v);
    }
}

/* ---- --reduce=mpi ---- */

/* Adds this rank's nodes in order, then the ranks' sums in MPI's order. Not in place: Open MPI 4.1 is slower then. */
static void reduce_bucket(exchange *x, int bucket)
{
    span s = x->cfg.bucket[bucket];
    const int held = tree_count(x->leaves, exchange_leaves(x, x->leaves));
    const float *items[TREE_MAX_NODES];
    float *result = x->own + s.offset;
    for (int i = 0; i < held; i++) items[i] = exchange_partial(x, i) + s.offset;
    if (held)
        x->cfg.add((tree_plan){held, 1, held > 1 ? 2 : 1}, x->chain, items, s.length, &result);
    else
        memset(result, 0, s.length * sizeof *result);
    MPI_Iallreduce(result, x->total + s.offset, whole(s.length), MPI_FLOAT, MPI_SUM, x->c->world,
                   &x->reduction[bucket]);
    if (x->c->layout.ranks > 1)
        atomic_fetch_add(&x->c->sent_bytes, (long long)(s.length * sizeof(float)));
}

/* ---- begin, poll, wait ---- */

static int sends_none(const exchange *x)
{
    return x->cfg.mode == EXCHANGE_TREE && x->c->layout.groups == 1;
}

void exchange_begin(exchange *x, int bucket)
{
    CHECK(bucket == x->begun && bucket < x->cfg.buckets, "bucket %d begun, %d expected", bucket,
          x->begun);
    CHECK(!x->under_way, "%s", "parameters are on their way");
    x->begun++;
    if (x->cfg.mode == EXCHANGE_ALLREDUCE)
        reduce_bucket(x, bucket);
    else
        gate_enter(&x->ready[bucket], ready_target(x));
    exchange_poll(x);
}

void exchange_poll(exchange *x)
{
    if (sends_none(x)) return;
    if (x->cfg.mode == EXCHANGE_TREE) send_what_is_ready(x);
    exchange_parcels_poll(x);
    wire_poke(x->c->world);
}

void exchange_wait(exchange *x)
{
    CHECK(x->begun == x->cfg.buckets, "%d of %d buckets begun", x->begun, x->cfg.buckets);
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) {
        wire_wait(x->cfg.buckets, x->reduction);
        return;
    }
    /* on one level nothing is passed on, so that nothing waits for this rank meanwhile */
    for (int b = 0; x->ways->levels <= 1 && b < x->cfg.buckets; b++) {
        gate_wait(x->c, &x->ready[b], ready_target(x));
        send_what_is_ready(x);
    }
    for (wire_patience p = wire_patient(); !send_what_is_ready(x);) wire_rest(&p);
    wire_wait(x->cfg.buckets * x->ways->deputies, x->deputy_request);
    wire_wait(x->cfg.buckets * x->ways->wards, x->ward_request);
}
