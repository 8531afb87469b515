/* comm/route.h - the way of every slice through the groups, from sizes alone.          room: comm (private)
 *
 * The SET of all groups splits into CHILDREN, sets of neighbouring groups, these split again, down to single groups. In each
 * set one rank is the HOLDER of an owner's slices: it gets their sums over the leaves of the set, as far as the tree allows,
 * from the holders of the children. The owner holds its slices in the set of all groups. A holder in a set is in one of the
 * children and holds the same slices there; in each of the other children its DEPUTY does. It is chosen so that loads stay
 * even: first the group, since a host has one link, then its rank. So partial sums of a slice go from child to set, up to the
 * owner, and its parameters the same ways back.
 *
 *   direct    the set of all groups splits into groups at once: each group sends to each owner. G - 1 ways from and to a rank
 *   halving   every set splits in halves, and these in halves: up to 3 ways at each of about log4 G splits. A rank passes on
 *             sums of others, a quarter as many floats at each split
 *
 * Rabenseifner's recursive halving and doubling (R. Thakur, R. Rabenseifner, W. Gropp: Optimization of collective
 * communication operations in MPICH, 2005), two halvings at once, with neighbours first, because the tree adds neighbours.
 *
 * LEVEL l of a rank is the split of the l-th set that has its group; level 0 is the split of all groups.
 *
 * Integers only.   Memory: of the arena.   Threads: any.   Collective: no.   Test: tests/unit/comm_route.c
 */
#ifndef MNIST_DIST_SRC_COMM_ROUTE_H
#define MNIST_DIST_SRC_COMM_ROUTE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/range.h"

/* A split leaves at most two thirds of the groups in a child. */
enum { ROUTE_MAX_LEVELS = 48, ROUTE_QUARTERS = 4 };

/* Ranks whose slices a rank holds in a set, ascending; those that own nothing are left out. */
typedef struct route_owners {
    int *rank, count;
} route_owners;

/* A rank in another child, for which this rank is the deputy. */
typedef struct route_ward {
    int rank, child;
    route_owners held; /* by the ward, in the set */
} route_ward;

typedef struct route_level {
    range *child; /* [children] the groups of each child */
    int children, own;
    route_owners held; /* by this rank, in the set */
    int *deputy; /* [children] of this rank; NO_DEPUTY in its own child, and if it holds nothing */
    int first_deputy; /* how many the levels before have, with those of the own children */
    route_ward *ward; /* [wards] ascending */
    int wards, first_ward;
} route_level;

enum { NO_DEPUTY = -1 };

/* The ways of one rank. */
typedef struct route {
    int levels;          /* of this rank                                              */
    int height;          /* the most levels of a rank                                 */
    int deputies, wards; /* of all levels; deputies with those of the own children    */
    route_level level[ROUTE_MAX_LEVELS];
} route;

/* What slices weigh: floats of late buckets, and of the others. Each kind is to be spread evenly, so each is counted in parts
 * of its own sum, rounded up: ROUTE_WHOLE is all. */
enum { ROUTE_KINDS = 2, ROUTE_WHOLE = 1 << 24 };
typedef struct route_weight {
    int64_t kind[ROUTE_KINDS];
} route_weight;

/* Groups of the ranks [group_start[g], group_start[g + 1]), g < groups. */
typedef struct route_layout {
    const int *group_start;
    int groups;
} route_layout;

/* Where a set of two or more groups splits in halves. */
int route_middle(range set);
/* The halves of the halves of a set of two or more groups; a half that is one group stays whole. Returns how many. */
int route_quarters(range set, range child[ROUTE_QUARTERS]);
/* The most splits from a set to a single group; halves: as in route_new. */
int route_height(range set, int halves);

/* The ways of `rank`; owned: [ranks] of all slices of a rank together. */
route *route_new(const route_layout *layout, const route_weight *owned, int halves, int rank,
                 arena *memory);

/* The leaves of the ranks of neighbouring groups. */
range route_leaves(const route_layout *layout, range groups, int leaves);

#endif
