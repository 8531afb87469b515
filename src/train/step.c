/* train/step.c - one optimiser step of all ranks. */
#include "train/step.h"

#include <string.h>

#include "base/stop.h"
#include "base/team.h"
#include "base/timer.h"
#include "data/augment.h"
#include "train/profile.h"

static const char *const phase_name[STEP_PHASES] = {"forward", "backward", "exchange", "update",
                                                    "other"};

const char *step_phase_name(step_phase phase)
{
    return phase_name[phase];
}

/* What a rank gives to all in every step. */
typedef struct step_vote {
    loss_sums sums;
    int64_t gradient_finite;
    int64_t stop, checkpoint; /* wishes of this rank */
} step_vote;

size_t step_vote_bytes(void)
{
    return sizeof(step_vote);
}

enum { CACHE_LINE = 64, SUM_PIECE = 4096 };

/* What one thread found, on cache lines of its own. */
typedef struct thread_note {
    _Alignas(CACHE_LINE) loss_sums sums;
    int finite;
} thread_note;

/* The step that runs. note and votes are taken once; begin_step sets the rest anew. */
typedef struct step_state {
    session *s;
    updater *u;
    augment_cfg augment;
    thread_note *note;  /* [threads]                   */
    step_vote *votes;   /* [ranks]                     */
    const int *samples; /* [count] of the global batch */
    int count, leaves;
    uint32_t epoch;
    range own;
    int nodes; /* partial sums on this rank's stack */
    tree_node node[2 * TREE_MAX_NODES];
    int wishes;
    int under_way; /* 1: late parameters of the step before may be on their way; at the end, those of this step */
    step_vote total; /* of all ranks */
    int apply;       /* 1: every rank found everything finite */
    int nonfinite_rank;
    double phase_s[STEP_PHASES];
    double mark_s;
    step_parts parts;
    double part_s; /* where the part that runs began */
    audit *audit;  /* or NULL                        */
    int audited;   /* a leaf; -1: none in this step  */
    int agrees;    /* 0: its two gradients differ    */
} step_state;

stepper *step_new(session *s)
{
    stepper *p = arena_take(&s->memory, sizeof *p);
    step_state *t = arena_take(&s->memory, sizeof *t);
    *p = (stepper){s, update_new(s), audit_new(s), t};
    *t = (step_state){.s = s, .u = p->u, .audit = p->audit, .augment = settings_augment(&s->cfg)};
    t->note = arena_take(&s->memory, (size_t)s->threads * sizeof *t->note);
    t->votes = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *t->votes);
    return p;
}

/* Thread 0 adds the time since the last mark to a phase. */
static void mark(step_state *t, int thread, step_phase phase)
{
    if (thread != 0) return;
    double now_s = timer_now_s();
    comm_pulse(t->s->c, t->s->step + 1, phase);
    t->phase_s[phase] += now_s - t->mark_s;
    t->mark_s = now_s;
}

/* Thread 0 has communicated since begin_s: a span, and, before it, work that ends in `wait`. */
static void communicated(step_state *t, profile_phase phase, step_wait wait, double *spent_s,
                         double begin_s)
{
    trace *recorded = t->s->trace;
    if (!recorded) return;
    trace_span(recorded, 0, phase, begin_s);
    double now_s = trace_now(recorded);
    t->parts.work_s[wait] += begin_s - t->part_s;
    *spent_s += now_s - begin_s;
    t->part_s = now_s;
}

static void begin_bucket(void *context, int bucket)
{
    step_state *t = context;
    double begin_s = trace_now(t->s->trace);
    exchange_begin(t->s->x, bucket);
    communicated(t, PROFILE_EXCHANGE, STEP_WAIT_EXCHANGE, &t->parts.send_s, begin_s);
}

static void poll_exchange(void *context)
{
    const step_state *t = context;
    exchange_poll(t->s->x);
}

