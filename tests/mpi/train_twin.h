/* train_twin.h - a training run by one thread of one rank, without comm; written to be read, not to be fast.
 *
 * Every epoch has its own, augmented copy of the training images. The leaves of a batch are run one by one, each into a
 * slab of its own; the slabs are summed by plain C in the order of the tree, written as the recursion that defines it;
 * the optimizer updates the whole slab at once, or, where it needs norms, tensor by tensor. Norms are written down as
 * optim/norm.h promises them: squares in blocks of 1,024 elements of a tensor, in 16 lanes; blocks one after another.
 */
#ifndef MNIST_DIST_TESTS_MPI_TRAIN_TWIN_H
#define MNIST_DIST_TESTS_MPI_TRAIN_TWIN_H

#include <math.h>

#include "base/team.h"
#include "train/step.h"

typedef enum twin_order {
    TWIN_TREE,
    TWIN_FROM_LEFT /* one leaf after another: not what the program promises */
} twin_order;

enum { TWIN_DEPTH = 20 }; /* of the recursion: above log2 of the leaves of these tests */

typedef struct twin {
    const session *s; /* model, data and settings are borrowed; parameters and state are not */
    const updater *u; /* optimizer and schedule are borrowed */
    augment_cfg augment;
    twin_order order;
    arena memory;
    executor *r;
    float *parameters, *packed, *sum, *slots[OPTIMIZER_MAX_SLOTS], *slab[TWIN_DEPTH];
    uint8_t *images; /* the training images as this epoch sees them */
    sampler samples;
    const int *batch;
    int count, leaves;
    int64_t step;
} twin;

static inline float *twin_slab(twin *t)
{
    return arena_take(&t->memory, t->s->m.slab_length * sizeof(float));
}

static inline size_t twin_pixels(const session *s)
{
    return (size_t)(s->data.height * s->data.width);
}

static inline void twin_open(twin *t, const stepper *p, twin_order order)
{
    const session *s = p->s;
    *t = (twin){.s = s, .u = p->u, .augment = settings_augment(&s->cfg), .order = order};
    t->parameters = twin_slab(t);
    t->packed = arena_take(&t->memory, s->m.packed_length * sizeof(float));
    t->sum = twin_slab(t);
    for (int i = 0; i < p->u->slots; i++) t->slots[i] = twin_slab(t);
    for (int i = 0; i < TWIN_DEPTH; i++) t->slab[i] = twin_slab(t);
    team_set_threads(1);
    t->r = executor_new(&s->m, (int)s->cfg.grain, (int)s->cfg.grain, 1, t->parameters, t->packed,
                        &t->memory);
    t->images = arena_take(&t->memory, twin_pixels(s) * (size_t)s->training.count);
    int *permutation = arena_take(&t->memory, (size_t)s->training.count * sizeof *permutation);
    sampler_init(&t->samples, SAMPLER_SHUFFLED, (uint64_t)s->cfg.seed, s->training.count,
                 (int)s->cfg.batch_size, permutation);
    model_initialise(&s->m, (uint64_t)s->cfg.seed, t->parameters);
    model_prepare(&s->m, t->parameters, t->packed, 0, 1);
    team_set_threads(s->threads);
}

static inline void twin_close(twin *t)
{
    arena_free(&t->memory);
}

typedef struct twin_pass {
    twin *t;
    pass_args pass;
    loss_sums sums;
} twin_pass;

static inline void twin_run_pass(void *context, int thread)
{
    twin_pass *p = context;
    executor_begin_pass(p->t->r, &p->pass, thread);
    executor_forward(p->t->r, thread);
    executor_loss(p->t->r, thread, &p->sums);
    if (p->pass.leaves > 0) executor_backward(p->t->r, thread);
}

/* The gradient of one leaf. */
static inline void twin_leaf(twin *t, int leaf, float *gradient)
{
    int grain = (int)t->s->cfg.grain, first = leaf * grain;
    int count = first + grain < t->count ? grain : t->count - first;
    twin_pass p = {.t = t};
    p.pass = (pass_args){.pixels = t->images,
                         .labels = t->s->training.labels,
                         .samples = t->batch + first,
                         .count = count,
                         .leaves = t->leaves,
                         .range = {leaf, leaf + 1},
                         .scale = 1.0f / (float)t->count,
                         .smoothing = (float)t->s->cfg.label_smoothing,
                         .partials = &gradient};
    team_run(twin_run_pass, &p);
}

static inline void twin_add(const twin *t, float *sum, const float *other)
{
    for (size_t i = 0; i < t->s->m.slab_length; i++) sum[i] = sum[i] + other[i];
}

/* node(lo,hi) = node(lo,mid) + node(mid,hi), mid = lo + the largest power of two below hi - lo. */
static inline void twin_node(twin *t, int lo, int hi, int depth, float *sum)
{
    if (hi - lo == 1) {
        twin_leaf(t, lo, sum);
        return;
    }
    int half = 1;
    while (2 * half < hi - lo) half *= 2;
    twin_node(t, lo, lo + half, depth + 1, sum);
    twin_node(t, lo + half, hi, depth + 1, t->slab[depth]);
    twin_add(t, sum, t->slab[depth]);
}

