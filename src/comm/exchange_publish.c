/* comm/exchange_publish.c - parameters back to all groups, the ways of the partial sums in reverse.
 *
 * A holder in a set sends what it holds to its deputies in the other children, level by level from the set of all groups down.
 * Messages take the floats out of the group's one copy of the parameters, and put them there. */
#include <limits.h>

#include "exchange_private.h"

/* ---- parcels ---- */

/* While a parcel is made: its pieces of the slab. */
typedef struct pieces {
    span *piece;
    int count;
} pieces;

static void add_piece(pieces *p, span s)
{
    span *last = p->piece + p->count - 1;
    if (s.length == 0) return;
    if (p->count && last->offset + last->length == s.offset)
        last->length += s.length;
    else
        p->piece[p->count++] = s;
}

/* The buckets of a parcel: all, or one. */
static range buckets_of(const exchange *x, int parcel)
{
    return x->parcels == 1 ? (range){0, x->cfg.buckets} : (range){parcel, parcel + 1};
}

static exchange_parcel one_piece(const exchange *x, span s)
{
    CHECK(s.length <= INT_MAX, "a message of %zu floats", s.length);
    return (exchange_parcel){x->parameters + s.offset, (int)s.length, MPI_FLOAT,
                             s.length * sizeof(float)};
}

static exchange_parcel some_pieces(const exchange *x, const pieces *p)
{
    exchange_parcel parcel = {.at = x->parameters, .count = 1};
    size_t count = (size_t)p->count;
    int *length = memory_take(count * sizeof *length);
    MPI_Aint *offset = memory_take(count * sizeof *offset);
    for (int i = 0; i < p->count; i++) {
        CHECK(p->piece[i].length <= INT_MAX, "a message of %zu floats", p->piece[i].length);
        length[i] = (int)p->piece[i].length;
        offset[i] = (MPI_Aint)(p->piece[i].offset * sizeof(float));
        parcel.bytes += p->piece[i].length * sizeof(float);
    }
    MPI_Type_create_hindexed(p->count, length, offset, MPI_FLOAT, &parcel.type);
    MPI_Type_commit(&parcel.type);
    memory_free(length);
    memory_free(offset);
    return parcel;
}

static exchange_parcel parcel_of(const exchange *x, int parcel, route_owners held)
{
    const range buckets = buckets_of(x, parcel);
    pieces p = {memory_take((size_t)(held.count * x->cfg.buckets) * sizeof(span)), 0};
    exchange_parcel made = {.count = 0, .type = MPI_FLOAT};
    for (int b = buckets.lo; b < buckets.hi; b++)
        for (int i = 0; i < held.count; i++) add_piece(&p, exchange_slice_of(x, b, held.rank[i]));
    if (p.count == 1) made = one_piece(x, p.piece[0]);
    if (p.count > 1) made = some_pieces(x, &p);
    memory_free(p.piece);
    return made;
}

static exchange_parcel *held_parcel(const exchange *x, int parcel, int level)
{
    return x->held + (size_t)parcel * (size_t)x->ways->levels + level;
}

static exchange_parcel *ward_parcel(const exchange *x, int parcel, int ward)
{
    return x->ward + (size_t)parcel * (size_t)x->ways->wards + ward;
}

void exchange_parcels_open(exchange *x)
{
    const size_t parcels = (size_t)x->parcels;
    x->held = arena_take(&x->memory, parcels * (size_t)x->ways->levels * sizeof *x->held);
    x->ward = arena_take(&x->memory, parcels * (size_t)x->ways->wards * sizeof *x->ward);
    for (int p = 0; p < x->parcels; p++)
        for (int v = 0; v < x->ways->levels; v++) {
            const route_level *l = &x->ways->level[v];
            *held_parcel(x, p, v) = parcel_of(x, p, l->held);
            for (int i = 0; i < l->wards; i++)
                *ward_parcel(x, p, l->first_ward + i) = parcel_of(x, p, l->ward[i].held);
        }
}

static void close_parcels(exchange_parcel *parcel, int count)
{
    for (int i = 0; parcel && i < count; i++)
        if (parcel[i].count && parcel[i].type != MPI_FLOAT) MPI_Type_free(&parcel[i].type);
}

void exchange_parcels_close(exchange *x)
{
    close_parcels(x->held, x->parcels * x->ways->levels);
    close_parcels(x->ward, x->parcels * x->ways->wards);
}

/* ---- messages ---- */

static MPI_Request *ward_requests(const exchange *x, int parcel, int level)
{
    return x->ward_request + parcel * x->ways->wards + x->ways->level[level].first_ward;
}

static void receive_level(exchange *x, int level)
{
    const route_level *l = &x->ways->level[level];
    for (int p = 0; p < x->parcels; p++)
        for (int i = 0; i < l->wards; i++) {
            const exchange_parcel *in = ward_parcel(x, p, l->first_ward + i);
            if (in->count)
                MPI_Irecv(in->at, in->count, in->type, l->ward[i].rank, EXCHANGE_TAG_PARAMETERS + p,
                          x->c->world, ward_requests(x, p, level) + i);
        }
}

static void wait_level(exchange *x, int level)
{
    for (int p = 0; p < x->parcels; p++)
        wire_wait(x->ways->level[level].wards, ward_requests(x, p, level));
}

static void send_level(exchange *x, int level)
{
    const route_level *l = &x->ways->level[level];
    for (int p = 0; p < x->parcels; p++) {
        const exchange_parcel *out = held_parcel(x, p, level);
        MPI_Request *requests = x->deputy_request + p * x->ways->deputies + l->first_deputy;
        for (int i = 0; out->count && i < l->children; i++) {
            if (l->deputy[i] == NO_DEPUTY) continue;
            MPI_Isend(out->at, out->count, out->type, l->deputy[i], EXCHANGE_TAG_PARAMETERS + p,
                      x->c->world, &requests[i]);
            atomic_fetch_add(&x->c->sent_bytes, (long long)out->bytes);
        }
    }
}

void exchange_publish(exchange *x)
{
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return;
    const int levels = x->ways->levels;
    for (int v = 0; v < levels; v++) receive_level(x, v);
    for (int v = 0; v < levels; v++) {
        send_level(x, v); /* also what came at the levels before */
        wait_level(x, v);
    }
    wire_wait(x->parcels * x->ways->deputies, x->deputy_request);
    comm_group_barrier(x->c);
}