/* Thread 0 has waited for other ranks since begin_s. */
static void waited(step_state *t, profile_phase phase, step_wait wait, double begin_s)
{
    communicated(t, phase, wait, &t->parts.wait_s[wait], begin_s);
}

/* Makes this thread's share of the packed forms of some stages; thread 0 waits until the group's other ranks have made theirs.
 * A barrier of the team must follow. */
static void prepare(step_state *t, int thread, range stages)
{
    session *s = t->s;
    double begin_s = trace_now(s->trace);
    model_prepare_stages(&s->m, stages, s->parameters, s->packed, s->prepare_part + thread,
                         s->prepare_parts);
    trace_span(s->trace, thread, PROFILE_PREPARE, begin_s);
    if (s->prepare_parts > s->threads) {
        trace_barrier(s->trace, thread);
        begin_s = trace_now(s->trace);
        if (thread == 0) comm_group_barrier(s->c);
        if (thread == 0) waited(t, PROFILE_PUBLISH, STEP_WAIT_GROUP, begin_s);
    }
    mark(t, thread, STEP_OTHER);
}

/* Waits for the late parameters of the step before. */
static void arrive(void *context, int thread)
{
    step_state *t = context;
    session *s = t->s;
    double begin_s = trace_now(s->trace);
    mark(t, thread, STEP_FORWARD);
    if (thread == 0) {
        exchange_arrive(s->x);
        /* what was computed before is no part of an update */
        communicated(t, PROFILE_PUBLISH, STEP_WAIT_EXCHANGE, &t->parts.wait_s[STEP_WAIT_PUBLISH],
                     begin_s);
    }
    trace_barrier(s->trace, thread);
    mark(t, thread, STEP_EXCHANGE);
    prepare(t, thread, (range){s->m.late_stage, s->m.stages});
    trace_barrier(s->trace, thread);
    mark(t, thread, STEP_OTHER);
}

/* Merges the sums of the passes so far as far as the tree allows: `total` partials, `before` of them from earlier passes. */
static void merge_passes(step_state *t, int thread, int before, int total)
{
    session *s = t->s;
    double begin_s = trace_now(s->trace);
    unsigned char merges[2 * TREE_MAX_NODES];
    const float *items[2 * TREE_MAX_NODES];
    float *results[TREE_MAX_NODES];
    tree_node left[TREE_MAX_NODES];
    tree_plan plan = tree_plan_merges(t->leaves, t->node, total, merges, left);
    if (before > 0 && plan.results < total) {
        range share = range_share((int)(s->m.slab_length / SLAB_ALIGN), thread, s->threads);
        size_t lo = (size_t)share.lo * SLAB_ALIGN,
               length = (size_t)(share.hi - share.lo) * SLAB_ALIGN;
        for (int i = 0; i < total; i++) items[i] = exchange_partial(s->x, i) + lo;
        for (int i = 0; i < plan.results; i++) results[i] = exchange_partial(s->x, i) + lo;
        s->m.k->tree_sum(plan, merges, items, length, results);
    }
    trace_span(s->trace, thread, PROFILE_MERGE, begin_s);
    trace_barrier(s->trace, thread); /* before t->node changes */
    if (thread == 0) {
        t->nodes = plan.results;
        memcpy(t->node, left, (size_t)plan.results * sizeof *left);
    }
    trace_barrier(s->trace, thread);
}

/* A training image as this epoch sees it. */
static void augment_image(const void *context, int sample, const uint8_t *in, uint8_t *out)
{
    const step_state *t = context;
    const session *s = t->s;
    rng_key key = {(uint64_t)s->cfg.seed, RNG_AUGMENT, t->epoch, (uint32_t)sample};
    augment_map map = augment_draw(&t->augment, key, s->data.height, s->data.width);
    augment_apply(&map, in, s->data.height, s->data.width, s->data.channels, out);
}

