/* train/bench_kernels.c - kernels on all threads at once, round by round. */
#include "train/bench_kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/team.h"
#include "base/text.h"
#include "base/timer.h"
#include "kernel_cases.h"

enum { ROUNDS = 7, IMAGE = 28, MARGIN = 4, PICTURES = 8 };
#define ROUND_S 0.02
#define BURST_S 0.0005 /* of calls between two readings of the clock */

/* Calls a second in each round, of the case and of its limit. */
typedef struct rounds {
    double own[ROUNDS], limit[ROUNDS];
} rounds;

/* A case on all threads of all ranks. */
typedef struct bout {
    comm *c;
    int ranks, threads;
    const kernel_case *what, *limit;
    rig *rig;     /* [threads] */
    rounds *rate; /* [threads] */
    rounds *all;  /* [ranks]   */
} bout;

/* ---- names ---- */

/* The table's names, each once; returns how many. */
static int list_names(const char *names[BENCH_MAX_KERNELS])
{
    int count, found = 0;
    const kernel_case *table = kernel_cases(&count);
    CHECK(count < BENCH_MAX_KERNELS, "%d kernels", count);
    for (int i = 0; i < count; i++)
        if (i == 0 || strcmp(table[i].kernel, table[i - 1].kernel) != 0)
            names[found++] = table[i].kernel;
    names[found++] = "all";
    return found;
}

static status check_name(const char *name, failure *why)
{
    const char *names[BENCH_MAX_KERNELS];
    int count = list_names(names);
    if (text_index(name, names, count) >= 0) return STATUS_OK;
    return fail(why, STATUS_USAGE, "--kernel=%s: unknown%s", name,
                text_suggest(name, names, count).text);
}

/* ---- data ---- */

static void rig_fill(const rig *r)
{
    for (int i = 0; i < RIG_SHORT; i++) {
        r->x[i] = r->y[i] = r->w[i] = (float)(1 + i % 7) * 0.01f;
        r->z[i] = i % 3 ? r->x[i] : 0.0f;
        r->bytes[i] = (uint8_t)(i % 4);
    }
    for (int i = 0; i < PICTURES * IMAGE * IMAGE; i++) {
        int row = i / IMAGE % IMAGE, col = i % IMAGE;
        int ink = row >= MARGIN && row < IMAGE - MARGIN && col >= MARGIN && col < IMAGE - MARGIN;
        r->picture[i] = ink ? (float)(1 + i % 255) / 255.0f : 0.0f;
    }
}

static rig rig_new(const kernels *k, arena *a)
{
    return (rig){.k = k,
                 .x = arena_take(a, RIG_LONG * sizeof(float)),
                 .y = arena_take(a, RIG_LONG * sizeof(float)),
                 .w = arena_take(a, RIG_SHORT * sizeof(float)),
                 .z = arena_take(a, RIG_SHORT * sizeof(float)),
                 .picture = arena_take(a, (size_t)PICTURES * IMAGE * IMAGE * sizeof(float)),
                 .bytes = arena_take(a, RIG_SHORT)};
}

/* ---- time ---- */

static double call_often(const kernel_case *what, const rig *r, int calls)
{
    double start_s = timer_now_s();
    for (int i = 0; i < calls; i++) what->call(r, what->n);
    return timer_now_s() - start_s;
}

/* As many calls as make the cost of reading the clock negligible; they also warm up. */
static int burst_of(const kernel_case *what, const rig *r)
{
    int burst = 1;
    while (call_often(what, r, burst) < BURST_S) burst *= 2;
    return burst;
}

/* Calls a second, of a round in which all threads begin together. */
static double one_round(const kernel_case *what, const rig *r, int burst, double least_s)
{
    double seconds = 0, calls = 0;
    team_barrier();
    for (; seconds < least_s; calls += burst) seconds += call_often(what, r, burst);
    return calls / seconds;
}

