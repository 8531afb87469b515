/* train/step.c - the step, in the order a reader would tell it. */
#include "train/step.h"

#include <string.h>

#include "base/stop.h"
#include "base/team.h"
#include "base/timer.h"
#include "data/augment.h"
#include "train/profile.h"
#include "train/update.h"

static const char *const phase_name[STEP_PHASES] = {"forward", "backward", "exchange", "update",
                                                    "other"};

const char *step_phase_name(step_phase phase)
{
    return phase_name[phase];
}

/* What the ranks tell each other in every step. */
typedef struct step_message {
    loss_sums sums;
    int64_t gradient_finite;
    int64_t stop, save; /* somebody's wish */
} step_message;

enum { CACHE_LINE = 64, SUM_PIECE = 4096 };

/* One thread's findings, on cache lines of its own. */
typedef struct thread_note {
    _Alignas(CACHE_LINE) loss_sums sums;
    int finite;
} thread_note;

typedef struct step_state {
    session *s;
    const int *samples; /* of the global batch */
    int count, leaves;
    uint32_t epoch;
    tree_node own;
    int nodes; /* partial sums on this rank's stack */
    tree_node node[2 * TREE_MAX_NODES];
    int apply; /* every rank found everything finite */
    int nonfinite_rank;
    thread_note note[SETTINGS_MAX_THREADS];
    double phase_s[STEP_PHASES];
    double mark_s;
} step_state;

/* Thread 0 books the time since the last mark. */
static void mark(step_state *t, int thread, step_phase phase)
{
    if (thread != 0) return;
    double now_s = timer_now_s();
    comm_pulse(t->s->c, t->s->step + 1, phase);
    t->phase_s[phase] += now_s - t->mark_s;
    t->mark_s = now_s;
}

static void begin_bucket(void *context, int bucket)
{
    session *s = context;
    double begin_s = trace_now(s->trace);
    exchange_begin(s->x, bucket);
    trace_span(s->trace, 0, PROFILE_EXCHANGE, begin_s);
}

static void poll_exchange(void *context)
{
    session *s = context;
    exchange_poll(s->x);
}

/* Sums of the passes so far, merged as far as the tree allows: the rank's own node stack, whose slabs are the partials. */
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
        tree_node share = tree_share((tree_node){0, (int)(s->m.slab_length / SLAB_ALIGN)}, thread,
                                     s->threads);
        size_t lo = (size_t)share.lo * SLAB_ALIGN,
               length = (size_t)(share.hi - share.lo) * SLAB_ALIGN;
        for (int i = 0; i < total; i++) items[i] = exchange_partial(s->x, i) + lo;
        for (int i = 0; i < plan.results; i++) results[i] = exchange_partial(s->x, i) + lo;
        s->k->tree_sum(plan, merges, items, length, results);
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
    augment_map map = augment_draw(&s->augment, key, s->data.height, s->data.width);
    augment_apply(&map, in, s->data.height, s->data.width, out);
}

/* Forward, loss and backward of the leaves [range). */
static void one_pass(step_state *t, int thread, tree_node range)
{
    session *s = t->s;
    int grain = (int)s->cfg.grain, before = t->nodes,
        alone = range.lo == t->own.lo && range.hi == t->own.hi;
    tree_node node[TREE_MAX_NODES];
    float *partials[TREE_MAX_NODES];
    int nodes = tree_maximal(t->leaves, range, node);
    CHECK(before + nodes <= exchange_max_partials(s->x), "%d partial sums", before + nodes);
    for (int i = 0; i < nodes; i++) partials[i] = exchange_partial(s->x, before + i);
    int first = range.lo * grain, last = range.hi * grain < t->count ? range.hi * grain : t->count;
    run_pass pass = {.pixels = s->training.pixels,
                     .labels = s->training.labels,
                     .samples = t->samples + first,
                     .count = last - first,
                     .leaves = t->leaves,
                     .range = range,
                     .scale = 1.0f / (float)t->count,
                     .partials = partials,
                     .seed = (uint64_t)s->cfg.seed,
                     .epoch = t->epoch,
                     .smoothing = (float)s->cfg.label_smoothing};
    /* with a single pass the partials are final as they are: the exchange can begin while others are computed */
    if (alone) pass.hooks = (run_hooks){begin_bucket, poll_exchange, s};
    if (augment_is_on(&s->augment)) pass.transform = (run_transform){augment_image, t};
    run_begin_pass(s->r, &pass, thread);
    run_forward(s->r, thread);
    run_loss(s->r, thread, &t->note[thread].sums);
    mark(t, thread, STEP_FORWARD);
    run_backward(s->r, thread); /* ends in a barrier: nobody writes to partials[] any more */
    if (!alone) {
        if (thread == 0) memcpy(t->node + before, node, (size_t)nodes * sizeof *node);
        trace_barrier(s->trace, thread);
        merge_passes(t, thread, before, before + nodes);
    }
    mark(t, thread, STEP_BACKWARD);
}

