/* train/update.c - this rank's slices of the parameters follow their gradients. */
#include "train/update.h"

#include "base/team.h"
#include "optim/norm.h"

enum {
    NORM_G, /* of the gradient, or of what the optimiser makes of it */
    NORM_W, /* of the parameters */
    NORM_KINDS,
    SHEET = COMM_ALLGATHER_BYTES / sizeof(double) /* sums that an allgather takes from a rank */
};

_Static_assert((int)NORM_BLOCK == (int)MODEL_BLOCK, "slices are whole blocks of a norm");

/* Who owns which blocks of the norms. */
typedef struct norm_plan {
    int blocks, tensors;
    norm_block *block;  /* [blocks] in the slab's order                                     */
    int *tensor_start;  /* [tensors + 1] a tensor's first block                             */
    int owners, own;    /* ranks that share the work (--reduce=mpi: 1); this one's place    */
    int *order, *first; /* [blocks], [owners + 1]: owner r's blocks are order[first[r] ...] */
    int most;           /* blocks of the owner that has most                                */
    size_t *place;      /* [blocks] of own blocks: where they begin in a slot               */
    float **gradient;   /* [blocks] of own blocks: sums                                     */
    double *squares[NORM_KINDS]; /* [blocks] sums of squares            */
    double *trust;               /* [tensors] of a layer-wise optimiser */
    float clip;                  /* factor of the gradient              */
    double *sheets;              /* [owners, SHEET]                     */
} norm_plan;

/* ---- the plan of norms ---- */

static void cut_tensor(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    norm_plan *p = context;
    norm_block *end = p->block ? p->block + p->blocks : NULL;
    if (p->tensor_start) p->tensor_start[p->tensors] = p->blocks;
    p->blocks += norm_cut(t->at.offset, t->at.length, p->tensors, end);
    p->tensors++;
}

/* Counted first, then written. */
static void cut_tensors(session *s, norm_plan *p)
{
    model_each_tensor(&s->m, cut_tensor, p);
    p->block = arena_take(&s->memory, (size_t)p->blocks * sizeof *p->block);
    p->tensor_start = arena_take(&s->memory, (size_t)(p->tensors + 1) * sizeof(int));
    p->blocks = p->tensors = 0;
    model_each_tensor(&s->m, cut_tensor, p);
    p->tensor_start[p->tensors] = p->blocks;
}

static void add_slice(const updater *u, norm_plan *p, int owner, int bucket)
{
    span slice = exchange_rank_slice(u->s->x, bucket, owner);
    for (int b = 0; b < p->blocks; b++) {
        size_t offset = p->block[b].offset;
        if (offset < slice.offset || offset >= slice.offset + slice.length) continue;
        p->order[p->first[owner + 1]++] = b;
        if (owner != p->own) continue;
        p->place[b] = u->slice_offset[bucket] + offset - slice.offset;
        p->gradient[b] = u->gradient[bucket] + offset - slice.offset;
    }
}

static void find_owners(const updater *u, norm_plan *p)
{
    for (int r = 0; r < p->owners; r++) {
        p->first[r + 1] = p->first[r];
        for (int b = 0; b < u->s->m.buckets; b++) add_slice(u, p, r, b);
        int blocks = p->first[r + 1] - p->first[r];
        if (blocks > p->most) p->most = blocks;
    }
    CHECK(p->first[p->owners] == p->blocks, "%d of %d blocks have an owner", p->first[p->owners],
          p->blocks);
}

