/* exchange_values.h - values whose sum depends on the order, and the functions that add them. */
#ifndef MNIST_DIST_TESTS_EXCHANGE_VALUES_H
#define MNIST_DIST_TESTS_EXCHANGE_VALUES_H

#include <stddef.h>

#include "base/tree.h"

static inline unsigned mixed(unsigned a, unsigned b, unsigned c)
{
    unsigned x = a * 2654435761u ^ b * 40503u ^ c * 2246822519u;
    x = (x ^ x >> 15) * 2246822519u;
    return x ^ x >> 13;
}

static inline float leaf_value(int step, int leaf, size_t i)
{
    static const float magnitude[] = {1e8f, 1.0f, -1e8f, 3.25f, 1e-3f, -7.0f, 1e4f, -1e8f};
    unsigned m = mixed((unsigned)step, (unsigned)leaf, (unsigned)i);
    return magnitude[m % 8] * (1.0f + (float)(m >> 16) * 0x1p-16f);
}

/* The tree as its definition says, without the code under test. */
static inline float tree_value(int step, int lo, int hi, size_t i)
{
    int half = 1;
    if (hi - lo == 1) return leaf_value(step, lo, i);
    while (2 * half < hi - lo) half *= 2;
    return tree_value(step, lo, lo + half, i) + tree_value(step, lo + half, hi, i);
}

static inline float sum_value(int step, int leaves, size_t i)
{
    return leaves ? tree_value(step, 0, leaves, i) : 0.0f;
}

/* ---- the functions handed in ---- */

static inline void add_in_tree_order(tree_plan plan, const unsigned char *merges,
                                     const float *const *items, size_t length,
                                     float *const *results)
{
    float stack[TREE_MAX_NODES];
    for (size_t e = 0; e < length; e++) {
        int top = 0;
        for (int i = 0; i < plan.items; i++) {
            stack[top++] = items[i][e];
            for (int m = 0; m < merges[i]; m++, top--) stack[top - 2] += stack[top - 1];
        }
        for (int k = 0; k < plan.results; k++) results[k][e] = stack[k];
    }
}

/* Wrong on purpose: sums from left to right if the plan has one result. */
static inline void add_from_left(tree_plan plan, const unsigned char *merges,
                                 const float *const *items, size_t length, float *const *results)
{
    if (plan.results != 1) {
        add_in_tree_order(plan, merges, items, length, results);
        return;
    }
    for (size_t e = 0; e < length; e++) {
        float sum = items[0][e];
        for (int i = 1; i < plan.items; i++) sum += items[i][e];
        results[0][e] = sum;
    }
}

#endif
