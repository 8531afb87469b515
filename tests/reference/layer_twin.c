/* reference/layer_twin.c */
#include "reference/layer_twin.h"

#include <stdlib.h>
#include <string.h>

#include "reference/activation.h"
#include "reference/average.h"
#include "reference/gelu.h"
#include "reference/layer_ref.h"
#include "reference/norm.h"
#include "reference/pool.h"
#include "reference/recurrent.h"
#include "reference/values.h"

static int count_of(shape s)
{
    int count = 1;
    for (int i = 0; i < s.rank; i++) count *= s.dim[i];
    return count;
}

static double *zeros(int count)
{
    return values_take((size_t)count * sizeof(double));
}

/* ---- conv2d, dense ---- */

static double linear_roundings(const layer *l)
{
    return 8.0 * layer_ref_terms(l);
}

/* ---- pooling ---- */

static void maxpool_forward(const layer *l, const double *slab, const double *x, double *y)
{
    pool_args p = layer_ref_pool(l);
    int *argmax = values_take((size_t)count_of(l->out) * sizeof *argmax);
    (void)slab;
    pool_ref_forward(&p, NULL, x, y, argmax);
    free(argmax);
}

static void maxpool_backward(const layer *l, const double *slab, const double *x, const double *dy,
                             double *dx, double *gradient)
{
    pool_args p = layer_ref_pool(l);
    int *argmax = values_take((size_t)count_of(l->out) * sizeof *argmax);
    double *y = zeros(count_of(l->out));
    (void)slab, (void)gradient;
    pool_ref_forward(&p, NULL, x, y, argmax);
    pool_ref_backward(&p, dy, y, argmax, dx, NULL);
    free(argmax), free(y);
}

/* global_avgpool is one window, larger than the image, cut at its edges. */
static pool_args average_args(const layer *l)
{
    pool_args p = layer_ref_pool(l);
    if (l->out.rank == 3) return p;
    p.out_height = p.out_width = p.stride = 1, p.pad_top = p.pad_left = 0;
    p.size = p.height > p.width ? p.height : p.width;
    return p;
}

static void average_forward(const layer *l, const double *slab, const double *x, double *y)
{
    pool_args p = average_args(l);
    (void)slab;
    average_ref_forward(&p, x, y);
}

static void average_backward(const layer *l, const double *slab, const double *x, const double *dy,
                             double *dx, double *gradient)
{
    pool_args p = average_args(l);
    (void)slab, (void)x, (void)gradient;
    average_ref_backward(&p, dy, dx);
}

/* Means of n drawn values: n + 1 roundings of at most n / n; dx: as many terms as windows overlap. */
static double pool_roundings(const layer *l)
{
    pool_args p = average_args(l);
    double overlap = (p.size + p.stride - 1) / p.stride + 1;
    return p.size * p.size + 2 + 2 * overlap * overlap;
}

/* ---- activations ---- */

static void activation_forward(const layer *l, const double *slab, const double *x, double *y)
{
    (void)slab;
    for (int i = 0; i < count_of(l->in); i++)
        y[i] = activation_ref(l->cfg.type->act, l->cfg.slope, x[i]);
}

static void activation_backward(const layer *l, const double *slab, const double *x,
                                const double *dy, double *dx, double *gradient)
{
    (void)slab, (void)gradient;
    for (int i = 0; i < count_of(l->in); i++)
        dx[i] = dy[i] * activation_ref_derivative(l->cfg.type->act, l->cfg.slope, x[i]);
}

static double activation_roundings(const layer *l)
{
    (void)l;
    return 8;
}

/* ---- gelu ---- */

static void gelu_forward(const layer *l, const double *slab, const double *x, double *y)
{
    (void)slab;
    for (int i = 0; i < count_of(l->in); i++) y[i] = gelu_ref(x[i]);
}

static void gelu_backward(const layer *l, const double *slab, const double *x, const double *dy,
                          double *dx, double *gradient)
{
    (void)slab, (void)gradient;
    for (int i = 0; i < count_of(l->in); i++) dx[i] = dy[i] * gelu_ref_derivative(x[i]);
}

/* ---- prelu ---- */

