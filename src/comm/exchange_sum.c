/* comm/exchange_sum.c - the sums: those of the own slices, and those that are passed on. */
#include <stdlib.h>
#include <string.h>

#include "exchange_private.h"

enum { FEW_ITEMS = 512 };

/* One share of one slice, to be added up. */
typedef struct job {
    const exchange *x;
    const exchange_merge *merge;
    int bucket, owner;
    size_t skip, length; /* floats before the share, and in it */
    float *const *results;
} job;

static int compare_ranks(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Where the rows of an owner's slice begin in the messages of a level, for messages of one row. */
static size_t start_in(const job *j, int level)
{
    const route_owners *held = &j->x->ways->level[level].held;
    const int *found = bsearch(&j->owner, held->rank, (size_t)held->count, sizeof *held->rank,
                               compare_ranks);
    CHECK(found, "rank %d's slices are not held at level %d", j->owner, level);
    return j->x->boxes[j->bucket].start[level][found - held->rank];
}

static const float *slab_at(const exchange *x, exchange_item item, size_t offset)
{
    size_t slab = (size_t)item.from * (size_t)x->partials + (size_t)item.index;
    return x->slabs + x->stride * slab + offset;
}

/* Pointers to the items of the share, in leaf order. */
static void find_items(const job *j, const float **items)
{
    const exchange *x = j->x;
    const span slice = exchange_slice_of(x, j->bucket, j->owner);
    size_t start = 0;
    int started = FROM_GROUP; /* the level for which `start` is */
    for (int i = 0; i < j->merge->plan.items; i++) {
        exchange_item item = x->plan.item[j->merge->first + i];
        if (item.level == FROM_GROUP) {
            items[i] = slab_at(x, item, slice.offset + j->skip);
            continue;
        }
        if (item.level != started) start = start_in(j, item.level);
        started = item.level;
        int way = x->ways->level[item.level].first_deputy + item.from;
        items[i] = x->boxes[j->bucket].in[way] + start * (size_t)x->plan.rows[way] +
                   (size_t)item.index * exchange_row(slice) + j->skip;
    }
}

static void run(const job *j, const float **items)
{
    const exchange *x = j->x;
    size_t read = j->length * sizeof(float) * (size_t)x->plan.foreign_nodes;
    find_items(j, items);
    x->cfg.add(j->merge->plan, j->merge->merges, items, j->length, j->results);
    atomic_fetch_add(&x->c->read_bytes, (long long)read);
}

/* A function of its own: only here does the large array take stack. */
__attribute__((noinline)) static void run_large(const job *j)
{
    const float *items[EXCHANGE_MAX_ITEMS];
    run(j, items);
}

static void add_up(const job *j)
{
    const float *few[FEW_ITEMS];
    if (j->merge->plan.items <= FEW_ITEMS)
        run(j, few);
    else
        run_large(j);
}

void exchange_sum_for_ward(exchange *x, int bucket, int level, int ward)
{
    const route_level *l = &x->ways->level[level];
    const route_owners held = l->ward[ward].held;
    const exchange_merge *merge = &x->plan.part[level];
    float *rows = x->boxes[bucket].out[l->first_ward + ward], *results[TREE_MAX_NODES];
    for (int i = 0; i < held.count; i++) {
        span slice = exchange_slice_of(x, bucket, held.rank[i]);
        for (int k = 0; k < merge->plan.results; k++, rows += exchange_row(slice))
            results[k] = rows;
        if (slice.length == 0) continue;
        add_up(&(job){x, merge, bucket, held.rank[i], 0, slice.length, results});
    }
}

/* ---- the own slices ---- */

float *exchange_in_place(exchange *x, int bucket)
{
    size_t offset = exchange_slice(x, bucket).offset;
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return x->total + offset;
    return x->c->layout.ranks == 1 ? exchange_partial(x, 0) + offset : NULL;
}

/* Share `part` of a slice, counted from its begin; shares are whole lines of SLAB_ALIGN floats. */
static span share_of(span slice, int part, int parts)
{
    size_t lines = (slice.length + SLAB_ALIGN - 1) / SLAB_ALIGN;
    size_t lo = lines * (size_t)part / (size_t)parts * SLAB_ALIGN;
    size_t hi = lines * (size_t)(part + 1) / (size_t)parts * SLAB_ALIGN;
    if (hi > slice.length) hi = slice.length;
    return (span){lo, hi > lo ? hi - lo : 0};
}

span exchange_sum(exchange *x, int bucket, int part, int parts, float *out)
{
    span slice = exchange_slice(x, bucket), share = share_of(slice, part, parts);
    float *to = out + share.offset;
    int by_mpi = x->cfg.mode == EXCHANGE_ALLREDUCE;
    int there = out == exchange_in_place(x, bucket) && (by_mpi || x->leaves);
    if (share.length == 0 || there) return share;
    CHECK(out && (!by_mpi || x->total), "%s", "a sum of nothing, or into nothing");
    if (by_mpi)
        memcpy(to, x->total + slice.offset + share.offset, share.length * sizeof *to);
    else if (x->leaves == 0)
        memset(to, 0, share.length * sizeof *to);
    else
        add_up(
            &(job){x, &x->plan.total, bucket, x->c->layout.rank, share.offset, share.length, &to});
    return share;
}
