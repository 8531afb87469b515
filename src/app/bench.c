/* app/bench.c - the command bench: JSON on standard output, with -v a table on standard error. */
#include <stdio.h>

#include "app/app.h"
#include "app/print.h"
#include "base/text.h"
#include "train/bench.h"
#include "train/bench_kernels.h"

/* null if the value is negative, which stands for "not known" */
static json_t *known(double value)
{
    return value < 0 ? json_null() : json_real_or_null(value);
}

static json_t *milliseconds(const double *value, int count, int stride)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_real_or_null(value[(size_t)i * (size_t)stride]));
    return list;
}

static json_t *rank_object(const bench_result *b, int rank)
{
    const bench_rank *r = &b->rank[rank];
    json_t *parts = json_object(), *phases = json_object(), *samples = json_object();
    for (int i = 0; i < STEP_PHASES; i++)
        json_object_set_new(phases, step_phase_name((step_phase)i),
                            json_real_or_null(r->phase_ms[i]));
    for (int i = 0; i < BENCH_PARTS; i++) {
        const char *name = bench_part_name((bench_part)i);
        json_object_set_new(parts, name, json_real_or_null(r->part_ms[i]));
        json_object_set_new(samples, name, milliseconds(r->sample_ms + i, b->samples, BENCH_PARTS));
    }
    return json_pack(
        "{s:i,s:o,s:i,s:i,s:o,s:o,s:o,s:o,s:o,s:o}", "rank", rank, "host", print_json_text(r->host),
        "cores", r->cores, "threads", r->threads, "cpu_ms", json_real_or_null(r->cpu_ms), "work_ms",
        milliseconds(r->work_ms, r->threads, 1), "wait_ms", milliseconds(r->wait_ms, r->threads, 1),
        "phase_ms", phases, "part_ms", parts, "sample_ms", samples);
}

static json_t *ranks_object(const session *s, const bench_result *b)
{
    json_t *list = json_array();
    for (int r = 0; r < s->layout->ranks; r++) json_array_append_new(list, rank_object(b, r));
    return list;
}

static void print_object(const session *s, const bench_cfg *cfg, const bench_result *b)
{
    json_t *phases = json_object();
    for (int i = 0; i < STEP_PHASES; i++)
        json_object_set_new(phases, step_phase_name((step_phase)i),
                            json_real_or_null(b->phase_ms[i]));
    json_object_set_new(phases, "total", json_real_or_null(b->step_ms));
    json_t *value = json_pack("{s:s,s:o,s:o,s:I,s:i,s:i,s:i,s:s,s:s,s:s,s:i,s:i}", "mode",
                              cfg->inference ? "inference" : "training", "model",
                              print_json_text(s->m.name), "dataset", print_json_text(s->data.name),
                              "batch_size", (json_int_t)s->cfg.batch_size, "hosts",
                              s->layout->hosts, "ranks", s->layout->ranks, "threads", s->threads,
                              "isa", s->isa, "precision", settings_precision_name(&s->cfg), "gemm",
                              s->cfg.gemm == GEMM_CHOICE_BLIS ? "blis" : "own", "steps", b->steps,
                              "warm_up_steps", b->warm_up);
    json_t *rates = json_pack(
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "startup_s",
        json_real_or_null(b->startup_s), "images_per_second",
        json_real_or_null(b->images_per_second), "images_per_second_low", json_real_or_null(b->low),
        "images_per_second_high", json_real_or_null(b->high), "step_ms", phases, "gflops_nominal",
        json_real_or_null(b->gflops_nominal), "sgemm_gflops",
        json_real_or_null(b->limits.sgemm_gflops), "fma_peak_gflops",
        json_real_or_null(b->limits.fma_peak_gflops), "active", known(b->active), "ratio",
        json_real_or_null(b->gflops_nominal / b->limits.sgemm_gflops), "pss_mib",
        known(b->pss_mib));
    json_object_update(value, rates);
    json_decref(rates);
    if (b->rank) {
        json_object_set_new(value, "sampled_every", json_integer(b->every));
        json_object_set_new(value, "per_rank", ranks_object(s, b));
    }
    print_json(value, "\n");
}

