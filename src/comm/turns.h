/* comm/turns.h - an allgather between groups in about log4(groups) turns.              room: comm (private)
 *
 * In turn k a group has its own part and those of the 4^k - 1 groups behind it, cyclically. It sends them to the groups 4^k,
 * 2 4^k and 3 4^k before it, and receives as many from those behind it. The last turn sends what is missing.
 * J. Bruck, C.-T. Ho, S. Kipnis, E. Upfal, D. Weathersby: Efficient algorithms for all-to-all communications in
 * multiport message-passing systems, 1997.
 *
 * Integers only.   Memory: none.   Threads: any.   Collective: no.   Test: tests/unit/comm_turns.c
 */
#ifndef MNIST_DIST_SRC_COMM_TURNS_H
#define MNIST_DIST_SRC_COMM_TURNS_H

#include "base/range.h"

enum { TURN_PIECES = 2, TURN_WAYS = 3 };

/* Groups whose parts are sent together: one piece, or two around the last group. Empty pieces are at the end. */
typedef struct turn_parts {
    range piece[TURN_PIECES];
} turn_parts;

/* A message each way. */
typedef struct turn {
    int to, from; /* groups */
    turn_parts sent, received;
} turn;

/* Turn k of group `own`. Returns how many of t are set; 0 if there is no such turn. */
int turns_find(int groups, int own, int k, turn t[TURN_WAYS]);

#endif
