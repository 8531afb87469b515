/* app/bench.c - the command bench: JSON on stdout, with -v a table on stderr. */
#include <stdio.h>

#include "app/app.h"
#include "app/print.h"
#include "base/text.h"
#include "train/bench.h"
#include "train/bench_kernels.h"

static void print_object(const session *s, const bench_cfg *cfg, const bench_result *b)
{
    char model_name[2 * MODEL_SPEC], data_name[256];
    print_json_text(s->m.name, model_name, sizeof model_name);
    print_json_text(s->data.name, data_name, sizeof data_name);
    printf("{\"mode\":\"%s\",\"model\":%s,\"dataset\":%s,\"batch_size\":%lld,\"ranks\":%d,"
           "\"threads\":%d,"
           "\"isa\":\"%s\","
           "\"gemm\":\"%s\",\"steps\":%d,\"startup_s\":%s,",
           cfg->inference ? "inference" : "training", model_name, data_name,
           (long long)s->cfg.batch_size, s->layout->ranks, s->threads, s->k->name,
           s->cfg.gemm == GEMM_CHOICE_BLIS ? "blis" : "own", b->steps,
           print_json(b->startup_s).text);
    printf("\"images_per_second\":%s,\"images_per_second_low\":%s,\"images_per_second_high\":%s,"
           "\"step_ms\":{",
           print_json(b->images_per_second).text, print_json(b->low).text,
           print_json(b->high).text);
    for (int i = 0; i < STEP_PHASES; i++)
        printf("\"%s\":%s,", step_phase_name((step_phase)i), print_json(b->phase_ms[i]).text);
    printf("\"total\":%s},\"gflops_nominal\":%s,\"sgemm_gflops\":%s,\"fma_peak_gflops\":%s,"
           "\"active\":%s,"
           "\"ratio\":%s,\"pss_mib\":%s}\n",
           print_json(b->step_ms).text, print_json(b->gflops_nominal).text,
           print_json(b->limits.sgemm_gflops).text, print_json(b->limits.fma_peak_gflops).text,
           b->active < 0 ? "null" : print_json(b->active).text,
           print_json(b->gflops_nominal / b->limits.sgemm_gflops).text,
           b->pss_mib < 0 ? "null" : print_json(b->pss_mib).text);
}

static void print_table(const app *a, const session *s, const bench_result *b)
{
    char layout[160];
    print_layout(a, layout, sizeof layout);
    fprintf(stderr, "%s, %s; %s, %s, batch %lld\n", layout, s->k->name, s->m.name, s->data.name,
            (long long)s->cfg.batch_size);
    fprintf(stderr, "%-10s %12.3f s\n", "start", b->startup_s);
    fprintf(stderr, "%-10s %12s img/s (%s to %s)\n", "rate",
            text_thousands((int64_t)b->images_per_second).text,
            text_thousands((int64_t)b->low).text, text_thousands((int64_t)b->high).text);
    for (int i = 0; i < STEP_PHASES; i++)
        fprintf(stderr, "%-10s %12.3f ms a step%s\n", step_phase_name((step_phase)i),
                b->phase_ms[i], i ? "" : " (of the slowest rank)");
    fprintf(stderr, "%-10s %12.3f ms\n%-10s %12.1f GFLOP/s nominal\n", "step", b->step_ms, "work",
            b->gflops_nominal);
    fprintf(stderr, "%-10s %12.1f GFLOP/s: the work is %.2f of it\n%-10s %12.1f GFLOP/s\n", "sgemm",
            b->limits.sgemm_gflops, b->gflops_nominal / b->limits.sgemm_gflops, "FMA peak",
            b->limits.fma_peak_gflops);
}

/* Forward gives the same bits for any grain: small enough that every thread has work in a small batch. */
static int64_t small_grain(const app *a)
{
    int64_t each = (a->o.cfg.batch_size + a->workers - 1) / a->workers;
    return each < a->o.cfg.grain ? each : a->o.cfg.grain;
}

/* ---- --kernel ---- */

static void print_kernel(const app *a, const bench_kernels_result *b, const bench_kernel *row)
{
    printf("{\"kernel\":\"%s\",\"shape\":\"%s\",\"isa\":\"%s\",\"ranks\":%d,\"threads\":%d,"
           "\"unit\":\"%s\",\"rate\":%s,\"rate_low\":%s,\"rate_high\":%s,\"call_us\":%s,"
           "\"bound\":\"%s\",\"share\":%s}",
           row->kernel, row->shape, b->isa, a->layout->ranks, a->advice.threads, row->unit,
           print_json(row->rate).text, print_json(row->low).text, print_json(row->high).text,
           print_json(row->microseconds).text, row->bound, print_json(row->share).text);
}

static void print_kernels(const app *a, const bench_kernels_result *b)
{
    for (int i = 0; i < b->count; i++) {
        printf("%s", i ? ",\n " : "[");
        print_kernel(a, b, &b->row[i]);
    }
    printf("]\n");
}

static void print_kernel_table(const app *a, const bench_kernels_result *b)
{
    char layout[160];
    print_layout(a, layout, sizeof layout);
    fprintf(stderr, "%s, %s\n", layout, b->isa);
    for (int i = 0; i < b->count; i++) {
        const bench_kernel *r = &b->row[i];
        fprintf(stderr, "%-20s %-18s %10.2f us %8.1f %-7s (%.1f to %.1f) %4.0f %% of %s\n",
                r->kernel, r->shape, r->microseconds, r->rate, r->unit, r->low, r->high,
                100 * r->share, r->bound);
    }
}

static status bench_kernels(const app *a, message *why)
{
    bench_kernels_cfg cfg = {
        .c = a->c, .threads = a->advice.threads, .isa = a->o.cfg.isa, .kernel = a->o.kernel};
    bench_kernels_result *b = memory_take(sizeof *b);
    status code = bench_kernels_run(&cfg, b, why);
    if (!code && app_speaks(a)) {
        if (a->o.verbosity > 0) print_kernel_table(a, b);
        print_kernels(a, b);
    }
    memory_free(b);
    return code;
}

status bench_command(app *a, message *why)
{
    if (a->o.kernel) return bench_kernels(a, why);
    session *s = memory_take(sizeof *s);
    session_cfg cfg = {
        .cfg = a->o.cfg, .c = a->c, .threads = a->advice.threads, .cores = a->advice.cores};
    bench_cfg how = {.inference = a->o.inference, .started_s = a->started_s};
    if (how.inference) cfg.cfg.grain = small_grain(a);
    bench_result b = {0};
    status code = session_open(s, &cfg, why);
    if (!code) code = bench_run(s, &how, &b, why);
    if (!code && app_speaks(a)) {
        if (a->o.verbosity > 0) print_table(a, s, &b);
        if (s->profile_table) fprintf(stderr, "%s", s->profile_table);
        print_object(s, &how, &b);
    }
    session_close(s);
    memory_free(s);
    return code;
}
