/* exchange.h - partial sums to their owners, parameters back: data movement only.   layer: comm
 *
 * A slab of gradients is cut into BUCKETS (runs that are ready together), every bucket into one SLICE per rank; slice
 * edges fall on given block starts. In each step every rank holds, for each of its maximal nodes of the reduction tree
 * (base/tree.h), one partial slab. Rank r must get, for its slices, the sum over ALL nodes in TREE ORDER, whatever the
 * layout; later all ranks must get all parameters.
 *
 *   one group    every rank adds its slices straight from the others' partial slabs in shared memory
 *   groups       first inside a group: the group's nodes are merged as far as the tree allows (each member does this for
 *                the slices of its share of the other groups' owners); then messages carry the merged partials to the
 *                owners; then the owner finishes the tree. Parameters travel the same way back: each owner sends its
 *                slice once to every other group.
 *   EXCHANGE_ALLREDUCE  --reduce=mpi: each rank merges its own nodes in order, MPI_Allreduce sums the slabs, every rank
 *                owns everything. For comparison: promises nothing about layouts.
 *
 * Cost per step and rank, P ranks in G groups of R, slab of n floats, at most k nodes a group (k = 1 for powers of two):
 *   one group    reads k P n / P floats from neighbours; 2 group barriers
 *   groups       sends k n (G-1) / P floats to owners, receives as much; parameters: sends n (G-1) / P, receives
 *                n (G-1) / (G R)
 *   allreduce    2 n (P-1) / P each way (Rabenseifner)
 * Memory: exchange_count says how much, from the numbers of leaves that steps have. At most about 2 log2(leaves) slabs a
 * rank, and one or two where leaves and ranks are powers of two and a rank has one pass.
 *
 * comm_get_traffic counts: sent_bytes, the messages' bytes (rows of whole 64-byte lines; with EXCHANGE_ALLREDUCE what is
 * handed to MPI); read_bytes, partials read from other ranks of the group.
 *
 * No arithmetic is written here but through cfg.add (kernel's, handed in by train): this layer moves data.
 * Threads: begin, poll, wait and publish only from the thread that called comm_init; exchange_sum from any thread.
 * Collective: yes, in the same order on every rank, where said.
 * Test: tests/mpi/comm_exchange.c: closed-form sums, all layouts, odd lengths, empty slices, wrong order detected;
 * tests/unit/comm_exchange_count.c: what is taken is what steps need, for more ranks than a test can start.
 */
#ifndef MNIST_DIST_COMM_EXCHANGE_H
#define MNIST_DIST_COMM_EXCHANGE_H

#include "base/shape.h"
#include "base/tree.h"
#include "comm/comm.h"

/* Runs the stack machine of a tree_plan on arrays of `length` floats: items[i] is pushed, then merges[i] times the two
 * topmost are replaced by left + right. results[k] (k < plan.results) receives what remains, in leaf order; results may
 * alias items only where plan.items == plan.results. */
typedef void (*exchange_add)(tree_plan plan, const unsigned char *merges, const float *const *items,
                             size_t length, float *const *results);

typedef enum exchange_mode { EXCHANGE_TREE, EXCHANGE_ALLREDUCE } exchange_mode;

enum {
    EXCHANGE_MAX_BUCKETS = 16,
    EXCHANGE_MAX_SIZES = 16,
    EXCHANGE_MAX_ITEMS = 32768 /* nodes that one owner adds up: pointers to them lie on the stack */
};

/* The steps that can come. */
typedef struct exchange_steps {
    int leaves[EXCHANGE_MAX_SIZES]; /* [sizes]: every number of leaves that a step can have    */
    int sizes;
    int pass_leaves; /* a rank's leaves come in passes of so many, but the last; the nodes of a pass are added to
                        those before it, merged as far as the tree allows                      */
} exchange_steps;

/* The most that any of these steps needs. */
typedef struct exchange_need {
    int partials;    /* slabs of a rank, at least one                                          */
    int rows;        /* nodes that a group sends to an owner                                   */
    int group_items; /* nodes that the ranks of a group hold together                          */
    int items;       /* nodes that an owner adds up: its own group's, and the others' rows     */
} exchange_need;

/* Counts for groups of the ranks [group_start[g], group_start[g + 1]); partials do not depend on the groups. Not
 * collective; takes time for each pass of each rank. */
