/* reference/gemm.c */
#include "reference/gemm.h"

#include <math.h>
#include <stdlib.h>

#include "reference/values.h"

static const double EPS = 0x1p-24;

/* A[(o,i),(s,k)] with row = (o,i) and column = (s,k) counted through. */
static double element(const gemm_rows *g, int row, int column)
{
    int o = row / g->rows, i = row % g->rows, s = column / g->length, k = column % g->length;
    return (double)g->a[(size_t)o * g->outer_stride + (size_t)i * g->row_stride +
                        (size_t)s * g->segment_stride + (size_t)k];
}

void gemm_nn_ref(const gemm_ref *g, double *c, double *bound)
{
    int m = g->rows.outer * g->rows.rows, depth = g->rows.segments * g->rows.length;
    for (int r = 0; r < m; r++)
        for (int n = 0; n < g->cols; n++) {
            double sum = g->bias ? (double)g->bias[n] : 0.0, size = fabs(sum);
            for (int k = 0; k < depth; k++) {
                double term = element(&g->rows, r, k) *
                              (double)g->b[(size_t)k * (size_t)g->cols + (size_t)n];
                sum += term;
                size += fabs(term);
            }
            if (g->act == ACTIVATION_RELU && sum < 0) sum = 0.0;
            c[(size_t)r * (size_t)g->cols + (size_t)n] = sum;
            bound[(size_t)r * (size_t)g->cols + (size_t)n] = (depth + 2) * EPS * size;
        }
}

void gemm_tn_ref(const gemm_ref *g, double *c, double *bound)
{
    int m = g->rows.outer * g->rows.rows, depth = g->rows.segments * g->rows.length;
    for (int k = 0; k < depth; k++)
        for (int n = 0; n < g->cols; n++) {
            size_t at = (size_t)k * (size_t)g->cols + (size_t)n;
            double sum = g->start ? (double)g->start[at] : 0.0, size = fabs(sum);
            for (int r = 0; r < m; r++) {
                double term = element(&g->rows, r, k) *
                              (double)g->b[(size_t)r * (size_t)g->cols + (size_t)n];
                sum += term;
                size += fabs(term);
            }
            c[at] = sum;
            bound[at] = (m + 2) * EPS * size;
        }
}

static void tree_leaf(const gemm_ref *g, int grain, int leaf, double *c, double *bound)
{
    gemm_ref part = *g;
    int first = leaf * grain, left = g->rows.rows - first;
    part.rows.a += (size_t)first * g->rows.row_stride;
    part.rows.rows = left < grain ? left : grain;
    part.b += (size_t)first * (size_t)g->cols;
    gemm_tn_ref(&part, c, bound);
}

void gemm_tn_tree_ref(const gemm_ref *g, int grain, tree_node node, double *c, double *bound)
{
    if (node.hi - node.lo == 1) {
        tree_leaf(g, grain, node.lo, c, bound);
        return;
    }
    int half = 1;
    while (half * 2 < node.hi - node.lo) half *= 2;
    size_t count = (size_t)g->rows.length * (size_t)g->cols;
    double *right = values_take(2 * count * sizeof *right), *right_bound = right + count;
    gemm_tn_tree_ref(g, grain, (tree_node){node.lo, node.lo + half}, c, bound);
    gemm_tn_tree_ref(g, grain, (tree_node){node.lo + half, node.hi}, right, right_bound);
    for (size_t i = 0; i < count; i++) {
        c[i] += right[i];
        bound[i] += right_bound[i];
        bound[i] += EPS * (bound[i] + fabs(c[i])); /* the rounding of the addition itself */
    }
    free(right);
}