static norm_plan *plan_norms(session *s, const updater *u)
{
    arena *a = &s->memory;
    if (s->cfg.clip_norm == 0 && !optimizer_needs_norms(&u->optimizer)) return NULL;
    norm_plan *p = arena_take(a, sizeof *p);
    cut_tensors(s, p);
    int together = s->cfg.reduce != REDUCE_MPI;
    p->owners = together ? s->layout->ranks : 1;
    p->own = together ? s->layout->rank : 0;
    size_t blocks = (size_t)p->blocks;
    p->order = arena_take(a, blocks * sizeof(int));
    p->first = arena_take(a, (size_t)(p->owners + 1) * sizeof(int));
    p->place = arena_take(a, blocks * sizeof(size_t));
    p->gradient = arena_take(a, blocks * sizeof(float *));
    for (int i = 0; i < NORM_KINDS; i++) p->squares[i] = arena_take(a, blocks * sizeof(double));
    p->trust = arena_take(a, (size_t)p->tensors * sizeof(double));
    p->sheets = arena_take(a, (size_t)p->owners * SHEET * sizeof(double));
    find_owners(u, p);
    return p;
}

/* ---- the updater ---- */

/* Memory for the sums, where the exchange has none. */
static void take_gradient(session *s, updater *u)
{
    for (int b = 0; b < s->m.buckets; b++) {
        size_t bytes = exchange_slice(s->x, b).length * sizeof(float);
        u->gradient[b] = exchange_in_place(s->x, b);
        if (!u->gradient[b]) u->gradient[b] = arena_take(&s->memory, bytes);
    }
}

updater *update_new(session *s)
{
    updater *u = arena_take(&s->memory, sizeof *u);
    u->s = s;
    u->optimizer = settings_optimizer(&s->cfg);
    u->base_rate = u->optimizer.learning_rate;
    u->schedule = settings_schedule(&s->cfg);
    u->plateau = plateau_begin();
    for (int b = 0; b < s->m.buckets; b++)
        u->slice_offset[b + 1] = u->slice_offset[b] + exchange_slice(s->x, b).length;
    u->slots = optimizer_slots(&u->optimizer);
    size_t bytes = u->slice_offset[s->m.buckets] * sizeof(float);
    for (int i = 0; i < u->slots; i++) u->slot[i] = arena_take(&s->memory, bytes);
    take_gradient(s, u);
    u->norms = plan_norms(s, u);
    return u;
}

double update_rate(const updater *u)
{
    schedule_place at = {.step = u->s->step,
                         .steps_per_epoch = sampler_steps(&u->s->order),
                         .epochs = u->s->cfg.epochs,
                         .reductions = u->plateau.reductions};
    return u->base_rate * schedule_factor(&u->schedule, at);
}

/* ---- norms ---- */

/* The own blocks of a thread, as places in order[]. */
static range own_blocks(const updater *u, int thread)
{
    const norm_plan *p = u->norms;
    return range_part((range){p->first[p->own], p->first[p->own + 1]}, thread, u->s->threads);
}

/* Gives all owners the squares of all blocks, a sheet of each owner at a time. */
static void gather_squares(const updater *u, int kinds)
{
    norm_plan *p = u->norms;
    double own[SHEET];
    if (p->owners == 1) return;
    int room = SHEET / kinds;
    for (int lo = 0; lo < p->most; lo += room) {
        int count = p->most - lo < room ? p->most - lo : room;
        for (int i = 0; i < count && p->first[p->own] + lo + i < p->first[p->own + 1]; i++)
            for (int k = 0; k < kinds; k++)
                own[i * kinds + k] = p->squares[k][p->order[p->first[p->own] + lo + i]];
        size_t length = (size_t)(count * kinds);
        comm_allgather(u->s->c, own, length * sizeof *own, p->sheets);
        for (int r = 0; r < p->owners; r++)
            for (int i = 0; i < count && p->first[r] + lo + i < p->first[r + 1]; i++)
                for (int k = 0; k < kinds; k++)
                    p->squares[k][p->order[p->first[r] + lo + i]] =
                        p->sheets[(size_t)r * length + (size_t)(i * kinds + k)];
    }
}

/* kinds 1: of the gradient; 2: of the parameters, too. On return thread 0 has all squares. */
static void measure(const updater *u, int thread, int kinds)
{
    norm_plan *p = u->norms;
    range own = own_blocks(u, thread);
    for (int i = own.lo; i < own.hi; i++) {
        const norm_block *block = &p->block[p->order[i]];
        const float *values[NORM_KINDS] = {p->gradient[p->order[i]],
                                           u->s->parameters + block->offset};
        for (int k = 0; k < kinds; k++)
            p->squares[k][p->order[i]] = norm_squares(u->s->m.k, block, values[k]);
    }
    team_barrier();
    if (thread == 0) gather_squares(u, kinds);
}

