/* base/tree.c - the reduction tree: which leaves form which nodes. */
#include "base/tree.h"

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

int tree_leaves(int batch, int grain)
{
    CHECK(batch >= 0 && grain >= 1, "batch %d, grain %d", batch, grain);
    return (int)(((int64_t)batch + grain - 1) / grain);
}

int tree_mid(tree_node node)
{
    int n = node.hi - node.lo, half = 1;
    CHECK(n >= 2, "a node of %d leaves does not split", n);
    while (half * 2 < n) half *= 2;
    return node.lo + half;
}

int tree_is_node(int leaves, range held)
{
    tree_node node = {0, leaves};
    if (held.lo < 0 || held.hi > leaves || held.lo >= held.hi) return 0;
    while (node.lo != held.lo || node.hi != held.hi) {
        if (node.hi - node.lo < 2) return 0;
        int mid = tree_mid(node);
        if (held.hi <= mid)
            node.hi = mid;
        else if (held.lo >= mid)
            node.lo = mid;
        else
            return 0;
    }
    return 1;
}

static int collect(tree_node node, range held, tree_node *nodes, int count)
{
    if (held.hi <= node.lo || node.hi <= held.lo) return count;
    if (held.lo <= node.lo && node.hi <= held.hi) {
        CHECK(count < TREE_MAX_NODES, "more than %d maximal nodes", TREE_MAX_NODES);
        nodes[count] = node;
        return count + 1;
    }
    int mid = tree_mid(node);
    count = collect((tree_node){node.lo, mid}, held, nodes, count);
    return collect((tree_node){mid, node.hi}, held, nodes, count);
}

int tree_maximal(int leaves, range held, tree_node nodes[TREE_MAX_NODES])
{
    if (held.lo >= held.hi) return 0;
    CHECK(held.lo >= 0 && held.hi <= leaves, "[%d,%d) of %d leaves", held.lo, held.hi, leaves);
    return collect((tree_node){0, leaves}, held, nodes, 0);
}

int tree_count(int leaves, range held)
{
    tree_node nodes[TREE_MAX_NODES];
    return tree_maximal(leaves, held, nodes);
}

/* Two nodes are siblings if together they are a node that splits where they meet. */
static int siblings(int leaves, tree_node left, tree_node right)
{
    tree_node parent = {left.lo, right.hi};
    return tree_is_node(leaves, parent) && tree_mid(parent) == left.hi;
}

tree_plan tree_plan_merges(int leaves, const tree_node *nodes, int items, unsigned char *merges,
                           tree_node results[TREE_MAX_NODES])
{
    tree_node stack[TREE_MAX_NODES];
    tree_plan plan = {.items = items, .results = 0, .depth = 0};
    int top = 0;
    for (int i = 0; i < items; i++) {
        CHECK(tree_is_node(leaves, nodes[i]), "[%d,%d) is no node of %d leaves", nodes[i].lo,
              nodes[i].hi, leaves);
        CHECK(i == 0 || nodes[i].lo == nodes[i - 1].hi, "gap before leaf %d", nodes[i].lo);
        CHECK(top < TREE_MAX_NODES, "more than %d nodes at once", TREE_MAX_NODES);
        stack[top++] = nodes[i];
        if (top > plan.depth) plan.depth = top;
        merges[i] = 0;
        while (top >= 2 && siblings(leaves, stack[top - 2], stack[top - 1])) {
            stack[top - 2].hi = stack[top - 1].hi;
            top--;
            merges[i]++;
        }
    }
    plan.results = top;
    for (int i = 0; results && i < top; i++) results[i] = stack[i];
    return plan;
}