static void print_table(const app *a, const session *s, const bench_result *b)
{
    char layout[160];
    print_layout(a, layout, sizeof layout);
    print_to(stderr, "%s, %s; %s, %s, batch %lld\n", layout, s->isa, s->m.name, s->data.name,
             (long long)s->cfg.batch_size);
    print_to(stderr, "%-10s %12.3f s\n", "start", b->startup_s);
    print_to(stderr, "%-10s %12s img/s (%s to %s)\n", "rate",
             text_thousands((int64_t)b->images_per_second).text,
             text_thousands((int64_t)b->low).text, text_thousands((int64_t)b->high).text);
    for (int i = 0; i < STEP_PHASES; i++)
        print_to(stderr, "%-10s %12.3f ms a step%s\n", step_phase_name((step_phase)i),
                 b->phase_ms[i], i ? "" : " (of the slowest rank)");
    print_to(stderr, "%-10s %12.3f ms\n%-10s %12.1f GFLOP/s nominal\n", "step", b->step_ms, "work",
             b->gflops_nominal);
    print_to(stderr, "%-10s %12.1f GFLOP/s: the work is %.2f of it\n%-10s %12.1f GFLOP/s\n",
             "sgemm", b->limits.sgemm_gflops, b->gflops_nominal / b->limits.sgemm_gflops,
             "FMA peak", b->limits.fma_peak_gflops);
}

/* The grain of --inference: so small that every thread has work in a small batch. A forward pass has the same bits with any
 * grain. */
static int64_t small_grain(const app *a)
{
    int64_t each = (a->o.cfg.batch_size + a->workers - 1) / a->workers;
    return each < a->o.cfg.grain ? each : a->o.cfg.grain;
}

/* ---- --kernel ---- */

static void print_kernel(const app *a, const bench_kernels_result *b, const bench_kernel *row)
{
    print_json(json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:o,s:o,s:o,s:o,s:s,s:o}", "kernel",
                         row->kernel, "shape", row->shape, "isa", b->isa, "precision",
                         settings_precision_name(&a->o.cfg), "ranks", a->layout->ranks, "threads",
                         a->advice.threads, "unit", row->unit, "rate", json_real_or_null(row->rate),
                         "rate_low", json_real_or_null(row->low), "rate_high",
                         json_real_or_null(row->high), "call_us",
                         json_real_or_null(row->microseconds), "bound", row->bound, "share",
                         json_real_or_null(row->share)),
               "");
}

static void print_kernels(const app *a, const bench_kernels_result *b)
{
    for (int i = 0; i < b->count; i++) {
        print_out("%s", i ? ",\n " : "[");
        print_kernel(a, b, &b->row[i]);
    }
    print_out("]\n");
}

static void print_kernel_table(const app *a, const bench_kernels_result *b)
{
    char layout[160];
    print_layout(a, layout, sizeof layout);
    print_to(stderr, "%s, %s\n", layout, b->isa);
    for (int i = 0; i < b->count; i++) {
        const bench_kernel *r = &b->row[i];
        print_to(stderr, "%-20s %-24s %10.2f us %8.1f %-7s (%.1f to %.1f) %4.0f %% of %s\n",
                 r->kernel, r->shape, r->microseconds, r->rate, r->unit, r->low, r->high,
                 100 * r->share, r->bound);
    }
}

static status bench_kernels(const app *a, failure *why)
{
    bench_kernels_cfg cfg = {.c = a->c,
                             .threads = a->advice.threads,
                             .isa = a->o.cfg.isa,
                             .precision = settings_precision(&a->o.cfg),
                             .kernel = a->o.kernel};
    bench_kernels_result *b = memory_take(sizeof *b);
    status code = bench_kernels_run(&cfg, b, why);
    if (!code && app_speaks(a)) {
        if (a->o.verbosity > 0) print_kernel_table(a, b);
        print_kernels(a, b);
    }
    memory_free(b);
    return code;
}

status bench_command(app *a, failure *why)
{
    if (a->o.kernel) return bench_kernels(a, why);
    if (a->o.trace) return bench_trace_command(a, why);
    session *s = memory_take(sizeof *s);
    session_cfg cfg = {
        .cfg = a->o.cfg, .c = a->c, .threads = a->advice.threads, .cores = a->advice.cores};
    bench_cfg how = {
        .inference = a->o.inference, .per_rank = a->o.per_rank, .started_s = a->started_s};
    if (how.inference) cfg.cfg.grain = small_grain(a);
    bench_result b = {0};
    profile *p = NULL;
    status code = session_open(s, &cfg, why);
    if (!code) p = profile_attach(s);
    if (!code) code = bench_run(s, p, &how, &b, why);
    if (!code && app_speaks(a)) {
        if (a->o.verbosity > 0) print_table(a, s, &b);
        if (p) print_to(stderr, "%s", p->table);
        print_object(s, &how, &b);
    }
    session_close(s);
    memory_free(s);
    return code;
}
