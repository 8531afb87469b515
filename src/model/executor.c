/* model/executor.c - forward and loss of a pass. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/denormals.h"
#include "base/team.h"
#include "model/executor_internal.h"

static int stage_phase(const executor *r, int i, const char *what)
{
    char name[TRACE_NAME];
    snprintf(name, sizeof name, "%s %s", r->m->stage[i].layer->name, what);
    return trace_phase(r->trace, name);
}

void executor_trace(executor *r, trace *t)
{
    executor_phases *p = &r->phase;
    r->trace = t;
    if (!t) return;
    p->load = trace_phase(t, "load");
    for (int i = 0; i < r->m->stages; i++) p->forward[i] = stage_phase(r, i, "forward");
    p->loss = trace_phase(t, "loss");
    for (int i = r->m->stages; i-- > 0;) p->backward[i] = stage_phase(r, i, "backward");
    p->sum = trace_phase(t, "sum leaves");
    for (int i = 0; i < r->m->stages; i++) {
        const stage *s = &r->m->stage[i];
        double macs = s->layer->macs;
        p->forward_flop[i] = 2 * macs;
        p->backward_flop[i] = s->want_input_gradient ? 4 * macs : 2 * (macs + s->layer->state_macs);
    }
    if (!r->joint.x) return;
    p->joint = stage_phase(r, r->m->joint_stage, "kernel sums");
    p->backward_flop[r->m->joint_stage] -= 2 * r->m->stage[r->m->joint_stage].layer->macs;
}

const float *executor_logits(const executor *r)
{
    return r->activation[r->m->stages];
}

/* Sums of the pass: leaves for BY_OUTPUT stages; per thread, and then over threads, for BY_SAMPLE stages. */
static void plan_sums(executor *r)
{
    const pass_args *p = &r->pass;
    int count = p->range.hi - p->range.lo, items = 0;
    CHECK(count == tree_leaves(p->count, r->grain), "%d samples are not %d leaves of %d", p->count,
          count, r->grain);
    for (int i = 0; i < count; i++)
        r->leaf_nodes[i] = (tree_node){p->range.lo + i, p->range.lo + i + 1};
    r->plan = tree_plan_merges(p->leaves, r->leaf_nodes, count, r->merges, NULL);
    for (int t = 0; t < r->threads; t++) {
        executor_thread *own = &r->thread[t];
        tree_node results[TREE_MAX_NODES];
        own->leaves = range_share(count, t, r->threads);
        own->plan = tree_plan_merges(p->leaves, r->leaf_nodes + own->leaves.lo,
                                     own->leaves.hi - own->leaves.lo, own->merges, results);
        CHECK(own->plan.depth <= EXECUTOR_STACK, "%d nodes at once", own->plan.depth);
        for (int i = 0; i < own->plan.results; i++, items++) {
            r->collapse_nodes[items] = results[i];
            r->collapse_items[items] = own->level[i];
        }
    }
    r->collapse = tree_plan_merges(p->leaves, r->collapse_nodes, items, r->collapse_merges, NULL);
    CHECK(r->collapse.results == r->plan.results, "%d and %d nodes", r->collapse.results,
          r->plan.results);
}

/* No leaf of the pass is claimed. Thread 0, before a barrier. */
static void clear_claims(executor *r)
{
    for (int g = 0; g < r->groups; g++) atomic_store(&r->claimed[g], 0);
}

void executor_begin_pass(executor *r, const pass_args *pass, int thread)
{
    if (thread == 0) {
        CHECK(pass->count <= r->capacity, "%d samples in a pass of %d", pass->count, r->capacity);
        r->pass = *pass;
        if (pass->leaves) plan_sums(r);
        clear_claims(r);
        executor_joint_begin(r);
    }
    trace_barrier(r->trace, thread);
}

/* A thread's samples. In a pass that trains, whole leaves, so that backward finds them where forward left them. */
static range thread_samples(const executor *r, int thread)
{
    if (!r->pass.leaves) return range_share(r->pass.count, thread, r->threads);
    int leaves = (r->pass.count + r->grain - 1) / r->grain;
    range share = range_share(leaves, thread, r->threads);
    int hi = share.hi * r->grain;
    return (range){share.lo * r->grain, hi < r->pass.count ? hi : r->pass.count};
}

/* 1: in a pass that does not train, and where all threads can have a leaf, each claims the next leaf when it has finished one.
 * So a slow core does not hold up the others. Not where thread 0 has to poll between leaves: it might get none. */
static int is_claimed(const executor *r)
{
    return !r->pass.leaves && !r->pass.hooks.late_parameters &&
           r->pass.count >= r->threads * r->grain;
}

