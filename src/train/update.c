/* train/update.c - this rank's slices of the parameters follow their gradients. */
#include "train/update.h"

#include "base/team.h"
#include "optim/norm.h"

enum {
    NORM_G, /* of the gradient, or of what the optimizer makes of it */
    NORM_W, /* of the parameters */
    NORM_KINDS,
    MESSAGE = 4096 / sizeof(double) /* what comm_allgather takes from a rank */
};

typedef struct update_plan {
    int blocks, tensors;
    norm_block *block;  /* [blocks] in the slab's order                                 */
    int *tensor_start;  /* [tensors + 1] a tensor's first block                         */
    int owners, own;    /* ranks that share the work (--reduce=mpi: 1); this one's place */
    int *order, *first; /* [blocks], [owners + 1]: owner r's blocks are order[first[r] ...] */
    int most;           /* blocks of an owner                                           */
    size_t *place;      /* [blocks] of own blocks: where they begin in s->slot          */
    float **gradient;   /* [blocks] of own blocks: sums                                 */
    double *squares[NORM_KINDS]; /* [blocks] sums of squares                                     */
    double *trust;               /* [tensors] of a layer-wise optimizer                          */
    float clip;                  /* what the gradient is multiplied with                         */
    double *message;             /* [owners * MESSAGE]                                           */
} update_plan;

/* ---- the plan ---- */

static void cut_tensor(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    update_plan *p = context;
    norm_block *end = p->block ? p->block + p->blocks : NULL;
    if (p->tensor_start) p->tensor_start[p->tensors] = p->blocks;
    p->blocks += norm_cut(t->at.offset, t->at.length, p->tensors, end);
    p->tensors++;
}

/* Counted first, then written. */
static void cut_tensors(session *s, update_plan *p)
{
    model_each_tensor(&s->m, cut_tensor, p);
    p->block = arena_take(&s->memory, (size_t)p->blocks * sizeof *p->block);
    p->tensor_start = arena_take(&s->memory, (size_t)(p->tensors + 1) * sizeof(int));
    p->blocks = p->tensors = 0;
    model_each_tensor(&s->m, cut_tensor, p);
    p->tensor_start[p->tensors] = p->blocks;
}

static void add_slice(const session *s, update_plan *p, int owner, int bucket)
{
    span slice = exchange_rank_slice(s->x, bucket, owner);
    for (int b = 0; b < p->blocks; b++) {
        size_t offset = p->block[b].offset;
        if (offset < slice.offset || offset >= slice.offset + slice.length) continue;
        p->order[p->first[owner + 1]++] = b;
        if (owner != p->own) continue;
        p->place[b] = s->slice_offset[bucket] + offset - slice.offset;
        p->gradient[b] = s->gradient[bucket] + offset - slice.offset;
    }
}

static void find_owners(session *s, update_plan *p)
{
    for (int r = 0; r < p->owners; r++) {
        p->first[r + 1] = p->first[r];
        for (int b = 0; b < s->m.buckets; b++) add_slice(s, p, r, b);
        int blocks = p->first[r + 1] - p->first[r];
        if (blocks > p->most) p->most = blocks;
    }
    CHECK(p->first[p->owners] == p->blocks, "%d of %d blocks have an owner", p->first[p->owners],
          p->blocks);
}

struct update_plan *update_plan_new(session *s)
{
    arena *a = &s->memory;
    if (s->cfg.clip_norm == 0 && !optimizer_needs_norms(&s->optimizer)) return NULL;
    update_plan *p = arena_take(a, sizeof *p);
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
    p->message = arena_take(a, (size_t)p->owners * MESSAGE * sizeof(double));
    find_owners(s, p);
    return p;
}

/* ---- norms ---- */

/* The own blocks of a thread, as places in order[]. */
static tree_node own_blocks(const session *s, int thread)
{
    const update_plan *p = s->norms;
    return tree_share((tree_node){p->first[p->own], p->first[p->own + 1]}, thread, s->threads);
}

/* Squares of all blocks to all owners, a message at a time. */
static void gather_squares(session *s, int kinds)
{
    update_plan *p = s->norms;
    double own[MESSAGE];
    if (p->owners == 1) return;
    int room = MESSAGE / kinds;
    for (int lo = 0; lo < p->most; lo += room) {
        int count = p->most - lo < room ? p->most - lo : room;
        for (int i = 0; i < count && p->first[p->own] + lo + i < p->first[p->own + 1]; i++)
            for (int k = 0; k < kinds; k++)
                own[i * kinds + k] = p->squares[k][p->order[p->first[p->own] + lo + i]];
        size_t length = (size_t)(count * kinds);
        comm_allgather(s->c, own, length * sizeof *own, p->message);
        for (int r = 0; r < p->owners; r++)
            for (int i = 0; i < count && p->first[r] + lo + i < p->first[r + 1]; i++)
                for (int k = 0; k < kinds; k++)
                    p->squares[k][p->order[p->first[r] + lo + i]] =
                        p->message[(size_t)r * length + (size_t)(i * kinds + k)];
    }
}

