/* exchange.h - partial sums to their owners, parameters back: data movement only.     room: comm
 *
 * A slab of gradients is cut into BUCKETS, runs of floats that are ready together, and every bucket into one SLICE for each
 * rank, its OWNER; slices begin on given block starts. In each step every rank holds one partial slab for each of its maximal
 * nodes of the reduction tree (base/tree.h). Rank r gets, for its slices, the sum over the nodes of all ranks in TREE ORDER,
 * the same bits on every layout. Later all ranks get all parameters.
 *
 *   one group    every rank adds its slices straight from the others' partial slabs in shared memory
 *   groups       inside a group, the nodes are merged as far as the tree allows. Messages carry the merged partials to the
 *                owners, who finish the tree, and parameters back the same ways. EXCHANGE_DIRECT: from each group to each
 *                owner. EXCHANGE_HALVING: the groups split into halves of halves, these again, and so on; partials of
 *                neighbours are added on the way. The bits are the same
 *   EXCHANGE_ALLREDUCE  (--reduce=mpi) each rank merges its own nodes in order, MPI_Allreduce sums the slabs, and every rank
 *                owns everything. It is for comparison: its bits depend on the layout.
 *
 * Cost of a step for a rank, with P ranks in G groups of R, B buckets, a slab of n floats, at most k nodes of a group, K of
 * a quarter of the groups, a 16th, ... (both are 1 for powers of two):
 *   one group    reads k P n / P floats of the others; 2 group barriers
 *   direct       2 B (G-1) messages each way; k n (G-1) / P floats of partials and n (G-1) / P of parameters each way
 *   halving      about 3 (B + 1) log4(G) messages each way, 3 (B + 2) log4(G) with late buckets; K n (G-1) / P floats of
 *                partials, n (G-1) / P of parameters
 *   allreduce    2 n (P-1) / P each way (Rabenseifner)
 * Memory: partial slabs as exchange_count counts them from the numbers of leaves that steps have: at most about
 * 2 log2(leaves) slabs for a rank; one or two if the numbers of leaves and ranks are powers of two and a rank has one pass.
 * Messages of partials have buffers of their own, those of parameters none.
 *
 * comm_get_traffic counts the bytes of messages as sent_bytes (rows of whole 64-byte lines; with EXCHANGE_ALLREDUCE, what MPI
 * is given) and the partials read from other ranks of the group as read_bytes.
 *
 * All arithmetic is in cfg.add, a kernel's function that train hands in.
 * Threads: the one that called comm_start; exchange_sum: any.
 * Collective: where said; then all ranks call in the same order.
 * Errors: exchange_open, as said; misuse is a CHECK.
 * Test: tests/mpi/comm_exchange.c (closed-form sums, all layouts, odd lengths, empty slices, a wrong order is detected),
 * tests/unit/comm_exchange_plan.c (a step of 64 hosts in one process), tests/unit/comm_exchange_count.c (what is taken is
 * what steps need)
 */
#ifndef MNIST_DIST_COMM_EXCHANGE_H
#define MNIST_DIST_COMM_EXCHANGE_H

#include "base/shape.h"
#include "base/tree.h"
#include "comm/comm.h"

/* Runs the stack machine of a tree_plan on arrays of `length` floats: pushes items[i], then merges[i] times replaces the two
 * topmost arrays by left + right. results[k] (k < plan.results) receive what remains, in leaf order; they may alias items only
 * if plan.items == plan.results. */
typedef void (*exchange_add)(tree_plan plan, const unsigned char *merges, const float *const *items,
                             size_t length, float *const *results);

typedef enum exchange_mode { EXCHANGE_TREE, EXCHANGE_ALLREDUCE } exchange_mode;
/* The ways between groups. AUTO takes one of the others, the same on all ranks, from the numbers of groups, ranks, leaves,
 * buckets and floats. */
typedef enum exchange_way { EXCHANGE_AUTO, EXCHANGE_DIRECT, EXCHANGE_HALVING } exchange_way;

enum {
    EXCHANGE_MAX_BUCKETS = 16,
    EXCHANGE_MAX_SIZES = 16,
    EXCHANGE_MAX_ITEMS = 32768 /* nodes that one owner adds up: pointers to them are on the stack */
};

/* The steps that can come. */
typedef struct exchange_steps {
    int leaves[EXCHANGE_MAX_SIZES]; /* [sizes] every number of leaves that a step can have */
    int sizes;
    /* Leaves of a pass; a rank's last pass may have fewer. The nodes of a pass are added to those of the passes before, merged
     * as far as the tree allows. */
    int pass_leaves;
    int cuts; /* 1: any one leaf of a rank may be a pass of its own, between those that it cuts a pass into */
} exchange_steps;

/* The most that any of these steps needs. */
typedef struct exchange_need {
    int partials;    /* slabs of a rank, at least one                                      */
    int rows;        /* nodes that a group sends directly to an owner                      */
    int group_items; /* nodes that the ranks of a group hold together                      */
    /* Nodes that an owner adds up directly: its own group's, and the others' rows. By halves there are not more */
    int items;
} exchange_need;

/* Counts for groups of the ranks [group_start[g], group_start[g + 1]), g < groups. partials does not depend on the groups.
 * Takes time for each pass of each rank. Not collective. */
exchange_need exchange_count(const exchange_steps *steps, const int *group_start, int groups);

