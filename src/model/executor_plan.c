/* model/executor_plan.c - the memory of the passes: how many samples a pass has, and where their numbers lie. */
#include "base/denormals.h"
#include "model/executor_internal.h"

size_t executor_boundary_length(const model *m, int boundary)
{
    return boundary < m->stages ? m->stage[boundary].in_length : (size_t)m->classes;
}

/* A gradient between two BY_SAMPLE stages lives for a leaf, in the thread; all others for the pass. */
static int is_leaf_local(const model *m, int boundary)
{
    return boundary < m->stages && m->stage[boundary - 1].type->split == STAGE_BY_SAMPLE &&
           m->stage[boundary].type->split == STAGE_BY_SAMPLE;
}

static void take_buffers(executor *r, arena *a)
{
    const model *m = r->m;
    for (int b = 0; b <= m->stages; b++) {
        size_t length = executor_boundary_length(m, b);
        r->activation[b] = arena_floats(a, (size_t)r->capacity * length);
        if (b == 0) continue; /* the gradient of the pixels is not computed */
        r->leaf_local[b] = is_leaf_local(m, b);
        size_t samples = r->leaf_local[b] ? (size_t)r->grain * (size_t)r->threads
                                          : (size_t)r->capacity;
        r->gradient[b] = arena_floats(a, samples * length);
    }
    for (int i = 0; i < m->stages; i++) {
        const stage *s = &m->stage[i];
        if (s->saved_bytes) r->saved[i] = arena_take(a, (size_t)r->capacity * s->saved_bytes);
        if (s->shared_length)
            r->shared[i] = arena_floats(a, (size_t)r->capacity * s->shared_length);
    }
}

/* Stages that run together: one BY_OUTPUT stage, or consecutive BY_SAMPLE ones. */
static void plan_groups(executor *r)
{
    const model *m = r->m;
    for (int i = 0; i < m->stages; i++) {
        int joins = i > 0 && m->stage[i].type->split == STAGE_BY_SAMPLE &&
                    m->stage[i - 1].type->split == STAGE_BY_SAMPLE;
        if (!joins) r->group[r->groups++] = i;
    }
    r->group[r->groups] = m->stages;
}

/* Where each stage's part of a leaf's gradient lies. */
static void plan_leaf_gradient(executor *r)
{
    for (int i = 0; i < r->m->stages; i++) {
        const stage *s = &r->m->stage[i];
        r->leaf_offset[i] = r->leaf_length;
        r->leaf_length += slab_round_up(s->leaf_length);
    }
}

static void take_threads(executor *r, arena *a)
{
    r->thread = arena_take(a, (size_t)r->threads * sizeof *r->thread);
    for (int t = 0; t < r->threads; t++) {
        executor_thread own = {.scratch = arena_take(a, r->m->scratch_length * sizeof(float))};
        own.pixels = arena_take(a, executor_boundary_length(r->m, 0));
        own.merges = arena_take(a, (size_t)r->pass_leaves);
        for (int d = 0; d < EXECUTOR_STACK; d++)
            own.level[d] = arena_take(a, r->leaf_length * sizeof(float));
        if (r->thread) r->thread[t] = own;
    }
}

/* All memory except the executor itself; also from an arena that only counts. */
static void take_memory(executor *r, arena *a)
{
    size_t leaves = (size_t)r->pass_leaves, items = (size_t)r->threads * EXECUTOR_STACK;
    take_buffers(r, a);
    take_threads(r, a);
    r->merges = arena_take(a, leaves);
    r->collapse_merges = arena_take(a, items);
    r->collapse_items = arena_take(a, items * sizeof *r->collapse_items);
    r->collapse_nodes = arena_take(a, items * sizeof *r->collapse_nodes);
    r->collapse_floats = arena_take(a, items * (size_t)r->threads * sizeof *r->collapse_floats);
    r->leaf_nodes = arena_take(a, leaves * sizeof *r->leaf_nodes);
    if (denormals_early()) r->deciding = arena_take(a, sizeof *r->deciding);
}

/* m, with the kernels that decide each product. Its stages point at the layers of m, which stay. */
static void copy_deciding(const model *m, model *copy)
{
    *copy = *m;
    copy->k = kernels_deciding(m->k);
    for (int i = 0; i < m->stages; i++) copy->stage[i].k = copy->k;
}

/* An executor without memory. */
static executor plan_executor(const model *m, int capacity, int grain, int threads)
{
    executor r = {.m = m,
                  .usual = m,
                  .grain = grain,
                  .threads = threads,
                  .pass_leaves = tree_leaves(capacity, grain)};
    CHECK(r.pass_leaves >= 1 && r.pass_leaves <= PASS_SAMPLES, "a pass of %d leaves",
          r.pass_leaves);
    r.capacity = r.pass_leaves * grain;
    plan_groups(&r);
    plan_leaf_gradient(&r);
    return r;
}

/* The bytes that grow with the samples of a pass and not with the threads. */
static size_t pass_bytes(const model *m, int samples)
{
    arena counter = arena_counter();
    executor r = {.m = m, .capacity = samples};
    take_buffers(&r, &counter);
    return arena_bytes(&counter);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

int executor_capacity(const model *m, int samples, int grain, int threads)
{
    size_t room = PASS_BYTES / pass_bytes(m, grain);
    int fit = room < PASS_SAMPLES ? (int)room : PASS_SAMPLES;
    if (fit < threads) fit = threads;
    int leaves = smaller(smaller(tree_leaves(samples, grain), PASS_SAMPLES / grain), fit);
    return (leaves > 1 ? leaves : 1) * grain;
}

size_t executor_bytes(const model *m, int capacity, int grain, int threads)
{
    arena counter = arena_counter();
    executor r = plan_executor(m, capacity, grain, threads);
    arena_take(&counter, sizeof r);
    take_memory(&r, &counter);
    return arena_bytes(&counter);
}

executor *executor_new(const model *m, int capacity, int grain, int threads,
                       const float *parameters, const float *packed, arena *a)
{
    executor *r = arena_take(a, sizeof *r);
    *r = plan_executor(m, capacity, grain, threads);
    r->parameters = parameters;
    r->packed = packed;
    take_memory(r, a);
    if (r->deciding) copy_deciding(m, r->deciding);
    return r;
}

int executor_pass_leaves(const executor *r)
{
    return r->pass_leaves;
}