/* The arguments of a pass over leaves of the batch, without hooks. */
static pass_args pass_of(const step_state *t, range leaves, float *const *partials)
{
    const session *s = t->s;
    int grain = (int)s->cfg.grain, first = leaves.lo * grain,
        last = leaves.hi * grain < t->count ? leaves.hi * grain : t->count;
    pass_args pass = {.pixels = s->training.pixels,
                      .labels = s->training.labels,
                      .samples = t->samples + first,
                      .count = last - first,
                      .leaves = t->leaves,
                      .range = leaves,
                      .scale = 1.0f / (float)t->count,
                      .partials = partials,
                      .seed = (uint64_t)s->cfg.seed,
                      .epoch = t->epoch,
                      .smoothing = (float)s->cfg.label_smoothing};
    if (augment_is_on(&t->augment)) pass.transform = (pass_transform){augment_image, t};
    return pass;
}

/* Forward, loss and backward of a range of leaves. */
static void one_pass(step_state *t, int thread, range leaves, int alone)
{
    session *s = t->s;
    int before = t->nodes, is_audited = leaves.lo == t->audited;
    int role = is_audited ? audit_role(t->audit, thread) : thread;
    tree_node node[TREE_MAX_NODES];
    float *partials[TREE_MAX_NODES];
    int nodes = tree_maximal(t->leaves, leaves, node);
    CHECK(before + nodes <= exchange_max_partials(s->x), "%d partial sums", before + nodes);
    for (int i = 0; i < nodes; i++) partials[i] = exchange_partial(s->x, before + i);
    pass_args pass = pass_of(t, leaves, partials);
    /* the partials of a single pass are final: the exchange of a bucket begins while others are computed */
    if (alone)
        pass.hooks = (pass_hooks){begin_bucket, poll_exchange, t->under_way ? arrive : NULL, t};
    executor_begin_pass(s->r, &pass, role);
    executor_forward(s->r, role);
    executor_loss(s->r, role, &t->note[thread].sums);
    mark(t, thread, STEP_FORWARD);
    executor_backward(s->r, role); /* ends in a barrier: the partials are written */
    if (!alone) {
        if (thread == 0 && is_audited) audit_keep(t->audit, partials[0]);
        if (thread == 0) memcpy(t->node + before, node, (size_t)nodes * sizeof *node);
        trace_barrier(s->trace, thread);
        merge_passes(t, thread, before, before + nodes);
    }
    mark(t, thread, STEP_BACKWARD);
}

/* Where the pass from leaf lo on ends: an audited leaf is a pass of its own. */
static int pass_end(const step_state *t, int lo)
{
    int size = executor_pass_leaves(t->s->r), done = lo - t->own.lo;
    int hi = lo + size - done % size; /* cuts do not move the ends of later passes */
    if (hi > t->own.hi) hi = t->own.hi;
    if (lo == t->audited) return lo + 1;
    return lo < t->audited && t->audited < hi ? t->audited : hi;
}

static void own_gradients(step_state *t, int thread)
{
    session *s = t->s;
    /* a single pass begins all buckets itself; but in an audited step ranks read the parameters once more */
    int begun = t->audited < 0 && t->own.lo < t->own.hi && pass_end(t, t->own.lo) == t->own.hi;
    if (t->under_way && !begun) arrive(t, thread);
    for (int lo = t->own.lo, hi; lo < t->own.hi; lo = hi) {
        hi = pass_end(t, lo);
        one_pass(t, thread, (range){lo, hi}, begun);
    }
    if (t->audited >= 0) {
        pass_args leaf = pass_of(t, (range){t->audited, t->audited + 1}, NULL);
        audit_repeat(t->audit, &leaf, thread);
        mark(t, thread, STEP_BACKWARD);
    }
    if (thread == 0) {
        double begin_s = trace_now(s->trace);
        for (int b = 0; b < s->m.buckets && !begun; b++) exchange_begin(s->x, b);
        exchange_wait(s->x);
        waited(t, PROFILE_EXCHANGE, STEP_WAIT_EXCHANGE, begin_s);
    }
    trace_barrier(s->trace, thread);
}

