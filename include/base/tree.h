/* tree.h - the arithmetic of the reduction tree over the leaves of a batch.         room: base
 *
 *   node(lo,hi) = node(lo,mid) + node(mid,hi),   mid = lo + the largest power of two below hi - lo;   node(l,l+1) = leaf l
 *
 * The tree depends on the number of leaves alone. A rank that holds the leaves [lo,hi) can sum them up to the maximal nodes
 * inside [lo,hi). With the maximal nodes of all ranks in leaf order the rest of the tree can be summed. Both use one stack
 * machine: push the next node; while the two topmost nodes are siblings, replace them by their parent. A `tree_plan` is
 * this machine with the number of merges after each push worked out.
 *
 * Integers only.   Memory: none.   Errors: CHECK.   Threads: any.   Collective: no.   Test: tests/unit/base_tree.c
 */
#ifndef MNIST_DIST_BASE_TREE_H
#define MNIST_DIST_BASE_TREE_H

#include "base/range.h"

enum {
    TREE_MAX_NODES = 64, /* maximal nodes of a range of leaves: at most 2 log2(leaves) */
};

/* The leaves [lo,hi), where they are a node of the tree. A plain range of leaves is a `range`. */
typedef range tree_node;

/* The stack machine for `items` nodes given in leaf order, without gaps. */
typedef struct tree_plan {
    int items;   /* nodes pushed */
    int results; /* maximal nodes that remain, in leaf order */
    int depth;   /* the largest height of the stack, after a push and before its merges */
} tree_plan;

/* Number of leaves of a batch: ceil(batch / grain). */
int tree_leaves(int batch, int grain);

/* Where a node splits into its two children; node.hi - node.lo >= 2. */
int tree_mid(tree_node node);

/* 1 if `held` is a node of the tree over `leaves` leaves. */
int tree_is_node(int leaves, range held);

/* The maximal nodes inside `held` of the tree over `leaves` leaves, in leaf order; returns their number
 * (0 for an empty range). */
int tree_maximal(int leaves, range held, tree_node nodes[TREE_MAX_NODES]);
/* Their number alone. */
int tree_count(int leaves, range held);

/* Plans the merges of `items` nodes in leaf order. merges[i] (i < items) receives the number of merges after push i;
 * results[] (may be NULL) the nodes that remain. CHECKs that the nodes are adjacent, are nodes of the tree, and leave at
 * most TREE_MAX_NODES on the stack. */
tree_plan tree_plan_merges(int leaves, const tree_node *nodes, int items, unsigned char *merges,
                           tree_node results[TREE_MAX_NODES]);

#endif
