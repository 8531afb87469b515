/* comm/exchange_publish.c - parameters back to all groups, the ways of the partial sums in reverse.
 *
 * A holder in a set sends what it holds to its deputies in the other children, level by level from the set of all groups down:
 * the messages of a level when all of the levels before have come. Messages take the floats out of the group's one copy of
 * the parameters, and put them there. So each group receives each float of the others once.
 *
 * Late parcels are sent when the others are here, so that they do not slow them down. A rank that holds up others who wait for
 * what it passes on is in exchange_arrive itself in the end, so all of them come. */
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

static range buckets_of(const exchange *x, int parcel)
{
    if (!x->halves) return (range){parcel, parcel + 1};
    return parcel < x->late_parcels ? (range){0, x->cfg.late}
                                    : (range){x->late_parcels ? x->cfg.late : 0, x->cfg.buckets};
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

static void count_parcels(exchange *x)
{
    const int late = x->c->layout.groups > 1 ? x->cfg.late : 0;
    x->late_parcels = x->halves ? late > 0 : late;
    x->parcels = x->halves ? 1 + x->late_parcels : x->cfg.buckets;
}

void exchange_parcels_open(exchange *x)
{
    count_parcels(x);
    const size_t parcels = (size_t)x->parcels;
    x->held = arena_take(&x->memory, parcels * (size_t)x->ways->levels * sizeof *x->held);
    x->ward = arena_take(&x->memory, parcels * (size_t)x->ways->wards * sizeof *x->ward);
    x->parcel_out = exchange_take_requests(x, parcels * (size_t)x->ways->deputies);
    x->parcel_in = exchange_take_requests(x, parcels * (size_t)x->ways->wards);
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

static MPI_Request *in_requests(const exchange *x, int parcel, int level)
{
    return x->parcel_in + parcel * x->ways->wards + x->ways->level[level].first_ward;
}

static void receive_level(exchange *x, int parcel, int level)
{
    const route_level *l = &x->ways->level[level];
    for (int i = 0; i < l->wards; i++) {
        const exchange_parcel *in = ward_parcel(x, parcel, l->first_ward + i);
        if (in->count)
            MPI_Irecv(in->at, in->count, in->type, l->ward[i].rank,
                      EXCHANGE_TAG_PARAMETERS + parcel, x->c->world,
                      in_requests(x, parcel, level) + i);
    }
}

static void send_level(exchange *x, int parcel, int level)
{
    const route_level *l = &x->ways->level[level];
    const exchange_parcel *out = held_parcel(x, parcel, level);
    MPI_Request *requests = x->parcel_out + parcel * x->ways->deputies + l->first_deputy;
    for (int i = 0; out->count && i < l->children; i++) {
        if (l->deputy[i] == NO_DEPUTY) continue;
        MPI_Isend(out->at, out->count, out->type, l->deputy[i], EXCHANGE_TAG_PARAMETERS + parcel,
                  x->c->world, &requests[i]);
        atomic_fetch_add(&x->c->sent_bytes, (long long)out->bytes);
    }
}

/* 1 if all messages of the levels before this one have come; those before the last one had come when it was sent. */
static int has_come(exchange *x, int parcel, int level)
{
    int all = 1;
    for (int i = 0; level > 0 && i < x->ways->level[level - 1].wards && all; i++)
        MPI_Test(in_requests(x, parcel, level - 1) + i, &all, MPI_STATUS_IGNORE);
    return all;
}

/* Sends what can be sent of these parcels; 1 if all of them are sent and have come. */
static int pass_on(exchange *x, range parcels)
{
    int left = 0;
    for (int p = parcels.lo; p < parcels.hi; p++) {
        int *sent = &x->sent[p];
        while (has_come(x, p, *sent) && *sent < x->ways->levels) send_level(x, p, (*sent)++);
        left += *sent < x->ways->levels || !has_come(x, p, *sent);
    }
    return left == 0;
}

static void receive_all(exchange *x)
{
    for (int p = 0; p < x->parcels; p++) {
        for (int v = 0; v < x->ways->levels; v++) receive_level(x, p, v);
        x->sent[p] = 0;
    }
}

/* Sends and waits for these parcels, and for the group's other members. */
static void end_parcels(exchange *x, range parcels)
{
    const int count = parcels.hi - parcels.lo, deputies = x->ways->deputies;
    for (wire_patience p = wire_patient(); !pass_on(x, parcels);) wire_rest(&p);
    wire_wait(count * deputies, x->parcel_out + parcels.lo * deputies);
    comm_group_barrier(x->c);
}

/* ---- the end of a step ---- */

int exchange_defers(const exchange *x)
{
    return x->late_parcels > 0;
}

void exchange_publish(exchange *x)
{
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return;
    receive_all(x);
    end_parcels(x, (range){0, x->parcels});
}

void exchange_publish_first(exchange *x)
{
    if (x->cfg.mode == EXCHANGE_ALLREDUCE) return;
    receive_all(x);
    end_parcels(x, (range){x->late_parcels, x->parcels});
    x->under_way = exchange_defers(x);
    exchange_parcels_poll(x);
}

void exchange_parcels_poll(exchange *x)
{
    if (x->under_way) pass_on(x, (range){0, x->late_parcels});
}

void exchange_arrive(exchange *x)
{
    if (!x->under_way) return;
    end_parcels(x, (range){0, x->late_parcels});
    x->under_way = 0;
}
