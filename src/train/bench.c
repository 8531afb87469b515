/* train/bench.c - throughput of steps or of forward passes. */
#include "train/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "base/timer.h"

enum { ROUNDS = 8, MOST_WARM_UP = 10 };

/* The largest of all ranks' values. */
static double largest(session *s, double own)
{
    arena_mark mark = arena_now(&s->memory);
    double *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &own, sizeof own, all);
    for (int i = 0; i < s->layout->ranks; i++)
        if (all[i] > own) own = all[i];
    arena_release(&s->memory, mark);
    return own;
}

/* Proportional set size of this rank, MiB. */
static double own_pss(void)
{
    double mib = -1;
    char line[256];
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    long kib;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Pss: %ld kB", &kib) == 1) mib = (double)kib / 1024;
    if (f) fclose(f);
    return mib;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The last batch's share of active outputs, over all ranks. */
static double mean_active(session *s, int own_leaves)
{
    struct part {
        double share, leaves;
    } own = {executor_active_share(s->r), own_leaves}, sum = {0, 0};
    arena_mark mark = arena_now(&s->memory);
    struct part *all = arena_take(&s->memory, (size_t)s->layout->ranks * sizeof *all);
    comm_allgather(s->c, &own, sizeof own, all);
    for (int r = 0; r < s->layout->ranks; r++) {
        if (all[r].share < 0) continue; /* no pooling, or no leaf */
        sum.share += all[r].share * all[r].leaves;
        sum.leaves += all[r].leaves;
    }
    arena_release(&s->memory, mark);
    return sum.leaves > 0 ? sum.share / sum.leaves : -1;
}

/* What one walk over the batches adds up. */
typedef struct tally {
    session *s;
    stepper *p; /* NULL: inference */
    const dataset_split *images;
    bench_recorder *recorder; /* NULL: only the sums of this rank */
    double phase_s[STEP_PHASES];
    int own_leaves; /* of the last batch */
    int last;       /* the step after which parameters may be read; -1: not yet known */
    /* inference: */
    range own;          /* this rank's images of the batch */
    loss_sums *sums;    /* [threads]                       */
    uint8_t *predicted; /* [batch]                         */
} tally;

static status train_batch(tally *t, int step, int *images, failure *why)
{
    step_result r = step_run(t->p, 0, step, step == t->last ? 0 : STEP_IS_FOLLOWED);
    if (!r.finite) return fail(why, STATUS_DIFFERS, "step %d: the loss is not finite", step + 1);
    double parts[BENCH_PARTS] = {0};
    bench_parts_of(&r.parts, parts);
    bench_recorder_add(t->recorder, parts, r.phase_s);
    for (int i = 0; i < STEP_PHASES; i++) t->phase_s[i] += r.phase_s[i];
    t->own_leaves = r.own.hi - r.own.lo;
    *images = r.samples;
    return STATUS_OK;
}

static void infer_thread(void *context, int thread)
{
    tally *t = context;
    session *s = t->s;
    double begin_s = trace_now(s->trace);
    int capacity = executor_pass_leaves(s->r) * (int)s->cfg.grain;
    for (int first = t->own.lo; first < t->own.hi; first += capacity) {
        int left = t->own.hi - first;
        pass_args pass = {.pixels = t->images->pixels,
                          .labels = t->images->labels,
                          .first = first,
                          .count = left < capacity ? left : capacity,
                          .predicted = t->predicted + (first - t->own.lo)};
        executor_begin_pass(s->r, &pass, thread);
        executor_forward(s->r, thread);
        executor_loss(s->r, thread, &t->sums[thread]);
    }
    if (thread != 0) trace_span(s->trace, thread, PROFILE_STEP, begin_s);
}

static void infer_batch(tally *t, int step, int *images)
{
    session *s = t->s;
    int batch = s->order.batch, first = step * batch, left = t->images->count - first;
    *images = left < batch ? left : batch;
    range all = {first, first + *images};
    t->own = range_part(all, s->layout->rank, s->layout->ranks);
    t->own_leaves = tree_leaves(t->own.hi - t->own.lo, (int)s->cfg.grain);
    trace_step(s->trace, step);
    double begin_s = timer_now_s();
    team_run(infer_thread, t);
    double done_s = timer_now_s();
    comm_barrier(s->c); /* a batch is answered as a whole */
    trace_span(s->trace, 0, PROFILE_EXCHANGE, done_s);
    trace_span(s->trace, 0, PROFILE_STEP, begin_s);
    trace_step(s->trace, -1);
    double phases[STEP_PHASES] =
        {[STEP_FORWARD] = done_s - begin_s, [STEP_EXCHANGE] = timer_now_s() - done_s},
           parts[BENCH_PARTS] = {
               [BENCH_COMPUTE] = phases[STEP_FORWARD], [BENCH_EXCHANGE] = phases[STEP_EXCHANGE]};
    bench_recorder_add(t->recorder, parts, phases);
    for (int i = 0; i < STEP_PHASES; i++) t->phase_s[i] += phases[i];
}

static status one_batch(tally *t, int step, int *images, failure *why)
{
    if (t->p) return train_batch(t, step, images, why);
    infer_batch(t, step, images);
    return STATUS_OK;
}

/* Steps in which caches fill and the processor finds its clock, before the first that counts; like it, they begin with the
 * first batch. */
static status warm_up(tally *t, int steps, failure *why)
{
    status code = STATUS_OK;
    for (int step = 0, images; step < steps && !code; step++)
        code = one_batch(t, step, &images, why);
    memset(t->phase_s, 0, sizeof t->phase_s);
    if (t->recorder) bench_recorder_begin(t->recorder);
    return code;
}

/* Runs all batches in rounds; the rates of the rounds give the median and its range. */
static status walk(tally *t, bench_result *b, failure *why)
{
    int steps = b->steps, rounds = steps < ROUNDS ? steps : ROUNDS;
    double rate[ROUNDS], total_s = 0;
    t->last = steps - 1;
    for (int round = 0, step = 0; round < rounds; round++) {
        int64_t images = 0;
        double start_s = timer_now_s();
        for (; step < (int)((int64_t)steps * (round + 1) / rounds); step++) {
            int done = 0;
            status code = one_batch(t, step, &done, why);
            if (code) return code;
            images += done;
        }
        double seconds = timer_now_s() - start_s;
        rate[round] = (double)images / seconds;
        total_s += seconds;
    }
    qsort(rate, (size_t)rounds, sizeof *rate, compare_doubles);
    b->images_per_second = (rate[(rounds - 1) / 2] + rate[rounds / 2]) / 2;
    b->low = rate[0];
    b->high = rate[rounds - 1];
    b->step_ms = total_s * 1e3 / steps;
    return STATUS_OK;
}

static tally *tally_new(session *s, const bench_cfg *cfg, int steps)
{
    size_t batch = (size_t)s->order.batch;
    tally *t = arena_take(&s->memory, sizeof *t);
    t->s = s;
    t->images = &s->training;
    t->last = -1;
    if (cfg->per_rank) t->recorder = bench_recorder_new(s, steps);
    if (!cfg->inference) {
        t->p = step_new(s);
        return t;
    }
    t->sums = arena_take(&s->memory, (size_t)s->threads * sizeof *t->sums);
    t->predicted = arena_take(&s->memory, batch);
    return t;
}

status bench_run(session *s, profile *p, const bench_cfg *cfg, bench_result *b, failure *why)
{
    memset(b, 0, sizeof *b);
    b->steps = sampler_steps(&s->order);
    if (s->cfg.max_steps > 0 && s->cfg.max_steps < b->steps) b->steps = (int)s->cfg.max_steps;
    b->warm_up = (b->steps + 9) / 10 < MOST_WARM_UP ? (b->steps + 9) / 10 : MOST_WARM_UP;
    tally *t = tally_new(s, cfg, b->steps);
    double startup_s = timer_now_s() - cfg->started_s;
    status code = warm_up(t, b->warm_up, why);
    if (!code) code = walk(t, b, why);
    if (code) return code;
    b->startup_s = largest(s, startup_s);
    for (int i = 0; i < STEP_PHASES; i++)
        b->phase_ms[i] = largest(s, t->phase_s[i]) * 1e3 / b->steps;
    b->active = mean_active(s, t->own_leaves);
    b->pss_mib = largest(s, own_pss());
    if (t->recorder) b->rank = bench_recorder_gather(t->recorder, &b->samples, &b->every);
    b->limits = roofline_measure(s->c, s->m.k, s->threads, &s->memory);
    code = profile_end(p, NULL, &b->limits, why);
    double flop = cfg->inference ? 2 * s->m.macs : s->m.training_flop;
    b->gflops_nominal = flop * b->images_per_second * 1e-9;
    return code;
}