/* The sample at whose place in the buffers a thread keeps what is not needed after a leaf, in a pass that does not train. */
static int thread_place(const executor *r, int thread)
{
    return is_claimed(r) ? thread * r->grain : thread_samples(r, thread).lo;
}

/* 1: in a pass that does not train, the threads share the outputs of each sample, as there are fewer samples than threads. */
static int is_together(const executor *r)
{
    return !r->pass.leaves && r->pass.count < r->threads;
}

/* 1: in a pass that does not train, only stages of one group need what lies at this boundary. Each leaf of a thread then lies
 * where the leaf before it lay, at the thread's place, and stays in the cache. */
static int is_passing(const executor *r, int boundary)
{
    if (r->pass.leaves || is_together(r)) return 0;
    return boundary == 0 ? r->m->stage[0].type->split == STAGE_BY_SAMPLE : r->leaf_local[boundary];
}

double executor_active_share(const executor *r)
{
    int last = r->m->stages - 1;
    while (last >= 0 && !r->m->stage[last].fused) last--;
    if (last < 0 || r->pass.count == 0 || is_passing(r, last + 1)) return -1;
    const float *y = r->activation[last + 1];
    size_t outputs = (size_t)r->pass.count * r->m->stage[last].out_length, active = 0;
    for (size_t i = 0; i < outputs; i++) active += y[i] > 0.0f;
    return (double)active / (double)outputs;
}

/* The activations at a boundary, of the samples from `first` on. */
static float *activation_at(const executor *r, int boundary, int first, int thread)
{
    int sample = is_passing(r, boundary) ? thread_place(r, thread) : first;
    return r->activation[boundary] + (size_t)sample * executor_boundary_length(r->m, boundary);
}

stage_io executor_stage_io(const executor *r, int i, int first, int thread)
{
    const stage *s = &r->m->stage[i];
    stage_io io = {.parameters = r->parameters, .packed = r->packed + s->packed_offset};
    io.x = activation_at(r, i, first, thread);
    io.y = activation_at(r, i + 1, first, thread);
    if (r->saved[i]) {
        int sample = r->pass.leaves || is_together(r) ? first : thread_place(r, thread);
        io.saved = r->saved[i] + (size_t)sample * s->saved_bytes;
    }
    io.scratch = r->thread[thread].scratch + s->scratch_offset;
    io.shared = r->shared[i];
    io.draw = (stage_draw){.trains = r->pass.leaves > 0,
                           .seed = r->pass.seed,
                           .epoch = r->pass.epoch,
                           .samples = r->pass.samples ? r->pass.samples + first : NULL,
                           .first = r->pass.first + first};
    executor_joint_place(r, i, &io);
    return io;
}

static void load_pixels(const executor *r, range samples, int thread)
{
    const pass_args *p = &r->pass;
    size_t length = executor_boundary_length(r->m, 0);
    float *x = activation_at(r, 0, samples.lo, thread);
    double begin_s = trace_now(r->trace);
    for (int i = samples.lo; i < samples.hi; i++, x += length) {
        int sample = p->samples ? p->samples[i] : p->first + i;
        const uint8_t *pixels = p->pixels + (size_t)sample * length;
        if (p->transform.image) {
            uint8_t *changed = r->thread[thread].pixels;
            p->transform.image(p->transform.context, sample, pixels, changed);
            pixels = changed;
        }
        r->m->k->scale_bytes(pixels, length, x);
    }
    trace_span(r->trace, thread, r->phase.load, begin_s);
}

void executor_poll(const executor *r)
{
    const pass_hooks *hooks = &r->pass.hooks;
    if (hooks->poll) hooks->poll(hooks->context);
}

/* Stages [first, last) one after another on the samples of a leaf, while they are in the cache. */
static void forward_leaf(executor *r, int first, int last, range samples, int thread)
{
    int count = samples.hi - samples.lo;
    if (first == 0) load_pixels(r, samples, thread);
    for (int i = first; i < last; i++) {
        stage_io io = executor_stage_io(r, i, samples.lo, thread);
        double begin_s = trace_now(r->trace);
        r->m->stage[i].type->forward(&r->m->stage[i], &io, count, 0, 1);
        trace_work(r->trace, thread, r->phase.forward[i], begin_s,
                   count * r->phase.forward_flop[i]);
        if (thread == 0 && r->pass.hooks.late_parameters) executor_poll(r);
    }
}

/* The samples from `at` on that are before `end` and in one leaf. */
static range leaf_at(const executor *r, int at, int end)
{
    return (range){at, end - at < r->grain ? end : at + r->grain};
}

