/* comm/exchange_private.h - the inside of an exchange.                               room: comm (private)
 *
 * From the lowest file to the highest:
 *   slices.c            which part of a bucket each rank owns
 *   route.c             the ways of the slices through the groups
 *   exchange_choice.c   direct or halving
 *   exchange_plan.c     which sums a rank forms in a step
 *   exchange_boxes.c    the memory of messages
 *   exchange_sum.c      the sums
 *   exchange_move.c     a step: the messages of partial sums
 *   exchange_publish.c  its end: the messages of parameters
 *   exchange.c          opens and closes
 */
#ifndef MNIST_DIST_COMM_EXCHANGE_PRIVATE_H
#define MNIST_DIST_COMM_EXCHANGE_PRIVATE_H

#include "comm/exchange.h"
#include "exchange_plan.h"
#include "private.h"

/* The messages of one bucket's partial sums. Each holds slices one behind the other, of a slice all its rows. */
typedef struct exchange_boxes {
    /* [ways.deputies]: from a deputy come the rows of all slices that this rank holds in the set */
    float **in;
    float **out; /* [ways.wards] */
    /* [held + 1] of a level: floats before each slice that this rank holds, for messages of one row */
    size_t *start[ROUTE_MAX_LEVELS];
    size_t *ward_floats; /* [ways.wards]: of all slices that a ward holds, likewise */
    /* The level whose messages go out next: from the last one down to 0; then -1 */
    int next;
} exchange_boxes;

/* The parameters of one message: `count` times `type` at `at`. */
typedef struct exchange_parcel {
    float *at;
    int count; /* 0: no message */
    MPI_Datatype type;
    size_t bytes;
} exchange_parcel;

struct exchange {
    comm *c;
    exchange_cfg cfg;
    arena memory;
    size_t stride; /* floats from one partial slab to the next */
    int partials;  /* slabs of a rank                                */
    gate *ready;   /* [buckets]: partials of all members are written */
    float *parameters, *slabs;
    void *shared;   /* the memory of these three */
    span *slice;    /* [buckets * ranks]         */
    unsigned steps; /* begun so far              */
    int leaves;     /* of this step              */
    int begun;      /* buckets of this step      */
    int halves;     /* 1: the ways are those of halving */
    const route *ways;
    exchange_plan plan;
    exchange_boxes boxes[EXCHANGE_MAX_BUCKETS];
    MPI_Request *deputy_request; /* [buckets * ways.deputies] of partial sums from deputies */
    MPI_Request *ward_request;   /* [buckets * ways.wards] of partial sums to wards         */
    /* Messages of parameters for each way: one for each bucket, or by halves one for all; two, if late ones go alone. Parcels
     * [0, late_parcels) have the late buckets */
    int parcels, late_parcels;
    int under_way;                  /* 1: late parcels may be on their way */
    exchange_parcel *held;          /* [parcels * ways.levels] to the deputies of a level     */
    exchange_parcel *ward;          /* [parcels * ways.wards] from the wards                  */
    MPI_Request *parcel_out;        /* [parcels * ways.deputies]                              */
    MPI_Request *parcel_in;         /* [parcels * ways.wards]                                 */
    int sent[EXCHANGE_MAX_BUCKETS]; /* [parcels] levels that have been sent                 */
    float *own, *total;             /* EXCHANGE_ALLREDUCE: the slab that goes in, comes out */
    unsigned char *chain;           /* EXCHANGE_ALLREDUCE: merges of a sum from left to right */
    MPI_Request reduction[EXCHANGE_MAX_BUCKETS]; /* EXCHANGE_ALLREDUCE */
};

enum {
    EXCHANGE_TAG_PARTIALS = 100,
    EXCHANGE_TAG_PARAMETERS = EXCHANGE_TAG_PARTIALS + EXCHANGE_MAX_BUCKETS
};

/* A row of a message: whole lines, so that rows stay aligned. */
static inline size_t exchange_row(span slice)
{
    return slab_round_up(slice.length);
}

static inline span exchange_slice_of(const exchange *x, int bucket, int rank)
{
    return x->slice[(size_t)bucket * (size_t)x->c->layout.ranks + (size_t)rank];
}

/* ---- exchange_boxes.c ---- */

/* Takes the memory of all messages of partial sums; the ways and the plan are made. */
void exchange_boxes_open(exchange *x);
/* `count` requests that are null. */
MPI_Request *exchange_take_requests(exchange *x, size_t count);

/* ---- exchange_sum.c ---- */

/* Writes the sums that a ward of a level gets, for all slices that it holds, to its box. */
void exchange_sum_for_ward(exchange *x, int bucket, int level, int ward);

/* ---- exchange_publish.c ---- */

/* Makes the parcels; the memory of the parameters is taken. */
void exchange_parcels_open(exchange *x);
void exchange_parcels_close(exchange *x);
/* Passes late parameters on, without waiting. */
void exchange_parcels_poll(exchange *x);

#endif