/* 1: in this step the ranks share the batch. */
static int is_joint(const step_state *t)
{
    return t->s->joint && t->audited < 0;
}

/* Forms this thread's share of the own rows of a joint kernel's gradient (model/executor.h); 1: it is finite. */
static int joint_rows_finite(step_state *t, int thread)
{
    session *s = t->s;
    int b = s->m.joint_bucket;
    if (!is_joint(t)) return 1;
    mark(t, thread, STEP_EXCHANGE); /* the time of waiting before this */
    float *sums = t->u->gradient[b];
    span share = executor_joint_sum(s->r, exchange_slice(s->x, b), thread, sums);
    int finite = s->m.k->all_finite(sums + share.offset, share.length);
    mark(t, thread, STEP_BACKWARD);
    return finite;
}

/* Sums this thread's share of the slices and checks that it is finite, in pieces that stay in the first-level cache. */
static void sum_slices(step_state *t, int thread)
{
    session *s = t->s;
    int finite = joint_rows_finite(t, thread);
    double begin_s = trace_now(s->trace);
    for (int b = 0; b < s->m.buckets; b++) {
        if (is_joint(t) && b == s->m.joint_bucket) continue;
        size_t share = exchange_slice(s->x, b).length / (size_t)s->threads;
        int pieces = 1 + (int)(share / SUM_PIECE);
        for (int i = thread * pieces; i < (thread + 1) * pieces; i++) {
            span piece = exchange_sum(s->x, b, i, s->threads * pieces, t->u->gradient[b]);
            finite &= s->m.k->all_finite(t->u->gradient[b] + piece.offset, piece.length);
        }
    }
    t->note[thread].finite = finite;
    trace_span(s->trace, thread, PROFILE_SUM, begin_s);
    trace_barrier(s->trace, thread);
}

static step_vote own_vote(const step_state *t)
{
    step_vote own = {.gradient_finite = 1,
                     .stop = stop_asked(),
                     .checkpoint = (t->wishes & STEP_WANTS_CHECKPOINT) != 0};
    for (int i = 0; i < t->s->threads; i++) {
        loss_sums_add(&own.sums, t->note[i].sums);
        own.gradient_finite &= t->note[i].finite;
    }
    return own;
}

/* All ranks' votes: is everything finite, and what does any rank want? */
static void vote(step_state *t)
{
    session *s = t->s;
    step_vote own = own_vote(t), *total = &t->total;
    comm_allgather(s->c, &own, sizeof own, t->votes);
    *total = (step_vote){.gradient_finite = 1};
    for (int r = 0; r < s->layout->ranks; r++) {
        const step_vote *v = &t->votes[r];
        if (v->sums.nonfinite && !total->sums.nonfinite) t->nonfinite_rank = r;
        loss_sums_add(&total->sums, v->sums);
        total->gradient_finite &= v->gradient_finite;
        total->checkpoint |= v->checkpoint;
        if (v->stop > total->stop) total->stop = v->stop;
    }
    t->agrees = t->audited < 0 || audit_agrees(t->audit);
    t->apply = t->agrees && total->gradient_finite && total->sums.nonfinite == 0;
}

/* Waits for the parameters that the next step reads first, or, if something else may follow, for all. */
static void publish(step_state *t)
{
    exchange *x = t->s->x;
    t->under_way = exchange_defers(x) && (t->wishes & STEP_IS_FOLLOWED) && t->apply &&
                   !t->total.stop && !t->total.checkpoint;
    if (t->under_way)
        exchange_publish_first(x);
    else
        exchange_publish(x);
}