/* kinds 1: of the gradient; 2: of the parameters, too. On return thread 0 has all squares. */
static void measure(session *s, int thread, int kinds)
{
    update_plan *p = s->norms;
    tree_node own = own_blocks(s, thread);
    for (int i = own.lo; i < own.hi; i++) {
        const norm_block *block = &p->block[p->order[i]];
        const float *values[NORM_KINDS] = {p->gradient[p->order[i]], s->parameters + block->offset};
        for (int k = 0; k < kinds; k++)
            p->squares[k][p->order[i]] = norm_squares(s->k, block, values[k]);
    }
    team_barrier();
    if (thread == 0) gather_squares(s, kinds);
}

/* ---- the update ---- */

/* A thread's share of the own slice of a bucket, counted from the slice's begin. */
static span own_share(const session *s, int bucket, int thread)
{
    int lines = (int)(exchange_slice(s->x, bucket).length / SLAB_ALIGN);
    tree_node share = tree_share((tree_node){0, lines}, thread, s->threads);
    return (span){(size_t)share.lo * SLAB_ALIGN, (size_t)(share.hi - share.lo) * SLAB_ALIGN};
}

static void clip_gradient(session *s, int thread)
{
    update_plan *p = s->norms;
    measure(s, thread, 1);
    if (thread == 0)
        p->clip = norm_clip_factor(norm_of(p->squares[NORM_G], 0, p->blocks), s->cfg.clip_norm);
    team_barrier();
    if (p->clip == 1.0f) return;
    for (int b = 0; b < s->m.buckets; b++) {
        span share = own_share(s, b, thread);
        s->k->scale(s->gradient[b] + share.offset, p->clip, share.length);
    }
    team_barrier(); /* the passes that follow share the slices otherwise */
}

static void take_slots(const session *s, size_t at, float **slots)
{
    for (int i = 0; i < s->slots; i++) slots[i] = s->slot[i] + at;
}

static void update_elements(session *s, int thread)
{
    for (int b = 0; b < s->m.buckets; b++) {
        span share = own_share(s, b, thread);
        float *slots[OPTIMIZER_MAX_SLOTS] = {0};
        take_slots(s, s->slice_offset[b] + share.offset, slots);
        optimizer_update(&s->optimizer, s->k, s->step + 1,
                         s->parameters + exchange_slice(s->x, b).offset + share.offset,
                         s->gradient[b] + share.offset, slots, share.length);
    }
}

static void trust_tensors(session *s)
{
    update_plan *p = s->norms;
    for (int t = 0; t < p->tensors; t++) {
        int lo = p->tensor_start[t], hi = p->tensor_start[t + 1];
        double w = norm_of(p->squares[NORM_W], lo, hi), g = norm_of(p->squares[NORM_G], lo, hi);
        p->trust[t] = optimizer_trust(&s->optimizer, w, g);
    }
}

typedef enum update_pass { PASS_DIRECTION, PASS_FOLLOW } update_pass;

static void pass_blocks(session *s, int thread, update_pass pass)
{
    update_plan *p = s->norms;
    tree_node own = own_blocks(s, thread);
    for (int i = own.lo; i < own.hi; i++) {
        const norm_block *block = &p->block[p->order[i]];
        size_t at = p->place[p->order[i]], length = slab_round_up((size_t)block->length);
        float *w = s->parameters + block->offset, *g = p->gradient[p->order[i]];
        float *slots[OPTIMIZER_MAX_SLOTS] = {0};
        take_slots(s, at, slots);
        if (pass == PASS_DIRECTION)
            optimizer_direction(&s->optimizer, s->k, s->step + 1, w, g, slots, length);
        else
            optimizer_follow(&s->optimizer, s->k, p->trust[block->tensor], w, g, slots, length);
    }
}

static void update_tensors(session *s, int thread)
{
    pass_blocks(s, thread, PASS_DIRECTION);
    measure(s, thread, NORM_KINDS); /* the same blocks by the same threads */
    if (thread == 0) trust_tensors(s);
    team_barrier();
    pass_blocks(s, thread, PASS_FOLLOW);
}

void update_slices(session *s, int thread)
{
    if (s->cfg.clip_norm > 0) clip_gradient(s, thread);
    if (optimizer_needs_norms(&s->optimizer))
        update_tensors(s, thread);
    else
        update_elements(s, thread);
}
