/* app/env.c - the command env: what a bug report should contain. */
#include "app/env.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>
#include <xxhash.h>
#include <zlib.h>

#include "app/app.h"
#include "app/print.h"
#include "base/text.h"
#include "kernel/gemm_blis.h"
#include "train/numerics.h"
#include "train/session.h"

#ifdef NDEBUG
#define BUILD "release"
#else
#define BUILD "debug"
#endif

/* What this build lacks, for a line of its own; empty where it lacks nothing. */
#if MNIST_DIST_PNG && MNIST_DIST_ZIP
#define LACKS ""
#elif MNIST_DIST_ZIP
#define LACKS "without  libpng: no PNG pictures\n"
#elif MNIST_DIST_PNG
#define LACKS "without  libzip: no .keras files\n"
#else
#define LACKS "without  libpng and libzip: no PNG pictures, no .keras files\n"
#endif

void env_print_version(FILE *out)
{
    print_to(out, "mnist_dist " MNIST_DIST_VERSION ", numerics %d (%s build, compiler %s)\n",
             NUMERICS, BUILD, __VERSION__);
    print_to(out, "MPI      %s\n", comm_library_version());
    print_to(out, "BLIS     kernels for %s\n", gemm_blis_architecture());
    print_to(out, "HDF5     " MNIST_DIST_HDF5_VERSION ", zlib %s, jansson %s, xxHash %u.%u.%u\n",
             zlibVersion(), jansson_version_str(), XXH_versionNumber() / 10000,
             XXH_versionNumber() / 100 % 100, XXH_versionNumber() % 100);
    print_to(out, "%s", LACKS);
}

/* What each rank sends to rank 0. */
typedef struct rank_report {
    char host[64], isa[16], blis[16];
    int threads, online, quota;
    place_mask mask;
    char warning[512];
} rank_report;

static rank_report report_here(const app *a, const kernels *k)
{
    rank_report r = {.threads = a->advice.threads,
                     .online = a->here.online,
                     .quota = a->here.quota,
                     .mask = a->here.mask};
    gethostname(r.host, sizeof r.host - 1);
    snprintf(r.isa, sizeof r.isa, "%s", k->name);
    snprintf(r.blis, sizeof r.blis, "%s", gemm_blis_architecture());
    memcpy(r.warning, a->advice.warning, sizeof r.warning);
    return r;
}

static int has_core(const place_mask *m, int core)
{
    return core < PLACE_MAX_CORES && (m->bit[core / 64] >> core % 64 & 1);
}

/* "0-3,8", into out[size] */
static void mask_words(const place_mask *m, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (int core = 0; core < PLACE_MAX_CORES && used < size; core++) {
        if (!has_core(m, core)) continue;
        int first = core;
        while (has_core(m, core + 1)) core++;
        int n = first == core
                    ? snprintf(out + used, size - used, "%s%d", used ? "," : "", first)
                    : snprintf(out + used, size - used, "%s%d-%d", used ? "," : "", first, core);
        used += (size_t)n;
    }
}

static void print_ranks(const rank_report *all, int ranks)
{
    print_out("%4s  %-24s %7s  %-16s %6s  %5s  %-8s  %s\n", "rank", "host", "threads", "cores",
              "online", "quota", "isa", "BLIS");
    for (int r = 0; r < ranks; r++) {
        char cores[128];
        mask_words(&all[r].mask, cores, sizeof cores);
        print_out("%4d  %-24s %7d  %-16s %6d  %5s  %-8s  %s\n", r, all[r].host, all[r].threads,
                  cores, all[r].online, all[r].quota ? text_thousands(all[r].quota).text : "none",
                  all[r].isa, all[r].blis);
    }
    for (int r = 0; r < ranks; r++)
        if (all[r].warning[0] && (r == 0 || strcmp(all[r].warning, all[r - 1].warning) != 0))
            print_note(all[r].warning);
}

static void print_tables(precision p)
{
    const kernels *tables[KERNELS_LEVELS];
    int count = kernels_available_in(p, tables);
    for (int i = 0; i < count; i++) print_out("%s %s", i ? "," : "", tables[i]->name);
    print_out("\n");
}

/* own: of rank 0 */
static void print_isa(const rank_report *own)
{
    print_out("isa      %s of", own->isa);
    print_tables(PRECISION_FP32);
    print_out("bf16    ");
    print_tables(PRECISION_BF16);
    if (kernels_amx_refused()) print_note(kernels_amx_refused());
}

/* Missing data is part of the report, not a failure, except if the user has named it. */
static status print_data(const app *a, failure *why)
{
    dataset_plan plan;
    failure found = {""};
    status code = session_find_data(&a->o.cfg, &plan, &found);
    if (code && a->o.cfg.data[0]) return fail(why, code, "%s", found.text);
    if (code) {
        print_out("data     none: %s\n", found.text);
        return STATUS_OK;
    }
    print_out("data     %s%s%s: %s training and %s test images of %s%s%s\n", plan.name,
              plan.note[0] ? ", " : "", plan.note, text_thousands(plan.train).text,
              text_thousands(plan.test).text,
              dataset_extent(plan.height, plan.width, plan.channels).text,
              plan.file[0][0] ? ", from " : "", plan.file[0]);
    return STATUS_OK;
}

static status print_all(const app *a, const rank_report *all, failure *why)
{
    char layout[160];
    print_layout(a, layout, sizeof layout);
    env_print_version(stdout);
    print_isa(all);
    print_out("layout   %s, %d group%s of shared memory\n", layout, a->layout->groups,
              a->layout->groups == 1 ? "" : "s");
    if (a->layout->sharing_note[0]) print_note(a->layout->sharing_note);
    if (a->crossed[0]) print_note(a->crossed);
    print_ranks(all, a->layout->ranks);
    return print_data(a, why);
}

status env_command(app *a, failure *why)
{
    const kernels *k = NULL;
    status code = comm_agree(a->c, kernels_select(a->o.cfg.isa, PRECISION_FP32, &k, why), why);
    if (code) return code;
    rank_report own = report_here(a, k), *all = NULL;
    if (app_speaks(a)) all = memory_take((size_t)a->layout->ranks * sizeof *all);
    comm_gather(a->c, &own, sizeof own, all);
    if (all) code = print_all(a, all, why);
    memory_free(all);
    return comm_agree(a->c, code, why);
}