static void prelu_forward(const layer *l, const double *slab, const double *x, double *y)
{
    const double *alpha = slab + l->tensor[0].at.offset;
    int channels = l->in.dim[l->in.rank - 1];
    for (int i = 0; i < count_of(l->in); i++) y[i] = x[i] > 0 ? x[i] : alpha[i % channels] * x[i];
}

static void prelu_backward(const layer *l, const double *slab, const double *x, const double *dy,
                           double *dx, double *gradient)
{
    const double *alpha = slab + l->tensor[0].at.offset;
    double *dalpha = gradient + l->tensor[0].at.offset;
    int channels = l->in.dim[l->in.rank - 1];
    for (int i = 0; i < count_of(l->in); i++) {
        dx[i] = x[i] > 0 ? dy[i] : alpha[i % channels] * dy[i];
        dalpha[i % channels] += x[i] > 0 ? 0 : dy[i] * x[i];
    }
}

/* ---- layer_norm ---- */

static norm_ref norm_of(const layer *l)
{
    int length = l->in.dim[l->in.rank - 1];
    return (norm_ref){count_of(l->in) / length, length, (double)1e-3f};
}

static void norm_forward(const layer *l, const double *slab, const double *x, double *y)
{
    norm_ref n = norm_of(l);
    norm_ref_forward(&n, x, slab + l->tensor[0].at.offset, slab + l->tensor[1].at.offset, y);
}

static void norm_backward(const layer *l, const double *slab, const double *x, const double *dy,
                          double *dx, double *gradient)
{
    norm_ref n = norm_of(l);
    double *dgamma = zeros(n.length), *dbeta = zeros(n.length);
    norm_ref_backward(&n, x, slab + l->tensor[0].at.offset, dy, dx, dgamma, dbeta);
    for (int i = 0; i < n.length; i++) {
        gradient[l->tensor[0].at.offset + (size_t)i] += dgamma[i];
        gradient[l->tensor[1].at.offset + (size_t)i] += dbeta[i];
    }
    free(dgamma), free(dbeta);
}

/* Mean and variance have (length / 16 + 8) terms; 1 / s is at most 32 at epsilon 1e-3. */
static double norm_roundings(const layer *l)
{
    return 32 * 8 * (norm_of(l).length / 16.0 + 16);
}

/* ---- recurrent ---- */

static recurrent_ref recurrent_of(const layer *l)
{
    const layer_cfg *c = &l->cfg;
    recurrent_ref_cell cell = c->reset == RESET_BEFORE             ? REF_GRU_RESET
                              : strcmp(c->type->word, "lstm") == 0 ? REF_LSTM
                              : strcmp(c->type->word, "gru") == 0  ? REF_GRU
                                                                   : REF_SIMPLE_RNN;
    return (recurrent_ref){.cell = cell,
                           .samples = 1,
                           .steps = l->in.dim[0],
                           .inputs = l->tensor[0].shape.dim[0],
                           .units = c->units,
                           .returns = c->returns,
                           .direction = c->direction,
                           .state_act = c->state_act,
                           .gate_act = c->gate_act};
}

static recurrent_tensors recurrent_tensors_of(const layer *l, double *slab)
{
    return (recurrent_tensors){slab + l->tensor[0].at.offset, slab + l->tensor[1].at.offset,
                               slab + l->tensor[2].at.offset};
}

/* A copy of the slab's tensors, from 0 to the end of the last. */
static double *slab_copy(const layer *l, const double *slab)
{
    span last = l->tensor[l->tensors - 1].at;
    double *copy = values_take((last.offset + last.length) * sizeof *copy);
    if (slab) memcpy(copy, slab, (last.offset + last.length) * sizeof *copy);
    return copy;
}

static void recurrent_forward(const layer *l, const double *slab, const double *x, double *y)
{
    recurrent_ref r = recurrent_of(l);
    double *copy = slab_copy(l, slab);
    recurrent_tensors p = recurrent_tensors_of(l, copy);
    recurrent_ref_forward(&r, &p, x, y);
    free(copy);
}

static void recurrent_backward(const layer *l, const double *slab, const double *x,
                               const double *dy, double *dx, double *gradient)
{
    recurrent_ref r = recurrent_of(l);
    double *copy = slab_copy(l, slab), *own = slab_copy(l, NULL);
    recurrent_tensors p = recurrent_tensors_of(l, copy), g = recurrent_tensors_of(l, own);
    recurrent_ref_backward(&r, &p, x, dy, dx, &g);
    for (int t = 0; t < l->tensors; t++)
        for (size_t i = 0; i < l->tensor[t].at.length; i++)
            gradient[l->tensor[t].at.offset + i] += own[l->tensor[t].at.offset + i];
    free(copy), free(own);
}