exchange_need exchange_count(const exchange_steps *steps, const int *group_start, int groups);

typedef struct exchange_cfg {
    exchange_mode mode;
    size_t length; /* floats of the slab; gaps between buckets are never moved              */
    int buckets;
    span bucket
        [EXCHANGE_MAX_BUCKETS]; /* disjoint; in the order they become ready                             */
    const size_t
        *block_start; /* ascending offsets at which a slice may begin; each bucket begins at  */
    int blocks;       /*   one of them (CHECK). Slice r of B blocks: [r B/P, (r+1) B/P)       */
    exchange_steps steps;
    exchange_add add;
} exchange_cfg;

typedef struct exchange exchange;

/* Takes all memory: the partial slabs (shared by the group), the parameters (one copy per group), message buffers.
 * STATUS_CANNOT_WRITE where shared memory cannot be had, STATUS_USAGE where an owner had more than EXCHANGE_MAX_ITEMS
 * nodes to add up (both on all ranks alike). cfg and block_start are copied. Collective. */
status exchange_open(comm *c, const exchange_cfg *cfg, exchange **opened, message *why);
void exchange_close(exchange *x);

/* The group's one copy of the parameters: `length` floats, zeroed at first. Written only in the span of exchange_slice
 * between exchange_wait and exchange_publish; read by no rank of the group in that time but in its own slices. Before
 * the first step: filled by the ranks for which exchange_fills_parameters is 1, then comm_group_barrier. With
 * EXCHANGE_ALLREDUCE every rank has a copy of its own. */
float *exchange_parameters(exchange *x);
/* 1 on the first rank of each group; with EXCHANGE_ALLREDUCE on every rank. */
int exchange_fills_parameters(const exchange *x);

/* This rank's slice of a bucket; may be empty. With EXCHANGE_ALLREDUCE: the whole bucket. */
span exchange_slice(const exchange *x, int bucket);
/* The same of any rank: every rank knows all slices. Not collective. */
span exchange_rank_slice(const exchange *x, int bucket, int rank);

/* Leaves of a rank in a step over `leaves` leaves: tree_share of [0,leaves). */
tree_node exchange_leaves(const exchange *x, int leaves);

/* Most nodes a rank can hold on its stack; partial slabs exist for 0 ... exchange_max_partials - 1. */
int exchange_max_partials(const exchange *x);
/* Where this rank writes the partial sums of its index-th maximal node (in leaf order; the whole slab). The order of
 * calls in a step: all partials of a bucket written -> exchange_begin(bucket). */
float *exchange_partial(exchange *x, int index);

/* A new step over `leaves` leaves (CHECK: one of cfg.steps; a rank may have none). Collective.
 * After it returns, the partial slabs may be overwritten: it has been made sure that no other rank reads them still
 * (exchange_publish of the step before did that, so this does not wait). */
void exchange_step(exchange *x, int leaves);

/* The partials of this bucket are written, and with the last bucket: this rank is done with reading the parameters.
 * Starts moving the partials. Not blocking. Buckets in order 0, 1, ...; also by ranks without leaves. */
void exchange_begin(exchange *x, int bucket);
/* Moves what can be moved without waiting; cheap, to be called between pieces of work. */
void exchange_poll(exchange *x);
/* Waits until every partial that this rank needs is here or readable; then exchange_sum may be called. All members of the
 * group have begun every bucket then. Collective. */
void exchange_wait(exchange *x);
/* Where the sums of this rank's slice of `bucket` lie without being moved: the partial slab of the only rank, or MPI's
 * result. NULL where there are several partials to add. They may be changed until exchange_publish. */
float *exchange_in_place(exchange *x, int bucket);
/* Sums this rank's slice of `bucket` in tree order into out[0 .. slice length), which may be exchange_in_place; split by
 * (part, parts): each call writes its share and returns where in `out` that is; shares begin on multiples of 16 floats.
 * Zeros where the step has no leaves. Thread-safe for different parts. Not needed for a bucket whose sums the ranks form by
 * other means; nobody then has to write its partials. */
span exchange_sum(exchange *x, int bucket, int part, int parts, float *out);

/* After this rank's slices are updated in exchange_parameters: makes them visible to all ranks. When it returns, every
 * rank sees every parameter. Ends the step also where nothing was updated: without it the partials may not be
 * overwritten. Collective. */
void exchange_publish(exchange *x);

#endif