static void own_gradients(step_state *t, int thread)
{
    session *s = t->s;
    int pass_leaves = run_pass_leaves(s->r);
    for (int lo = t->own.lo; lo < t->own.hi; lo += pass_leaves) {
        int hi = lo + pass_leaves < t->own.hi ? lo + pass_leaves : t->own.hi;
        one_pass(t, thread, (tree_node){lo, hi});
    }
    if (thread == 0) {
        int begun = t->own.lo < t->own.hi &&
                    t->own.hi - t->own.lo <= pass_leaves; /* by the pass itself */
        double begin_s = trace_now(s->trace);
        for (int b = 0; b < s->m.buckets && !begun; b++) exchange_begin(s->x, b);
        exchange_wait(s->x);
        trace_span(s->trace, thread, PROFILE_EXCHANGE, begin_s);
    }
    trace_barrier(s->trace, thread);
}

/* This thread's share of the own rows of a kernel whose gradient the ranks form together. */
static int joint_rows_finite(step_state *t, int thread)
{
    session *s = t->s;
    int b = s->m.joint_bucket;
    if (!s->joint) return 1;
    mark(t, thread, STEP_EXCHANGE); /* the wait before */
    span share = run_joint_sum(s->r, exchange_slice(s->x, b), thread, s->gradient[b]);
    int finite = s->k->all_finite(s->gradient[b] + share.offset, share.length);
    mark(t, thread, STEP_BACKWARD);
    return finite;
}

/* This thread's share of the slices, in pieces that stay in the first-level cache: summed, and looked at. */
static void sum_slices(step_state *t, int thread)
{
    session *s = t->s;
    int finite = joint_rows_finite(t, thread);
    double begin_s = trace_now(s->trace);
    for (int b = 0; b < s->m.buckets; b++) {
        if (s->joint && b == s->m.joint_bucket) continue;
        size_t share = exchange_slice(s->x, b).length / (size_t)s->threads;
        int pieces = 1 + (int)(share / SUM_PIECE);
        for (int i = thread * pieces; i < (thread + 1) * pieces; i++) {
            span piece = exchange_sum(s->x, b, i, s->threads * pieces, s->gradient[b]);
            finite &= s->k->all_finite(s->gradient[b] + piece.offset, piece.length);
        }
    }
    t->note[thread].finite = finite;
    trace_span(s->trace, thread, PROFILE_SUM, begin_s);
    trace_barrier(s->trace, thread);
}

/* One small message: does every rank say that everything is finite? */
static void agree(step_state *t, step_message *total)
{
    session *s = t->s;
    step_message own = {.gradient_finite = 1, .stop = stop_asked(), .save = s->wants_saving},
                 all[SETTINGS_MAX_RANKS];
    CHECK(s->layout->ranks <= SETTINGS_MAX_RANKS, "%d ranks", s->layout->ranks);
    for (int i = 0; i < s->threads; i++) {
        loss_sums_add(&own.sums, t->note[i].sums);
        own.gradient_finite &= t->note[i].finite;
    }
    comm_allgather(s->c, &own, sizeof own, all);
    *total = (step_message){.gradient_finite = 1};
    for (int r = 0; r < s->layout->ranks; r++) {
        if (all[r].sums.nonfinite && !total->sums.nonfinite) t->nonfinite_rank = r;
        loss_sums_add(&total->sums, all[r].sums);
        total->gradient_finite &= all[r].gradient_finite;
        total->save |= all[r].save;
        if (all[r].stop > total->stop) total->stop = all[r].stop;
    }
    t->apply = total->gradient_finite && total->sums.nonfinite == 0;
}