static void bout_thread(void *context, int thread)
{
    const bout *b = context;
    const rig *r = &b->rig[thread];
    rig_fill(r);
    int limit_burst = burst_of(b->limit, r), burst = burst_of(b->what, r);
    for (int i = 0; i < ROUNDS; i++) {
        b->rate[thread].limit[i] = one_round(b->limit, r, limit_burst, ROUND_S / 2);
        b->rate[thread].own[i] = one_round(b->what, r, burst, ROUND_S);
    }
}

/* The sums over all threads of all ranks. */
static rounds measure(bout *b)
{
    rounds own = {0}, sum = {0};
    comm_barrier(b->c);
    team_run(bout_thread, b);
    for (int i = 0; i < ROUNDS; i++)
        for (int t = 0; t < b->threads; t++) {
            own.own[i] += b->rate[t].own[i];
            own.limit[i] += b->rate[t].limit[i];
        }
    comm_allgather(b->c, &own, sizeof own, b->all);
    for (int i = 0; i < ROUNDS; i++)
        for (int r = 0; r < b->ranks; r++) {
            sum.own[i] += b->all[r].own[i];
            sum.limit[i] += b->all[r].limit[i];
        }
    return sum;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double value[ROUNDS])
{
    qsort(value, ROUNDS, sizeof *value, compare_doubles);
    return value[ROUNDS / 2];
}

static double amount_of(const kernel_case *what, const rig *r)
{
    return what->amount > 0 ? what->amount : r->k->fma_peak(CASE_PEAK_REPEATS, r->y);
}

/* workers: threads of all ranks. */
static bench_kernel make_row(bout *b, int64_t workers)
{
    static const char *const bounds[BOUNDS] = {"fma_peak", "cache", "memory"};
    const kernel_case *what = b->what;
    double amount = amount_of(what, b->rig), limit = amount_of(b->limit, b->rig), share[ROUNDS];
    rounds calls = measure(b);
    for (int i = 0; i < ROUNDS; i++) share[i] = calls.own[i] * amount / (calls.limit[i] * limit);
    double middle = median(calls.own); /* sorts them */
    return (bench_kernel){.kernel = what->kernel,
                          .shape = what->shape,
                          .unit = what->bound == BOUND_PEAK ? "GFLOP/s" : "GB/s",
                          .bound = bounds[what->bound],
                          .low = calls.own[0] * amount * 1e-9,
                          .rate = middle * amount * 1e-9,
                          .high = calls.own[ROUNDS - 1] * amount * 1e-9,
                          .microseconds = 1e6 * (double)workers / middle,
                          .share = median(share)};
}

static void sweep(const bench_kernels_cfg *cfg, const kernels *k, bench_kernels_result *result)
{
    int count;
    const kernel_case *table = kernel_cases(&count);
    arena memory = {0};
    bout b = {.c = cfg->c, .ranks = comm_get_layout(cfg->c)->ranks, .threads = cfg->threads};
    b.rig = arena_take(&memory, (size_t)b.threads * sizeof *b.rig);
    b.rate = arena_take(&memory, (size_t)b.threads * sizeof *b.rate);
    b.all = arena_take(&memory, (size_t)b.ranks * sizeof *b.all);
    for (int t = 0; t < b.threads; t++) b.rig[t] = rig_new(k, &memory);
    int64_t workers = b.threads;
    comm_sum(b.c, &workers, 1);
    for (int i = 0; i < count; i++) {
        int wanted = strcmp(cfg->kernel, "all") == 0 || strcmp(cfg->kernel, table[i].kernel) == 0;
        if (i >= BOUNDS && !wanted) continue;
        b.what = &table[i];
        b.limit = &table[table[i].bound];
        result->row[result->count++] = make_row(&b, workers);
    }
    arena_free(&memory);
}

status bench_kernels_run(const bench_kernels_cfg *cfg, bench_kernels_result *result, failure *why)
{
    const kernels *k;
    *result = (bench_kernels_result){.count = 0};
    status code = check_name(cfg->kernel, why);
    if (!code) code = comm_agree(cfg->c, kernels_select(cfg->isa, cfg->precision, &k, why), why);
    if (code) return code;
    team_set_threads(cfg->threads);
    result->isa = k->name;
    sweep(cfg, k, result);
    return STATUS_OK;
}
