/* train/bench.c - throughput of steps or of forward passes. */
#include "train/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "base/timer.h"
#include "train/profile.h"

enum { ROUNDS = 8 };

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
    } own = {run_active_share(s->r), own_leaves}, sum = {0, 0};
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
    const dataset_split *images;
    double phase_s[STEP_PHASES];
    int own_leaves; /* of the last batch */
    tree_node own;  /* inference: this rank's images of the batch */
    loss_sums sums[SETTINGS_MAX_THREADS];
    uint8_t *predicted; /* [images of a rank's share of a batch] */
    float *probability;
} tally;

static status train_batch(tally *t, int step, int *images, message *why)
{
    step_result r = step_run(t->s, 0, step);
    if (!r.finite) return fail(why, STATUS_DIFFERS, "step %d: the loss is not finite", step + 1);
    for (int i = 0; i < STEP_PHASES; i++) t->phase_s[i] += r.phase_s[i];
    t->own_leaves = r.own.hi - r.own.lo;
    *images = r.samples;
    return STATUS_OK;
}

static void infer_thread(void *context, int thread)
{
    tally *t = context;
    session *s = t->s;
    int capacity = run_pass_leaves(s->r) * (int)s->cfg.grain;
    for (int first = t->own.lo; first < t->own.hi; first += capacity) {
        int left = t->own.hi - first;
        run_pass pass = {.pixels = t->images->pixels,
                         .labels = t->images->labels,
                         .first = first,
                         .count = left < capacity ? left : capacity,
                         .predicted = t->predicted + (first - t->own.lo),
                         .probability = t->probability + (first - t->own.lo)};
        run_begin_pass(s->r, &pass, thread);
        run_forward(s->r, thread);
        run_loss(s->r, thread, &t->sums[thread]);
    }
}

static status infer_batch(tally *t, int step, int *images, message *why)
{
    session *s = t->s;
    (void)why;
    int batch = s->order.batch, first = step * batch, left = t->images->count - first;
    *images = left < batch ? left : batch;
    tree_node all = {first, first + *images};
    t->own = tree_share(all, s->layout->rank, s->layout->ranks);
    t->own_leaves = tree_leaves(t->own.hi - t->own.lo, (int)s->cfg.grain);
    double begin_s = timer_now_s();
    team_run(infer_thread, t);
    double done_s = timer_now_s();
    comm_barrier(s->c); /* the answers of a batch leave together */
    t->phase_s[STEP_FORWARD] += done_s - begin_s;
    t->phase_s[STEP_EXCHANGE] += timer_now_s() - done_s;
    return STATUS_OK;
}

/* All batches in rounds, whose rates give the median and its range. */
static status walk(tally *t, const bench_cfg *cfg, bench_result *b, message *why)
{
    session *s = t->s;
    int steps = sampler_steps(&s->order);
    if (s->cfg.max_steps > 0 && s->cfg.max_steps < steps) steps = (int)s->cfg.max_steps;
    int rounds = steps < ROUNDS ? steps : ROUNDS;
    double rate[ROUNDS], total_s = 0;
    for (int round = 0, step = 0; round < rounds; round++) {
        int64_t images = 0;
        double start_s = timer_now_s();
        for (; step < (int)((int64_t)steps * (round + 1) / rounds); step++) {
            int done = 0;
            status code = cfg->inference ? infer_batch(t, step, &done, why)
                                         : train_batch(t, step, &done, why);
            if (code) return code;
            images += done;
        }
        double seconds = timer_now_s() - start_s;
        rate[round] = (double)images / seconds;
        total_s += seconds;
    }
    qsort(rate, (size_t)rounds, sizeof *rate, compare_doubles);
    b->steps = steps;
    b->images_per_second = (rate[(rounds - 1) / 2] + rate[rounds / 2]) / 2;
    b->low = rate[0];
    b->high = rate[rounds - 1];
    b->step_ms = total_s * 1e3 / steps;
    return STATUS_OK;
}

status bench_run(session *s, const bench_cfg *cfg, bench_result *b, message *why)
{
    memset(b, 0, sizeof *b);
    arena_mark mark = arena_now(&s->memory);
    tally *t = arena_take(&s->memory, sizeof *t);
    t->s = s;
    t->images = &s->training;
    t->predicted = arena_take(&s->memory, (size_t)s->order.batch);
    t->probability = arena_take(&s->memory, (size_t)s->order.batch * sizeof(float));
    CHECK(s->threads <= SETTINGS_MAX_THREADS, "%d threads", s->threads);
    double startup_s = timer_now_s() - cfg->started_s;
    status code = walk(t, cfg, b, why);
    if (code) return code;
    b->startup_s = largest(s, startup_s);
    for (int i = 0; i < STEP_PHASES; i++)
        b->phase_ms[i] = largest(s, t->phase_s[i]) * 1e3 / b->steps;
    b->active = mean_active(s, t->own_leaves);
    b->pss_mib = largest(s, own_pss());
    arena_release(&s->memory, mark);
    b->limits = roofline_measure(s);
    code = profile_end(s, NULL, &b->limits, why);
    double flop = cfg->inference ? 2 * s->m.macs : s->m.training_flop;
    b->gflops_nominal = flop * b->images_per_second * 1e-9;
    return code;
}