static double recurrent_roundings(const layer *l)
{
    return 64.0 * l->in.dim[0] * (l->tensor[0].shape.dim[0] + l->cfg.units + 16);
}

/* ---- rescaling ---- */

static void rescaling_forward(const layer *l, const double *slab, const double *x, double *y)
{
    (void)slab;
    for (int i = 0; i < count_of(l->out); i++) y[i] = x[i] * l->cfg.scale + l->cfg.offset;
}

static void rescaling_backward(const layer *l, const double *slab, const double *x,
                               const double *dy, double *dx, double *gradient)
{
    (void)slab, (void)x, (void)gradient;
    for (int i = 0; i < count_of(l->out); i++) dx[i] = dy[i] * l->cfg.scale;
}

/* Of a product and a sum, for scales and offsets below 4. */
static double rescaling_roundings(const layer *l)
{
    (void)l;
    return 8.0;
}

static const layer_twin twins[] = {
    {"conv2d", layer_ref_forward, layer_ref_backward, linear_roundings, NULL},
    {"maxpool", maxpool_forward, maxpool_backward, pool_roundings, NULL},
    {"dense", layer_ref_forward, layer_ref_backward, linear_roundings, NULL},
    {"simple_rnn", recurrent_forward, recurrent_backward, recurrent_roundings, NULL},
    {"lstm", recurrent_forward, recurrent_backward, recurrent_roundings, NULL},
    {"gru", recurrent_forward, recurrent_backward, recurrent_roundings, NULL},
    {"avgpool", average_forward, average_backward, pool_roundings, NULL},
    {"global_avgpool", average_forward, average_backward, pool_roundings, NULL},
    {"relu", activation_forward, activation_backward, activation_roundings, NULL},
    {"leaky_relu", activation_forward, activation_backward, activation_roundings, NULL},
    {"tanh", activation_forward, activation_backward, activation_roundings, NULL},
    {"sigmoid", activation_forward, activation_backward, activation_roundings, NULL},
    {"elu", activation_forward, activation_backward, activation_roundings, NULL},
    {"hard_sigmoid", activation_forward, activation_backward, activation_roundings, NULL},
    {"gelu", gelu_forward, gelu_backward, activation_roundings, NULL},
    {"prelu", prelu_forward, prelu_backward, activation_roundings, NULL},
    {"layer_norm", norm_forward, norm_backward, norm_roundings, NULL},
    {"rescaling", rescaling_forward, rescaling_backward, rescaling_roundings, NULL},
    {.word = "flatten", .elsewhere = "unit/model_spec.c: no stage runs"},
    {.word = "spatial_dropout", .elsewhere = "prop/layer_spatial_dropout.c: it draws numbers"},
    {.word = "gaussian_noise", .elsewhere = "prop/layer_gaussian_noise.c: it draws numbers"},
    {.word = "dropout", .elsewhere = "prop/layer_dropout.c: it draws numbers"},
};

const layer_twin *layer_twin_of(const layer_type *type)
{
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
        if (strcmp(twins[i].word, type->word) == 0) return &twins[i];
    return NULL;
}

void layer_twin_forward(const layer *l, const double *slab, const double *x, double *y)
{
    layer_twin_of(l->cfg.type)->forward(l, slab, x, y);
    for (int i = 0; i < count_of(l->out); i++)
        y[i] = activation_ref(l->cfg.act, l->cfg.slope, y[i]);
}

void layer_twin_backward(const layer *l, const double *slab, const double *x, const double *dy,
                         double *dx, double *gradient)
{
    const layer_twin *twin = layer_twin_of(l->cfg.type);
    double *z = zeros(count_of(l->out));
    twin->forward(l, slab, x, z);
    for (int i = 0; i < count_of(l->out); i++)
        z[i] = dy[i] * activation_ref_derivative(l->cfg.act, l->cfg.slope, z[i]);
    twin->backward(l, slab, x, z, dx, gradient);
    free(z);
}