/* Group g, leaf after leaf: those of the thread, or those that it claims. */
static void forward_leaves(executor *r, int g, int thread)
{
    int first = r->group[g], last = r->group[g + 1], count = r->pass.count;
    if (is_claimed(r)) {
        for (int at; (at = atomic_fetch_add(&r->claimed[g], r->grain)) < count;)
            forward_leaf(r, first, last, leaf_at(r, at, count), thread);
        return;
    }
    range own = thread_samples(r, thread);
    for (int at = own.lo; at < own.hi; at += r->grain)
        forward_leaf(r, first, last, leaf_at(r, at, own.hi), thread);
}

/* Stages [first, last) one after another on all samples, each by all threads, or by one where it cannot be shared. */
static void forward_together(executor *r, int first, int last, int thread)
{
    if (first == 0) {
        if (thread == 0) load_pixels(r, (range){0, r->pass.count}, thread);
        trace_barrier(r->trace, thread);
    }
    for (int i = first; i < last; i++) {
        const stage *s = &r->m->stage[i];
        int parts = s->type->shares_samples ? r->threads : 1;
        double begin_s = trace_now(r->trace);
        if (thread < parts) {
            stage_io io = executor_stage_io(r, i, 0, thread);
            s->type->forward(s, &io, r->pass.count, thread, parts);
            trace_work(r->trace, thread, r->phase.forward[i], begin_s,
                       r->pass.count * r->phase.forward_flop[i] / parts);
        }
        if (i + 1 < last) trace_barrier(r->trace, thread);
    }
}

/* late: with the hook late_parameters. */
static void forward_pass(executor *r, int thread, int late)
{
    const model *m = r->m;
    const pass_hooks *hooks = &r->pass.hooks;
    if (m->stage[0].type->split == STAGE_BY_OUTPUT) {
        load_pixels(r, thread_samples(r, thread), thread);
        trace_barrier(r->trace, thread);
    }
    for (int g = 0; g < r->groups; g++) {
        int first = r->group[g], last = r->group[g + 1];
        if (late && hooks->late_parameters && first == m->late_stage)
            hooks->late_parameters(hooks->context, thread);
        if (m->stage[first].type->split == STAGE_BY_SAMPLE) {
            if (is_together(r))
                forward_together(r, first, last, thread);
            else
                forward_leaves(r, g, thread);
        } else {
            stage_io io = executor_stage_io(r, first, 0, thread);
            double begin_s = trace_now(r->trace);
            m->stage[first].type->forward(&m->stage[first], &io, r->pass.count, thread, r->threads);
            trace_work(r->trace, thread, r->phase.forward[first], begin_s,
                       r->pass.count * r->phase.forward_flop[first] / r->threads);
        }
        trace_barrier(r->trace, thread);
    }
}

void executor_forward_again(executor *r, int thread)
{
    forward_pass(r, thread, 0);
}

int executor_flushed(executor *r, int thread)
{
    int any = 0;
    if (!r->deciding) return 0;
    r->thread[thread].flushed = denormals_met();
    trace_barrier(r->trace, thread);
    for (int t = 0; t < r->threads; t++) any |= r->thread[t].flushed;
    return any;
}

void executor_use(executor *r, const model *m, int thread)
{
    trace_barrier(r->trace, thread);
    if (thread == 0) {
        r->m = m;
        clear_claims(r);
    }
    trace_barrier(r->trace, thread);
}

void executor_forward(executor *r, int thread)
{
    denormals_forget();
    forward_pass(r, thread, 1);
    if (!executor_flushed(r, thread)) return;
    executor_use(r, r->deciding, thread);
    executor_forward_again(r, thread);
    executor_use(r, r->usual, thread);
}

void executor_loss(executor *r, int thread, loss_sums *sums)
{
    const pass_args *p = &r->pass;
    double begin_s = trace_now(r->trace);
    range own = range_share(p->count, thread, r->threads);
    uint8_t labels[PASS_SAMPLES];
    for (int at = own.lo; at < own.hi; at += PASS_SAMPLES) {
        int count = own.hi - at < PASS_SAMPLES ? own.hi - at : PASS_SAMPLES;
        for (int i = 0; i < count; i++)
            labels[i] = p->labels[p->samples ? p->samples[at + i] : p->first + at + i];
        size_t classes = (size_t)r->m->classes, offset = (size_t)at * classes;
        softmax_args args = {.classes = r->m->classes,
                             .lo = 0,
                             .hi = count,
                             .logits = executor_logits(r) + offset,
                             .labels = labels,
                             .scale = p->scale,
                             .dlogits = p->leaves ? r->gradient[r->m->stages] + offset : NULL,
                             .predicted = p->predicted ? p->predicted + at : NULL,
                             .probabilities = p->probabilities ? p->probabilities + offset : NULL,
                             .smoothing = p->smoothing};
        r->m->k->softmax_loss(&args, sums);
    }
    trace_span(r->trace, thread, r->phase.loss, begin_s);
    trace_barrier(r->trace, thread);
}
