/* comm/exchange_boxes.c - the memory of the messages of partial sums. */
#include "exchange_private.h"

static size_t floats_of(const exchange *x, int bucket, route_owners held)
{
    size_t floats = 0;
    for (int i = 0; i < held.count; i++)
        floats += exchange_row(exchange_slice_of(x, bucket, held.rank[i]));
    return floats;
}

static float *take_box(exchange *x, size_t floats, int rows)
{
    return arena_take(&x->memory, floats * (size_t)rows * sizeof(float));
}

static size_t *find_starts(exchange *x, int bucket, route_owners held)
{
    size_t *start = arena_take(&x->memory, ((size_t)held.count + 1) * sizeof *start);
    for (int i = 0; i < held.count; i++)
        start[i + 1] = start[i] + exchange_row(exchange_slice_of(x, bucket, held.rank[i]));
    return start;
}

static void take_level(exchange *x, int bucket, int level)
{
    const route_level *l = &x->ways->level[level];
    const int *most = x->plan.most_rows + l->first_deputy;
    exchange_boxes *box = &x->boxes[bucket];
    box->start[level] = find_starts(x, bucket, l->held);
    for (int i = 0; i < l->children; i++)
        if (i != l->own)
            box->in[l->first_deputy + i] = take_box(x, box->start[level][l->held.count], most[i]);
    for (int i = 0; i < l->wards; i++) {
        size_t floats = floats_of(x, bucket, l->ward[i].held);
        box->ward_floats[l->first_ward + i] = floats;
        box->out[l->first_ward + i] = take_box(x, floats, most[l->own]);
    }
}

MPI_Request *exchange_take_requests(exchange *x, size_t count)
{
    MPI_Request *requests = arena_take(&x->memory, count * sizeof *requests);
    for (size_t i = 0; i < count; i++) requests[i] = MPI_REQUEST_NULL;
    return requests;
}

void exchange_boxes_open(exchange *x)
{
    const size_t deputies = (size_t)x->ways->deputies, wards = (size_t)x->ways->wards;
    x->deputy_request = exchange_take_requests(x, (size_t)x->cfg.buckets * deputies);
    x->ward_request = exchange_take_requests(x, (size_t)x->cfg.buckets * wards);
    for (int b = 0; b < x->cfg.buckets; b++) {
        exchange_boxes *box = &x->boxes[b];
        box->in = arena_take(&x->memory, deputies * sizeof *box->in);
        box->out = arena_take(&x->memory, wards * sizeof *box->out);
        box->ward_floats = arena_take(&x->memory, wards * sizeof *box->ward_floats);
        for (int v = 0; v < x->ways->levels; v++) take_level(x, b, v);
    }
}
