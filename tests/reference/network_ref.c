/* reference/network_ref.c - a forward pass that keeps its values, then two backward passes: of values and of magnitudes. */
#include "reference/network_ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "reference/layer_ref.h"
#include "reference/pool.h"
#include "reference/softmax.h"
#include "reference/values.h"

enum { MAX_LAYERS = 32, MAX_CLASSES = 256 };

/* What the forward pass leaves for the backward pass. */
typedef struct trace {
    double *y[MAX_LAYERS + 1];   /* y[0]: the sample      */
    double *bar[MAX_LAYERS + 1]; /* magnitudes of the same */
    int *argmax[MAX_LAYERS];
    double *slab_bar; /* |parameters| */
    double margin;
} trace;

static int is_kind(const layer *l, const char *word)
{
    return strcmp(l->cfg.type->word, word) == 0;
}

static size_t count_of(shape s)
{
    size_t count = 1;
    for (int i = 0; i < s.rank; i++) count *= (size_t)s.dim[i];
    return count;
}

static size_t slab_length(const network_ref *n)
{
    size_t length = 0;
    for (int i = 0; i < n->layers; i++)
        for (int t = 0; t < n->layer[i].tensors; t++)
            length = n->layer[i].tensor[t].at.offset + count_of(n->layer[i].tensor[t].shape);
    return length;
}

static int has_weights(const layer *l)
{
    return l->tensors > 0;
}

/* The smallest distance of a maximum from another value of its window. */
static double pool_margin(const pool_args *p, const double *x, const double *y)
{
    double margin = HUGE_VAL;
    for (int i = 0; i < p->out_height * p->out_width * p->channels; i++) {
        int c = i % p->channels, q = i / p->channels % p->out_width;
        int row = i / p->channels / p->out_width * p->stride - p->pad_top;
        for (int tap = 0; tap < p->size * p->size; tap++) {
            int r = row + tap / p->size, s = q * p->stride - p->pad_left + tap % p->size;
            if (r < 0 || r >= p->height || s < 0 || s >= p->width) continue;
            double gap = y[i] - x[(r * p->width + s) * p->channels + c];
            if (gap > 0 && gap < margin) margin = gap;
        }
    }
    return margin;
}

static void forward_weights(const layer *l, const network_ref *n, trace *t, int i)
{
    size_t length = count_of(l->out);
    CHECK(l->cfg.act == ACTIVATION_NONE || l->cfg.act == ACTIVATION_RELU, "%s: activation %d",
          l->name, (int)l->cfg.act);
    CHECK(is_kind(l, "dense") || is_kind(l, "conv2d"), "%s: unknown", l->name);
    layer_ref_forward(l, n->parameters, t->y[i], t->y[i + 1]);
    layer_ref_forward(l, t->slab_bar, t->bar[i], t->bar[i + 1]);
    for (size_t j = 0; j < length && l->cfg.act == ACTIVATION_RELU; j++) {
        t->margin = fmin(t->margin, fabs(t->y[i + 1][j]));
        if (t->y[i + 1][j] > 0) continue;
        t->y[i + 1][j] = t->bar[i + 1][j] = 0;
    }
}

static void forward_pool(const layer *l, trace *t, int i)
{
    pool_args p = layer_ref_pool(l);
    size_t length = count_of(l->out);
    t->argmax[i] = values_take(length * sizeof(int));
    pool_ref_forward(&p, NULL, t->y[i], t->y[i + 1], t->argmax[i]);
    t->margin = fmin(t->margin, pool_margin(&p, t->y[i], t->y[i + 1]));
    int *ignored = values_take(length * sizeof(int));
    pool_ref_forward(&p, NULL, t->bar[i], t->bar[i + 1], ignored);
    free(ignored);
}