typedef struct step_job {
    step_state *state;
    step_message total;
} step_job;

static void step_thread(void *context, int thread)
{
    step_job *job = context;
    step_state *t = job->state;
    session *s = t->s;
    double step_s = trace_now(s->trace);
    own_gradients(t, thread);
    sum_slices(t, thread);
    double begin_s = trace_now(s->trace);
    if (thread == 0) agree(t, &job->total);
    if (thread == 0) trace_span(s->trace, thread, PROFILE_AGREE, begin_s);
    trace_barrier(s->trace, thread);
    mark(t, thread, STEP_EXCHANGE);
    begin_s = trace_now(s->trace);
    if (t->apply) update_slices(s, thread);
    trace_span(s->trace, thread, PROFILE_UPDATE, begin_s);
    trace_barrier(s->trace, thread);
    mark(t, thread, STEP_UPDATE);
    begin_s = trace_now(s->trace);
    if (thread == 0) exchange_publish(s->x);
    if (thread == 0) trace_span(s->trace, thread, PROFILE_PUBLISH, begin_s);
    trace_barrier(s->trace, thread);
    mark(t, thread, STEP_EXCHANGE);
    begin_s = trace_now(s->trace);
    model_prepare(&s->m, s->parameters, s->packed, s->prepare_part + thread, s->prepare_parts);
    trace_span(s->trace, thread, PROFILE_PREPARE, begin_s);
    if (s->prepare_parts > s->threads) { /* other ranks', too */
        trace_barrier(s->trace, thread);
        begin_s = trace_now(s->trace);
        if (thread == 0) comm_group_barrier(s->c);
        if (thread == 0) trace_span(s->trace, thread, PROFILE_PUBLISH, begin_s);
    }
    mark(t, thread, STEP_OTHER); /* the region ends in a barrier */
    if (thread != 0) trace_span(s->trace, thread, PROFILE_STEP, step_s);
}

step_result step_run(session *s, int epoch, int step)
{
    static step_state state; /* one step at a time; too large for the stack */
    CHECK(s->threads <= SETTINGS_MAX_THREADS, "%d threads", s->threads);
    memset(&state, 0, sizeof state);
    state.s = s;
    state.epoch = (uint32_t)epoch;
    state.mark_s = timer_now_s();
    double begin_s = state.mark_s;
    trace_step(s->trace, (int)s->step);
    s->optimizer.learning_rate = session_rate(s);
    sampler_batch(&s->order, epoch, step, &state.samples, &state.count);
    state.leaves = tree_leaves(state.count, (int)s->cfg.grain);
    state.own = exchange_leaves(s->x, state.leaves);
    exchange_step(s->x, state.leaves);
    run_begin_batch(s->r, state.count);
    mark(&state, 0, STEP_OTHER);
    trace_span(s->trace, 0, PROFILE_SAMPLE, begin_s);
    step_job job = {.state = &state};
    team_run(step_thread, &job);
    trace_span(s->trace, 0, PROFILE_STEP, begin_s);
    trace_step(s->trace, -1);
    if (state.apply) s->step++;
    step_result r = {.samples = state.count,
                     .finite = state.apply,
                     .leaves = state.leaves,
                     .own = state.own,
                     .loss_sum = (double)job.total.sums.loss * 0x1p-32,
                     .correct = job.total.sums.correct,
                     .nonfinite = job.total.sums.nonfinite,
                     .nonfinite_rank = state.nonfinite_rank,
                     .stop = (int)job.total.stop,
                     .save = (int)job.total.save};
    memcpy(r.phase_s, state.phase_s, sizeof r.phase_s);
    return r;
}
