/* comm/exchange_private.h - the inside of an exchange, shared by its three files.        layer: comm
 *
 * A rank's PEERS are the ranks o of other groups with o.group_rank = own group_rank modulo the own group's size: the
 * owners for whom this rank merges what its group holds, and whose parameters it receives for its group. Seen from the
 * other side, group g serves rank r through g's member r.group_rank modulo g's size.
 */
#ifndef MNIST_DIST_COMM_EXCHANGE_PRIVATE_H
#define MNIST_DIST_COMM_EXCHANGE_PRIVATE_H

#include "comm/exchange.h"
#include "private.h"

/* The index-th partial slab of a member of the own group. */
typedef struct exchange_source {
    int member, index;
} exchange_source;

/* What follows from the number of leaves of a step. */
typedef struct exchange_plan {
    int leaves;      /* planned for; -1: for nothing yet                          */
    tree_plan group; /* the own group's nodes, merged as far as the tree allows   */
    unsigned char *group_merges;
    exchange_source *source; /* [group.items]                                             */
    int *results;            /* [groups]: nodes that each group sends to an owner         */
    tree_plan final;         /* own group's nodes unmerged, results of the others         */
    unsigned char *final_merges;
    int own_nodes, foreign_nodes;   /* of this rank; of the other members of its group           */
    tree_node *nodes, *final_nodes; /* scratch */
    unsigned char *merges;          /* scratch */
} exchange_plan;

struct exchange {
    comm *c;
    exchange_cfg cfg;
    arena memory;
    size_t stride; /* floats from one partial slab to the next          */
    exchange_need need;
    int partials; /* need.partials                                        */
    gate *ready;  /* [buckets]: partials of all members are written       */
    float *parameters, *slabs;
    void *shared;    /* the memory of these three                         */
    span *slice;     /* [buckets * ranks]                                 */
    unsigned steps;  /* begun so far                                      */
    int begun, sent; /* buckets of this step                              */
    int *peer, peers;
    float *inbox[EXCHANGE_MAX_BUCKETS];  /* per other group need.rows rows of the own slice */
    float *outbox[EXCHANGE_MAX_BUCKETS]; /* per peer need.rows rows of its slice            */
    MPI_Request *sends, *receives;       /* [buckets * (peers + groups)] each                  */
    exchange_plan plan;
    float *own, *total;   /* EXCHANGE_ALLREDUCE: the slab that goes in, comes out */
    unsigned char *chain; /* EXCHANGE_ALLREDUCE: merges of a sum from left to right */
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

tree_node exchange_plan_leaves(const exchange *x, int leaves, int rank);
void exchange_plan_open(exchange *x);
void exchange_plan_step(exchange *x, int leaves);

#endif