/* Updates this rank's slices, and waits until all ranks have done so. */
static void update_and_publish(step_state *t, int thread)
{
    session *s = t->s;
    double begin_s = trace_now(s->trace);
    if (t->apply) update_slices(t->u, thread);
    trace_span(s->trace, thread, PROFILE_UPDATE, begin_s);
    trace_barrier(s->trace, thread);
    mark(t, thread, STEP_UPDATE);
    begin_s = trace_now(s->trace);
    if (thread == 0) publish(t);
    if (thread == 0) waited(t, PROFILE_PUBLISH, STEP_WAIT_PUBLISH, begin_s);
    trace_barrier(s->trace, thread);
    mark(t, thread, STEP_EXCHANGE);
}

static void step_thread(void *context, int thread)
{
    step_state *t = context;
    session *s = t->s;
    double step_s = trace_now(s->trace);
    own_gradients(t, thread);
    sum_slices(t, thread);
    double begin_s = trace_now(s->trace);
    if (thread == 0) vote(t);
    if (thread == 0) waited(t, PROFILE_VOTE, STEP_WAIT_VOTE, begin_s);
    trace_barrier(s->trace, thread);
    mark(t, thread, STEP_EXCHANGE);
    update_and_publish(t, thread);
    /* the region ends in the barrier that prepare needs */
    prepare(t, thread, (range){0, t->under_way ? s->m.late_stage : s->m.stages});
    if (thread != 0) trace_span(s->trace, thread, PROFILE_STEP, step_s);
}

/* Resets the state and chooses the samples. */
static void begin_step(step_state *t, int epoch, int step, int wishes)
{
    session *s = t->s;
    memset(t->note, 0, (size_t)s->threads * sizeof *t->note);
    *t = (step_state){.s = s,
                      .u = t->u,
                      .audit = t->audit,
                      .augment = t->augment,
                      .note = t->note,
                      .votes = t->votes,
                      .epoch = (uint32_t)epoch,
                      .wishes = wishes,
                      .under_way = t->under_way,
                      .mark_s = timer_now_s()};
    t->part_s = t->mark_s;
    trace_step(s->trace, (int)s->step);
    t->u->optimizer.learning_rate = update_rate(t->u);
    sampler_batch(&s->order, epoch, step, &t->samples, &t->count);
    t->leaves = tree_leaves(t->count, (int)s->cfg.grain);
    t->own = exchange_leaves(s->x, t->leaves);
    exchange_step(s->x, t->leaves);
    t->audited = audit_begin(t->audit, s->step + 1, t->leaves);
    executor_begin_batch(s->r, t->audited < 0 ? t->count : 0);
}

static step_result result_of(const step_state *t)
{
    step_result r = {.samples = t->count,
                     .finite = t->apply,
                     .audit_differs = !t->agrees,
                     .leaves = t->leaves,
                     .own = t->own,
                     .loss_sum = (double)t->total.sums.loss * 0x1p-32,
                     .correct = t->total.sums.correct,
                     .nonfinite = t->total.sums.nonfinite,
                     .nonfinite_rank = t->nonfinite_rank,
                     .stop = (int)t->total.stop,
                     .checkpoint = (int)t->total.checkpoint};
    r.parts = t->parts;
    memcpy(r.phase_s, t->phase_s, sizeof r.phase_s);
    return r;
}

step_result step_run(stepper *p, int epoch, int step, int wishes)
{
    session *s = p->s;
    step_state *t = p->state;
    begin_step(t, epoch, step, wishes);
    double begin_s = t->mark_s;
    mark(t, 0, STEP_OTHER);
    trace_span(s->trace, 0, PROFILE_SAMPLE, begin_s);
    team_run(step_thread, t);
    trace_span(s->trace, 0, PROFILE_STEP, begin_s);
    trace_step(s->trace, -1);
    if (s->trace) t->parts.work_s[STEP_WAIT_EXCHANGE] += timer_now_s() - t->part_s;
    if (t->apply) s->step++;
    return result_of(t);
}