static void forward(const network_ref *n, const double *x, trace *t)
{
    size_t slab = slab_length(n);
    t->margin = HUGE_VAL;
    t->slab_bar = values_take(slab * sizeof(double));
    for (size_t i = 0; i < slab; i++) t->slab_bar[i] = fabs(n->parameters[i]);
    for (int i = 0; i <= n->layers; i++) {
        size_t length = count_of(i < n->layers ? n->layer[i].in : n->layer[i - 1].out);
        t->y[i] = values_take(length * sizeof(double)),
        t->bar[i] = values_take(length * sizeof(double));
        for (size_t j = 0; i == 0 && j < length; j++) t->y[0][j] = x[j], t->bar[0][j] = fabs(x[j]);
    }
    for (int i = 0; i < n->layers; i++) {
        const layer *l = &n->layer[i];
        size_t bytes = count_of(l->out) * sizeof(double);
        if (has_weights(l))
            forward_weights(l, n, t, i);
        else if (is_kind(l, "maxpool"))
            forward_pool(l, t, i);
        else if (is_kind(l, "flatten"))
            memcpy(t->y[i + 1], t->y[i], bytes), memcpy(t->bar[i + 1], t->bar[i], bytes);
        else
            CHECK(0, "%s: unknown", l->name);
    }
}

/* A backward pass with the values x and slab, or with the magnitudes of both. Frees dy [classes]. */
static void backward(const network_ref *n, const trace *t, double *const *x, const double *slab,
                     double *dy, double *gradient, double *dx)
{
    for (int i = n->layers; i-- > 0;) {
        const layer *l = &n->layer[i];
        size_t length = count_of(l->out);
        double *below = values_take(count_of(l->in) * sizeof *below);
        for (size_t j = 0; j < length && has_weights(l) && l->cfg.act == ACTIVATION_RELU; j++)
            if (!(t->y[i + 1][j] > 0)) dy[j] = 0;
        if (has_weights(l)) {
            layer_ref_backward(l, slab, x[i], dy, below, gradient);
        } else if (is_kind(l, "maxpool")) {
            pool_args p = layer_ref_pool(l);
            pool_ref_backward(&p, dy, t->y[i + 1], t->argmax[i], below, NULL);
        } else {
            memcpy(below, dy, length * sizeof *below);
        }
        free(dy);
        dy = below;
    }
    if (dx) memcpy(dx, dy, count_of(n->layer[0].in) * sizeof *dx);
    free(dy);
}

static void release(trace *t, int layers)
{
    for (int i = 0; i <= layers; i++) free(t->y[i]), free(t->bar[i]);
    for (int i = 0; i < layers; i++) free(t->argmax[i]);
    free(t->slab_bar);
}

/* The magnitude of the logits' gradient: |dz| + p, and the most that p changes when logits are rounded, 2 p max |dz|. */
static double *top_magnitude(const trace *t, int layers, int classes, const double *p,
                             const double *dz)
{
    double *bar = values_take((size_t)classes * sizeof *bar), most = 0;
    for (int c = 0; c < classes; c++) most = fmax(most, t->bar[layers][c]);
    for (int c = 0; c < classes; c++) bar[c] = fabs(dz[c]) + p[c] + 2 * p[c] * most;
    return bar;
}

double network_ref_loss(const network_ref *n, const double *x, int label, network_result *result)
{
    trace t = {.margin = 0};
    int classes = n->layer[n->layers - 1].out.dim[0];
    double p[MAX_CLASSES], *dz = values_take((size_t)classes * sizeof *dz);
    forward(n, x, &t);
    double loss = softmax_ref(classes, t.y[n->layers], label, p, dz);
    double *bar = top_magnitude(&t, n->layers, classes, p, dz);
    if (result) result->margin = t.margin;
    if (result && result->gradient)
        backward(n, &t, t.y, n->parameters, dz, result->gradient, result->dx);
    else
        free(dz);
    if (result && result->magnitude)
        backward(n, &t, t.bar, t.slab_bar, bar, result->magnitude, NULL);
    else
        free(bar);
    release(&t, n->layers);
    return loss;
}

int network_ref_terms(const network_ref *n, int samples)
{
    enum { SOFTMAX = 16 }; /* exp, sum, division, scale */
    int terms = SOFTMAX + samples + 2;
    for (int i = 0; i < n->layers; i++)
        if (has_weights(&n->layer[i])) terms += 3 * (layer_ref_terms(&n->layer[i]) + 2);
    return terms;
}
