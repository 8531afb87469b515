/* comm/exchange_plan.h - which sums a rank forms in a step, from its number of leaves.  room: comm (private)
 *
 * A rank forms the sums of a slice once for each slice that it ever holds (route.h): of its own slices the total, and at each
 * level those of its own child's leaves, of the slices that its wards hold in the set. A message therefore need not say what
 * it holds.
 *
 * Integers only.   Memory: of the arena.   Threads: any.   Collective: no.   Test: tests/unit/comm_exchange_plan.c
 */
#ifndef MNIST_DIST_SRC_COMM_EXCHANGE_PLAN_H
#define MNIST_DIST_SRC_COMM_EXCHANGE_PLAN_H

#include "route.h"

#include "base/tree.h"
#include "comm/exchange.h"

/* A node that is added up, in leaf order. */
typedef struct exchange_item {
    int level; /* of the message that brought it; FROM_GROUP: it is a partial slab of the group */
    int from;  /* the child that sent it; the member of the group                               */
    int index; /* row of the message; index of the slab                                         */
} exchange_item;

enum { FROM_GROUP = -1 };

/* Adds up the items [first, first + plan.items), as far as the tree allows. */
typedef struct exchange_merge {
    int first;
    tree_plan plan;
    unsigned char *merges;
} exchange_merge;

typedef struct exchange_plan {
    route_layout layout;
    const route *ways;
    int rank, group;
    int most_items; /* of any step */
    int *most_rows; /* [ways.deputies] nodes of each child of each level, in any step */
    /* ---- of the step that was planned last ---- */
    int leaves; /* -1: none yet */
    int *rows;  /* [ways.deputies] */
    exchange_item *item;
    tree_node *node; /* [items] what the items are */
    int items;
    exchange_merge total;                  /* of all items: one result, if there are leaves    */
    exchange_merge part[ROUTE_MAX_LEVELS]; /* at each level, of the own child                  */
    int foreign_nodes;                     /* of the group's other members, among the items    */
} exchange_plan;

/* 1 if the ways for cfg are those of halving (exchange_choice.c). */
int exchange_plan_halves(const exchange_cfg *cfg, const route_layout *layout);
/* The ways of a rank for slices that slices_cut has cut; halves: as exchange_plan_halves answers. */
const route *exchange_plan_ways(const exchange_cfg *cfg, const route_layout *layout,
                                const span *slice, int halves, int rank, arena *memory);

/* Before: layout, ways, rank and group are set; they are not copied. */
void exchange_plan_open(exchange_plan *p, const exchange_steps *steps, arena *memory);
/* Plans a step, if it is not the last one planned. */
void exchange_plan_step(exchange_plan *p, int leaves);

#endif