static inline void twin_sum(twin *t)
{
    if (t->order == TWIN_TREE) {
        twin_node(t, 0, t->leaves, 0, t->sum);
        return;
    }
    twin_leaf(t, 0, t->sum);
    for (int leaf = 1; leaf < t->leaves; leaf++) {
        twin_leaf(t, leaf, t->slab[0]);
        twin_add(t, t->sum, t->slab[0]);
    }
}

static inline void twin_epoch(twin *t, int epoch)
{
    const session *s = t->s;
    for (int i = 0; i < s->training.count; i++) {
        size_t at = twin_pixels(s) * (size_t)i;
        rng_key key = {(uint64_t)s->cfg.seed, RNG_AUGMENT, (uint32_t)epoch, (uint32_t)i};
        augment_map map = augment_draw(&t->augment, key, s->data.height, s->data.width);
        augment_apply(&map, s->training.pixels + at, s->data.height, s->data.width, 1,
                      t->images + at);
    }
}

/* Adds the squares of a tensor to *sum. */
static inline void twin_squares(const float *x, size_t length, double *sum)
{
    for (size_t block = 0; block < length; block += 1024) {
        double lane[16] = {0};
        for (size_t i = block; i < length && i < block + 1024; i++)
            lane[(i - block) % 16] += (double)x[i] * (double)x[i];
        for (int half = 8; half >= 1; half /= 2)
            for (int l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
        *sum = *sum + lane[0];
    }
}

typedef struct twin_norms {
    twin *t;
    optimizer_cfg cfg;
    double squares; /* of the whole gradient */
} twin_norms;

static inline void twin_measure(void *context, const layer *l, const layer_tensor *tensor)
{
    (void)l;
    twin_norms *n = context;
    twin_squares(n->t->sum + tensor->at.offset, tensor->at.length, &n->squares);
}

static inline optimizer_part twin_part(const twin *t, size_t offset, size_t length)
{
    optimizer_part part = {.k = t->s->m.k,
                           .step = t->step,
                           .w = t->parameters + offset,
                           .g = t->sum + offset,
                           .length = length};
    for (int i = 0; i < OPTIMIZER_MAX_SLOTS; i++)
        part.slot[i] = t->slots[i] ? t->slots[i] + offset : NULL;
    return part;
}

static inline void twin_follow(void *context, const layer *l, const layer_tensor *tensor)
{
    (void)l;
    twin_norms *n = context;
    twin *t = n->t;
    span at = tensor->at;
    double w = 0, g = 0;
    twin_squares(t->parameters + at.offset, at.length, &w);
    twin_squares(t->sum + at.offset, at.length, &g);
    optimizer_part part = twin_part(t, at.offset, slab_round_up(at.length));
    optimizer_follow(&n->cfg, optimizer_trust(&n->cfg, sqrt(w), sqrt(g)), &part);
}

static inline double twin_rate(const twin *t)
{
    schedule_place at = {t->step - 1, sampler_steps(&t->samples), t->s->cfg.epochs, 0};
    return t->u->base_rate * schedule_factor(&t->u->schedule, at);
}

static inline void twin_update(twin *t)
{
    const session *s = t->s;
    size_t length = s->m.slab_length;
    twin_norms n = {.t = t, .cfg = t->u->optimizer};
    n.cfg.learning_rate = twin_rate(t);
    model_each_tensor(&s->m, twin_measure, &n);
    double norm = sqrt(n.squares), most = s->cfg.clip_norm;
    float factor = most > 0 && norm > most ? (float)(most / norm) : 1;
    for (size_t i = 0; i < length; i++) t->sum[i] = t->sum[i] * factor;
    optimizer_part whole = twin_part(t, 0, length);
    if (!optimizer_needs_norms(&n.cfg)) {
        optimizer_update(&n.cfg, &whole);
        return;
    }
    optimizer_direction(&n.cfg, &whole);
    model_each_tensor(&s->m, twin_follow, &n);
}

/* Runs the next step of the run. */
static inline void twin_step(twin *t)
{
    const session *s = t->s;
    int steps = sampler_steps(&t->samples), grain = (int)s->cfg.grain;
    if (t->step % steps == 0) twin_epoch(t, (int)(t->step / steps));
    team_set_threads(1);
    sampler_batch(&t->samples, (int)(t->step / steps), (int)(t->step % steps), &t->batch,
                  &t->count);
    t->leaves = (t->count + grain - 1) / grain;
    twin_sum(t);
    t->step++;
    twin_update(t);
    model_prepare(&s->m, t->parameters, t->packed, 0, 1);
    team_set_threads(s->threads);
}

/* Sums over a labelled set, leaf by leaf. */
static inline loss_sums twin_evaluate(twin *t, const dataset_split *set)
{
    twin_pass p = {.t = t};
    int grain = (int)t->s->cfg.grain;
    team_set_threads(1);
    for (int first = 0; first < set->count; first += grain) {
        int count = first + grain < set->count ? grain : set->count - first;
        p.pass = (pass_args){.pixels = set->pixels,
                             .labels = set->labels,
                             .first = first,
                             .count = count,
                             .smoothing = (float)t->s->cfg.label_smoothing};
        team_run(twin_run_pass, &p);
    }
    team_set_threads(t->s->threads);
    return p.sums;
}

#endif
