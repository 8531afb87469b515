/* model/run.c - memory of the passes, forward and loss. */
#include "model/run.h"

#include <stdio.h>
#include <string.h>

#include "base/team.h"
#include "model/run_internal.h"

static size_t boundary_length(const model *m, int boundary)
{
    return boundary < m->stages ? m->stage[boundary].in_length : (size_t)m->classes;
}

/* A gradient between two BY_SAMPLE stages lives for a leaf, in the thread; all others for the pass. */
static int is_leaf_local(const model *m, int boundary)
{
    return boundary < m->stages && m->stage[boundary - 1].type->split == STAGE_BY_SAMPLE &&
           m->stage[boundary].type->split == STAGE_BY_SAMPLE;
}

static void take_buffers(run *r, arena *a)
{
    const model *m = r->m;
    for (int b = 0; b <= m->stages; b++) {
        size_t length = boundary_length(m, b);
        r->activation[b] = arena_floats(a, (size_t)r->capacity * length);
        if (b == 0) continue; /* nobody wants the gradient of the pixels */
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
static void plan_groups(run *r)
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
static void plan_leaf_gradient(run *r)
{
    for (int i = 0; i < r->m->stages; i++) {
        const stage *s = &r->m->stage[i];
        r->leaf_offset[i] = r->leaf_length;
        r->leaf_length += slab_round_up(s->leaf_length);
    }
}

static void take_threads(run *r, arena *a)
{
    r->thread = arena_take(a, (size_t)r->threads * sizeof *r->thread);
    for (int t = 0; t < r->threads; t++) {
        run_thread own = {.scratch = arena_take(a, r->m->scratch_length * sizeof(float))};
        own.pixels = arena_take(a, boundary_length(r->m, 0));
        own.merges = arena_take(a, (size_t)r->pass_leaves);
        for (int d = 0; d < RUN_STACK; d++)
            own.level[d] = arena_take(a, r->leaf_length * sizeof(float));
        if (r->thread) r->thread[t] = own;
    }
}

/* All memory but the run itself; also from an arena that only counts. */
static void take_memory(run *r, arena *a)
{
    size_t leaves = (size_t)r->pass_leaves, items = (size_t)r->threads * RUN_STACK;
    take_buffers(r, a);
    take_threads(r, a);
    r->merges = arena_take(a, leaves);
    r->collapse_merges = arena_take(a, items);
    r->collapse_items = arena_take(a, items * sizeof *r->collapse_items);
    r->collapse_nodes = arena_take(a, items * sizeof *r->collapse_nodes);
    r->collapse_floats = arena_take(a, items * (size_t)r->threads * sizeof *r->collapse_floats);
    r->leaf_nodes = arena_take(a, leaves * sizeof *r->leaf_nodes);
}

/* A run without memory. */
static run plan_run(const model *m, int capacity, int grain, int threads)
{
    run r = {
        .m = m, .grain = grain, .threads = threads, .pass_leaves = tree_leaves(capacity, grain)};
    CHECK(r.pass_leaves >= 1 && r.pass_leaves <= RUN_PASS_SAMPLES, "a pass of %d leaves",
          r.pass_leaves);
    r.capacity = r.pass_leaves * grain;
    plan_groups(&r);
    plan_leaf_gradient(&r);
    return r;
}

/* What grows with the samples of a pass, whatever the threads. */
static size_t pass_bytes(const model *m, int samples)
{
    arena counter = arena_counter();
    run r = {.m = m, .capacity = samples};
    take_buffers(&r, &counter);
    return arena_bytes(&counter);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

int run_capacity(const model *m, int samples, int grain, int threads)
{
    size_t room = RUN_PASS_BYTES / pass_bytes(m, grain);
    int fit = room < RUN_PASS_SAMPLES ? (int)room : RUN_PASS_SAMPLES;
    if (fit < threads) fit = threads;
    int leaves = smaller(smaller(tree_leaves(samples, grain), RUN_PASS_SAMPLES / grain), fit);
    return (leaves > 1 ? leaves : 1) * grain;
}

size_t run_bytes(const model *m, int capacity, int grain, int threads)
{
    arena counter = arena_counter();
    run r = plan_run(m, capacity, grain, threads);
    arena_take(&counter, sizeof r);
    take_memory(&r, &counter);
    return arena_bytes(&counter);
}

run *run_new(const model *m, int capacity, int grain, int threads, const float *parameters,
             const float *packed, arena *a)
{
    run *r = arena_take(a, sizeof *r);
    *r = plan_run(m, capacity, grain, threads);
    r->parameters = parameters;
    r->packed = packed;
    take_memory(r, a);
    return r;
}

static int stage_phase(const run *r, int i, const char *what)
{
    char name[TRACE_NAME];
    snprintf(name, sizeof name, "%s %s", r->m->stage[i].layer->name, what);
    return trace_phase(r->trace, name);
}

void run_trace(run *r, trace *t)
{
    run_phases *p = &r->phase;
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

int run_pass_leaves(const run *r)
{
    return r->pass_leaves;
}

const float *run_logits(const run *r)
{
    return r->activation[r->m->stages];
}

double run_active_share(const run *r)
{
    int last = r->m->stages - 1;
    while (last >= 0 && !r->m->stage[last].pool) last--;
    if (last < 0 || r->pass.count == 0) return -1;
    const float *y = r->activation[last + 1];
    size_t outputs = (size_t)r->pass.count * r->m->stage[last].out_length, active = 0;
    for (size_t i = 0; i < outputs; i++) active += y[i] > 0.0f;
    return (double)active / (double)outputs;
}

/* Sums of the pass: leaves for BY_OUTPUT stages; per thread, and then over threads, for BY_SAMPLE stages. */
static void plan_sums(run *r)
{
    const run_pass *p = &r->pass;
    int count = p->range.hi - p->range.lo, items = 0;
    CHECK(count == tree_leaves(p->count, r->grain), "%d samples are not %d leaves of %d", p->count,
          count, r->grain);
    for (int i = 0; i < count; i++)
        r->leaf_nodes[i] = (tree_node){p->range.lo + i, p->range.lo + i + 1};
    r->plan = tree_plan_merges(p->leaves, r->leaf_nodes, count, r->merges, NULL);
    for (int t = 0; t < r->threads; t++) {
        run_thread *own = &r->thread[t];
        tree_node results[TREE_MAX_NODES];
        own->leaves = tree_share((tree_node){0, count}, t, r->threads);
        own->plan = tree_plan_merges(p->leaves, r->leaf_nodes + own->leaves.lo,
                                     own->leaves.hi - own->leaves.lo, own->merges, results);
        CHECK(own->plan.depth <= RUN_STACK, "%d nodes at once", own->plan.depth);
        for (int i = 0; i < own->plan.results; i++, items++) {
            r->collapse_nodes[items] = results[i];
            r->collapse_items[items] = own->level[i];
        }
    }
    r->collapse = tree_plan_merges(p->leaves, r->collapse_nodes, items, r->collapse_merges, NULL);
    CHECK(r->collapse.results == r->plan.results, "%d and %d nodes", r->collapse.results,
          r->plan.results);
}

void run_begin_pass(run *r, const run_pass *pass, int thread)
{
    if (thread == 0) {
        CHECK(pass->count <= r->capacity, "%d samples in a pass of %d", pass->count, r->capacity);
        r->pass = *pass;
        if (pass->leaves) plan_sums(r);
        run_joint_begin(r);
    }
    trace_barrier(r->trace, thread);
}

stage_io run_stage_io(const run *r, int i, int first, int thread)
{
    const stage *s = &r->m->stage[i];
    stage_io io = {.parameters = r->parameters, .packed = r->packed + s->packed_offset};
    io.x = r->activation[i] + (size_t)first * s->in_length;
    io.y = r->activation[i + 1] + (size_t)first * s->out_length;
    if (r->saved[i]) io.saved = r->saved[i] + (size_t)first * s->saved_bytes;
    io.scratch = r->thread[thread].scratch + s->scratch_offset;
    io.shared = r->shared[i];
    io.draw = (stage_draw){.trains = r->pass.leaves > 0,
                           .seed = r->pass.seed,
                           .epoch = r->pass.epoch,
                           .samples = r->pass.samples ? r->pass.samples + first : NULL,
                           .first = r->pass.first + first};
    run_joint_place(r, i, &io);
    return io;
}

static void load_pixels(const run *r, tree_node samples, uint8_t *changed)
{
    const run_pass *p = &r->pass;
    size_t length = boundary_length(r->m, 0);
    for (int i = samples.lo; i < samples.hi; i++) {
        int sample = p->samples ? p->samples[i] : p->first + i;
        const uint8_t *pixels = p->pixels + (size_t)sample * length;
        if (p->transform.image) {
            p->transform.image(p->transform.context, sample, pixels, changed);
            pixels = changed;
        }
        r->m->k->scale_bytes(pixels, length, r->activation[0] + (size_t)i * length);
    }
}

/* A thread's samples: whole leaves, so that backward finds them where forward left them. */
tree_node run_thread_samples(const run *r, int thread)
{
    int leaves = (r->pass.count + r->grain - 1) / r->grain;
    tree_node share = tree_share((tree_node){0, leaves}, thread, r->threads);
    int hi = share.hi * r->grain;
    return (tree_node){share.lo * r->grain, hi < r->pass.count ? hi : r->pass.count};
}

/* Stages [first, last) one after another on a leaf's worth of samples, while they are in the cache. */
static void forward_leaves(run *r, int first, int last, int thread)
{
    tree_node own = run_thread_samples(r, thread);
    for (int at = own.lo; at < own.hi; at += r->grain) {
        int count = own.hi - at < r->grain ? own.hi - at : r->grain;
        for (int i = first; i < last; i++) {
            stage_io io = run_stage_io(r, i, at, thread);
            double begin_s = trace_now(r->trace);
            r->m->stage[i].type->forward(&r->m->stage[i], &io, count, 0, 1);
            trace_work(r->trace, thread, r->phase.forward[i], begin_s,
                       count * r->phase.forward_flop[i]);
        }
    }
}

void run_forward(run *r, int thread)
{
    const model *m = r->m;
    double begin_s = trace_now(r->trace);
    load_pixels(r, run_thread_samples(r, thread), r->thread[thread].pixels);
    trace_span(r->trace, thread, r->phase.load, begin_s);
    if (m->stage[0].type->split == STAGE_BY_OUTPUT) trace_barrier(r->trace, thread);
    for (int g = 0; g < r->groups; g++) {
        int first = r->group[g], last = r->group[g + 1];
        if (m->stage[first].type->split == STAGE_BY_SAMPLE) {
            forward_leaves(r, first, last, thread);
        } else {
            stage_io io = run_stage_io(r, first, 0, thread);
            begin_s = trace_now(r->trace);
            m->stage[first].type->forward(&m->stage[first], &io, r->pass.count, thread, r->threads);
            trace_work(r->trace, thread, r->phase.forward[first], begin_s,
                       r->pass.count * r->phase.forward_flop[first] / r->threads);
        }
        trace_barrier(r->trace, thread);
    }
}

void run_loss(run *r, int thread, loss_sums *sums)
{
    const run_pass *p = &r->pass;
    double begin_s = trace_now(r->trace);
    tree_node own = tree_share((tree_node){0, p->count}, thread, r->threads);
    uint8_t labels[RUN_PASS_SAMPLES];
    for (int at = own.lo; at < own.hi; at += RUN_PASS_SAMPLES) {
        int count = own.hi - at < RUN_PASS_SAMPLES ? own.hi - at : RUN_PASS_SAMPLES;
        for (int i = 0; i < count; i++)
            labels[i] = p->labels[p->samples ? p->samples[at + i] : p->first + at + i];
        size_t classes = (size_t)r->m->classes, offset = (size_t)at * classes;
        softmax_args args = {.classes = r->m->classes,
                             .lo = 0,
                             .hi = count,
                             .logits = run_logits(r) + offset,
                             .labels = labels,
                             .scale = p->scale,
                             .dlogits = p->leaves ? r->gradient[r->m->stages] + offset : NULL,
                             .predicted = p->predicted ? p->predicted + at : NULL,
                             .probability = p->probability ? p->probability + at : NULL,
                             .smoothing = p->smoothing};
        r->m->k->softmax_loss(&args, sums);
    }
    trace_span(r->trace, thread, r->phase.loss, begin_s);
    trace_barrier(r->trace, thread);
}