/* ---- the update ---- */

/* A thread's share of the own slice of a bucket, counted from where the slice begins. */
static span own_share(const session *s, int bucket, int thread)
{
    int lines = (int)(exchange_slice(s->x, bucket).length / SLAB_ALIGN);
    range share = range_share(lines, thread, s->threads);
    return (span){(size_t)share.lo * SLAB_ALIGN, (size_t)(share.hi - share.lo) * SLAB_ALIGN};
}

static void clip_gradient(updater *u, int thread)
{
    norm_plan *p = u->norms;
    measure(u, thread, 1);
    if (thread == 0)
        p->clip = norm_clip_factor(norm_of(p->squares[NORM_G], 0, p->blocks), u->s->cfg.clip_norm);
    team_barrier();
    if (p->clip == 1.0f) return;
    for (int b = 0; b < u->s->m.buckets; b++) {
        span share = own_share(u->s, b, thread);
        u->s->m.k->scale(u->gradient[b] + share.offset, p->clip, share.length);
    }
    team_barrier(); /* the passes that follow share the slices otherwise */
}

/* at: where the part begins in a slot */
static optimizer_part part_of(const updater *u, float *w, float *g, size_t at, size_t length)
{
    const session *s = u->s;
    optimizer_part part = {
        .k = s->m.k, .step = u->iteration_offset + s->step + 1, .w = w, .g = g, .length = length};
    for (int i = 0; i < u->slots; i++) part.slot[i] = u->slot[i] + at;
    return part;
}

static void update_elements(updater *u, int thread)
{
    const session *s = u->s;
    for (int b = 0; b < s->m.buckets; b++) {
        span share = own_share(s, b, thread);
        float *w = s->parameters + exchange_slice(s->x, b).offset + share.offset;
        optimizer_part part = part_of(u, w, u->gradient[b] + share.offset,
                                      u->slice_offset[b] + share.offset, share.length);
        optimizer_update(&u->optimizer, &part);
    }
}

static void trust_tensors(updater *u)
{
    norm_plan *p = u->norms;
    for (int t = 0; t < p->tensors; t++) {
        int lo = p->tensor_start[t], hi = p->tensor_start[t + 1];
        double w = norm_of(p->squares[NORM_W], lo, hi), g = norm_of(p->squares[NORM_G], lo, hi);
        p->trust[t] = optimizer_trust(&u->optimizer, w, g);
    }
}

typedef enum update_pass { PASS_DIRECTION, PASS_FOLLOW } update_pass;

static void pass_blocks(updater *u, int thread, update_pass pass)
{
    norm_plan *p = u->norms;
    range own = own_blocks(u, thread);
    for (int i = own.lo; i < own.hi; i++) {
        const norm_block *block = &p->block[p->order[i]];
        optimizer_part part = part_of(u, u->s->parameters + block->offset, p->gradient[p->order[i]],
                                      p->place[p->order[i]], slab_round_up((size_t)block->length));
        if (pass == PASS_DIRECTION)
            optimizer_direction(&u->optimizer, &part);
        else
            optimizer_follow(&u->optimizer, p->trust[block->tensor], &part);
    }
}

static void update_tensors(updater *u, int thread)
{
    pass_blocks(u, thread, PASS_DIRECTION);
    measure(u, thread, NORM_KINDS); /* the same blocks by the same threads */
    if (thread == 0) trust_tensors(u);
    team_barrier();
    pass_blocks(u, thread, PASS_FOLLOW);
}

void update_slices(updater *u, int thread)
{
    if (u->s->cfg.clip_norm > 0) clip_gradient(u, thread);
    if (optimizer_needs_norms(&u->optimizer))
        update_tensors(u, thread);
    else
        update_elements(u, thread);
}