typedef struct exchange_cfg {
    exchange_mode mode;
    exchange_way way;
    size_t length;                     /* floats of the slab; gaps between buckets do not move */
    int buckets;                       /* 1 to EXCHANGE_MAX_BUCKETS                            */
    span bucket[EXCHANGE_MAX_BUCKETS]; /* disjoint, in the order in which they are ready       */
    /* The parameters of buckets [0, late) are read later in a step than those of the others, and are so many that they should
     * move meanwhile; 0: none. Less than `buckets` (CHECK) */
    int late;
    /* block_start: [blocks] ascending offsets at which a slice may begin; each bucket begins at one of them (CHECK). Slice r
     * of a bucket of B blocks is its blocks [r B/P, (r+1) B/P) */
    const size_t *block_start;
    int blocks;
    exchange_steps steps;
    exchange_add add;
} exchange_cfg;

typedef struct exchange exchange;

/* Takes all memory: the partial slabs, shared by the group, one copy of the parameters for each group, message buffers. cfg and
 * block_start are copied. exchange_close frees *opened. STATUS_CANNOT_WRITE if shared memory cannot be had; STATUS_USAGE if an
 * owner had more than EXCHANGE_MAX_ITEMS nodes to add up; both on all ranks. Collective. */
status exchange_open(comm *c, const exchange_cfg *cfg, exchange **opened, failure *why);
/* x may be NULL. Not collective, but before comm_close on every rank. */
void exchange_close(exchange *x);

/* ---- constant after exchange_open; not collective ---- */

/* The group's one copy of the parameters, [length], zeroed at first; with EXCHANGE_ALLREDUCE every rank has its own copy.
 * Before the first step the ranks for which exchange_fills_parameters is 1 fill it, then comm_group_barrier. Later a rank
 * writes only to its slices, between exchange_wait and exchange_publish; in that time no rank of the group reads the slices
 * of others. Between exchange_publish_first and exchange_arrive no rank reads late buckets. */
float *exchange_parameters(exchange *x);
/* 1 on the first rank of each group; with EXCHANGE_ALLREDUCE on every rank. */
int exchange_fills_parameters(const exchange *x);

/* This rank's slice of a bucket, in the slab; may be empty. With EXCHANGE_ALLREDUCE: the whole bucket. */
span exchange_slice(const exchange *x, int bucket);
/* The same of any rank. */
span exchange_rank_slice(const exchange *x, int bucket, int rank);

/* 1, the same on all ranks, if exchange_publish_first leaves late buckets on their way: there are some, and several groups.
 * Always 0 with EXCHANGE_ALLREDUCE. */
int exchange_defers(const exchange *x);

/* Leaves of this rank in a step over `leaves` leaves: range_share of [0,leaves). */
range exchange_leaves(const exchange *x, int leaves);

/* Partial slabs of this rank: the most nodes that it can have at once. */
int exchange_max_partials(const exchange *x);
/* Slab `index` of them, [length]: the sum of this rank's index-th maximal node, in leaf order. All partials of a bucket are
 * written before exchange_begin(bucket). */
float *exchange_partial(exchange *x, int index);

/* ---- a step, in this order; collective, except exchange_poll, exchange_in_place and exchange_sum. Either exchange_publish or
 * exchange_publish_first ends it ---- */

/* Begins a step over `leaves` leaves (CHECK: one of cfg.steps; a rank may have none of them). Afterwards the partial slabs
 * may be overwritten: since the publish of the step before, no other rank reads them. Does not wait. */
void exchange_step(exchange *x, int leaves);

/* The partials of this bucket are written; with the last bucket: this rank has ended its reads of the parameters. Starts to
 * move the partials, without waiting. Buckets in the order 0, 1, ...; ranks without leaves call it, too. */
void exchange_begin(exchange *x, int bucket);
/* Moves what can be moved without waiting. Cheap; called between pieces of work. */
void exchange_poll(exchange *x);
/* Waits until all partials that this rank adds up are here or readable. All members of the group have begun all
 * buckets then. */
void exchange_wait(exchange *x);

/* After exchange_wait, the place where the sums of this rank's slice of `bucket` are without being moved: the partial slab of
 * the only rank, or MPI's result. NULL if there are several partials to add. The caller may change them until
 * exchange_publish. */
float *exchange_in_place(exchange *x, int bucket);
/* After exchange_wait: sums share `part` of `parts` of this rank's slice of `bucket` in tree order into out[0 .. slice length),
 * which may be exchange_in_place. Returns where in `out` the share is; shares begin on multiples of 16 floats. Zeros if the
 * step has no leaves. Different parts may run in different threads. Not called for a bucket whose sums the ranks form by
 * other means, whose partials then need not be written. */
span exchange_sum(exchange *x, int bucket, int part, int parts, float *out);

/* After this rank has updated its slices in exchange_parameters: returns when this rank's group sees all parameters. It ends
 * the step, also if nothing was updated. */
void exchange_publish(exchange *x);
/* The same, but late buckets may still be on their way: exchange_poll moves them, and exchange_arrive of the next step ends
 * it. */
void exchange_publish_first(exchange *x);
/* In the next step, before exchange_begin (CHECK): returns when this rank's group sees all parameters. It does nothing if
 * all are there. */
void exchange_arrive(exchange *x);

#endif
