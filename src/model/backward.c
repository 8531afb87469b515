/* model/backward.c - gradients of a pass, summed to the maximal nodes of its leaves. */
#include <string.h>

#include "base/denormals.h"
#include "base/team.h"
#include "model/executor_internal.h"

/* The gradient at a boundary > 0, for samples from `first` on (or the thread's own leaf). */
static float *gradient_at(const executor *r, int boundary, int first, int thread)
{
    size_t length = executor_boundary_length(r->m, boundary);
    size_t sample = r->leaf_local[boundary] ? (size_t)thread * (size_t)r->grain : (size_t)first;
    return r->gradient[boundary] + sample * length;
}

static stage_io backward_io(const executor *r, int i, int first, int thread)
{
    stage_io io = executor_stage_io(r, i, first, thread);
    io.dy = gradient_at(r, i + 1, first, thread);
    io.dx = r->m->stage[i].want_input_gradient ? gradient_at(r, i, first, thread) : NULL;
    return io;
}

/* Stages [first, last) backwards on one leaf: its gradient into `leaf`. */
static void one_leaf(executor *r, int first, int last, int at, int count, int thread, float *leaf)
{
    for (int i = last; i-- > first;) {
        const stage *s = &r->m->stage[i];
        if (!s->want_input_gradient && s->layer->tensors == 0)
            continue; /* no parameters here or before */
        stage_io io = backward_io(r, i, at, thread);
        double begin_s = trace_now(r->trace);
        s->type->backward_leaf(s, &io, count, leaf + r->leaf_offset[i]);
        trace_work(r->trace, thread, r->phase.backward[i], begin_s,
                   count * r->phase.backward_flop[i]);
        if (thread == 0) executor_poll(r);
    }
}

/* The thread's leaves through its node stack: a binary counter whose carries are the tree's additions. */
static void own_leaves(executor *r, int first, int last, int thread)
{
    executor_thread *own = &r->thread[thread];
    size_t begin = r->leaf_offset[first];
    size_t length = (last < r->m->stages ? r->leaf_offset[last] : r->leaf_length) - begin;
    int top = 0;
    for (int l = own->leaves.lo; l < own->leaves.hi; l++) {
        int at = l * r->grain, left = r->pass.count - at;
        one_leaf(r, first, last, at, left < r->grain ? left : r->grain, thread, own->level[top]);
        top++;
        double begin_s = trace_now(r->trace);
        for (int m = 0; m < own->merges[l - own->leaves.lo]; m++, top--) {
            tree_plan pair = {.items = 2, .results = 1, .depth = 2};
            const float *items[2] = {own->level[top - 2] + begin, own->level[top - 1] + begin};
            float *sum = own->level[top - 2] + begin;
            r->m->k->tree_sum(pair, (const unsigned char[]){0, 1}, items, length, &sum);
        }
        trace_span(r->trace, thread, r->phase.sum, begin_s);
    }
}

/* This thread's share of the elements, over the nodes of all threads, into the pass' slabs. */
static void collapse_threads(executor *r, int first, int last, int thread)
{
    const float **items = r->collapse_floats +
                          (size_t)thread * (size_t)(r->threads * EXECUTOR_STACK);
    for (int i = first; i < last; i++) {
        const stage *s = &r->m->stage[i];
        if (s->leaf_length == 0) continue;
        range share = range_share((int)(slab_round_up(s->leaf_length) / SLAB_ALIGN), thread,
                                  r->threads);
        size_t lo = (size_t)share.lo * SLAB_ALIGN, hi = (size_t)share.hi * SLAB_ALIGN;
        if (hi > s->leaf_length) hi = s->leaf_length;
        if (lo >= hi) continue;
        for (int n = 0; n < r->collapse.items; n++)
            items[n] = r->collapse_items[n] + r->leaf_offset[i] + lo;
        float *results[TREE_MAX_NODES];
        for (int n = 0; n < r->collapse.results; n++)
            results[n] = r->pass.partials[n] + s->layer->tensor[0].at.offset + lo;
        r->m->k->tree_sum(r->collapse, r->collapse_merges, items, hi - lo, results);
    }
}

static void one_group(executor *r, int first, int last, int thread)
{
    double begin_s;
    if (r->m->stage[first].type->split == STAGE_BY_SAMPLE) {
        own_leaves(r, first, last, thread);
        trace_barrier(r->trace, thread);
        begin_s = trace_now(r->trace);
        collapse_threads(r, first, last, thread);
        trace_span(r->trace, thread, r->phase.sum, begin_s);
    } else {
        const stage *s = &r->m->stage[first];
        stage_tree tree = {
            .grain = r->grain, .plan = r->plan, .merges = r->merges, .results = r->pass.partials};
        stage_io io = backward_io(r, first, 0, thread);
        begin_s = trace_now(r->trace);
        s->type->backward_tile(s, &io, r->pass.count, &tree, thread, r->threads);
        trace_work(r->trace, thread, r->phase.backward[first], begin_s,
                   r->pass.count * r->phase.backward_flop[first] / r->threads);
    }
    trace_barrier(r->trace, thread);
}

static int group_has_tensors(const model *m, int first, int last)
{
    for (int i = first; i < last; i++)
        if (m->stage[i].layer->tensors) return 1;
    return 0;
}

/* Tells the hook that the gradients of the buckets from *begun to `end` are complete. */
static void announce(executor *r, int *begun, int end, int thread)
{
    for (; *begun < end; ++*begun)
        if (thread == 0 && r->pass.hooks.bucket_ready)
            r->pass.hooks.bucket_ready(r->pass.hooks.context, *begun);
}

/* announces: buckets are told to the hook as they become complete; else the caller does it. */
static void backward_pass(executor *r, int thread, int announces)
{
    const model *m = r->m;
    int begun = announces ? 0 : m->buckets;
    for (int g = r->groups; g-- > 0;) {
        int first = r->group[g], last = r->group[g + 1];
        int by_sample = m->stage[first].type->split == STAGE_BY_SAMPLE &&
                        group_has_tensors(m, first, last);
        if (by_sample) announce(r, &begun, m->early_buckets, thread);
        one_group(r, first, last, thread);
    }
    announce(r, &begun, m->buckets, thread);
}

/* Forward again too: backward overwrites what forward left. */
static void repeat_pass(executor *r, int thread)
{
    loss_sums known = {0};
    executor_use(r, r->deciding, thread);
    executor_forward_again(r, thread);
    executor_loss(r, thread, &known);
    backward_pass(r, thread, 0);
    executor_use(r, r->usual, thread);
}

void executor_backward(executor *r, int thread)
{
    int begun = 0; /* buckets */
    denormals_forget();
    backward_pass(r, thread, !r->deciding);
    if (!r->deciding) return;
    if (executor_flushed(r, thread)) repeat_pass(r, thread);
    announce(r, &begun, r->m->buckets, thread);
}
