/* app/selftest.c - the command selftest: does this installation compute the published bits? */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/env.h"
#include "app/print.h"
#include "app/streams.h"
#include "train/selftest.h"

/* What is known after some of the trainings. */
typedef struct verdict {
    int ran, differ;
    int unsteady; /* trainings that gave other bits the second time */
    char names[640];
    char isa[32]; /* of the newest training */
    double seconds;
    json_t *rows; /* rank 0 with --json, else NULL */
} verdict;

static void print_head(const app *a)
{
    char layout[160];
    print_layout(a, layout, sizeof layout);
    env_print_version(stdout);
    print_out("layout   %s\n", layout);
    if (a->layout->sharing_note[0]) print_note(a->layout->sharing_note);
    if (a->crossed[0]) print_note(a->crossed);
    streams_flush();
}

static void print_row(const numerics_row *row, const selftest_result *r, const char *second)
{
    int same = strcmp(row->digest, r->digest) == 0;
    print_out("%-20s %5.2f s  %s  ", row->name, r->seconds, r->digest);
    if (same)
        print_out("as published\n");
    else
        print_out("published: %s%s\n", row->digest, second);
    streams_flush();
}

static json_t *row_object(const numerics_row *row, const selftest_result *r)
{
    return json_pack("{s:s,s:s,s:s,s:b,s:f}", "name", row->name, "digest", r->digest, "published",
                     row->digest, "same", strcmp(row->digest, r->digest) == 0, "seconds",
                     r->seconds);
}

static void add_name(verdict *v, const char *name)
{
    size_t used = strlen(v->names);
    snprintf(v->names + used, sizeof v->names - used, "%s%s", used ? ", " : "", name);
}

/* Other bits than the published ones: are they at least the same each time? */
static status try_again(const selftest_cfg *cfg, const numerics_row *row,
                        const selftest_result *first, verdict *v, const char **second, failure *why)
{
    selftest_result r;
    status code = selftest_run(cfg, row, &r, why);
    if (code) return code;
    int steady = strcmp(first->digest, r.digest) == 0;
    v->differ++;
    v->unsteady += !steady;
    add_name(v, row->name);
    *second = steady ? "; the same when repeated" : "; other bits when repeated";
    return STATUS_OK;
}

static status one_row(const app *a, const selftest_cfg *cfg, const numerics_row *row, verdict *v,
                      failure *why)
{
    selftest_result r;
    const char *second = "";
    status code = selftest_run(cfg, row, &r, why);
    if (!code && strcmp(row->digest, r.digest) != 0)
        code = try_again(cfg, row, &r, v, &second, why);
    if (code) return code;
    v->ran++;
    v->seconds += r.seconds;
    memcpy(v->isa, r.isa, sizeof v->isa);
    if (v->rows) json_array_append_new(v->rows, row_object(row, &r));
    if (app_speaks(a) && !a->o.json) print_row(row, &r, second);
    return STATUS_OK;
}

/* 1: the command line names this row, or none. */
static int is_wanted(const options *o, const numerics_row *row)
{
    for (int i = 0; i < o->operands; i++)
        if (strcmp(o->operand[i], row->name) == 0) return 1;
    return o->operands == 0;
}

static status check_names(const options *o, failure *why)
{
    for (int i = 0; i < o->operands; i++) {
        const numerics_row *row;
        int at = 0;
        while ((row = numerics_table(at)) != NULL && strcmp(o->operand[i], row->name) != 0) at++;
        if (!row)
            return fail(why, STATUS_USAGE,
                        "selftest has no training '%s': without names it does all and prints "
                        "their names",
                        o->operand[i]);
    }
    return STATUS_OK;
}

/* The next row's digest is taken on all ranks; rank 0's decides, since guard_check has compared the copies. */
static status all_rows(const app *a, verdict *v, failure *why)
{
    const selftest_cfg cfg = {
        .c = a->c, .threads = a->advice.threads, .cores = a->advice.cores, .isa = a->o.cfg.isa};
    const numerics_row *row;
    status code = STATUS_OK;
    for (int i = 0; !code && (row = numerics_table(i)) != NULL; i++)
        if (is_wanted(&a->o, row)) code = one_row(a, &cfg, row, v, why);
    return code;
}

static void print_object(const app *a, verdict *v)
{
    print_json(json_pack("{s:s,s:i,s:b,s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:f,s:o}", "version",
                         MNIST_DIST_VERSION, "numerics", NUMERICS, "as_published", v->differ == 0,
                         "isa", v->isa, "mpi", comm_library_version(), "hosts", a->layout->hosts,
                         "ranks", a->layout->ranks, "threads", a->threads_most, "cores",
                         a->cores_total, "trainings", v->ran, "seconds", v->seconds, "rows",
                         v->rows),
               "\n");
    v->rows = NULL;
}

static status tell(const app *a, verdict *v, failure *why)
{
    if (app_speaks(a) && a->o.json) print_object(a, v);
    if (v->differ == 0) {
        if (app_speaks(a) && !a->o.json)
            print_out("bits: as published (numerics %d), %s, %d trainings in %.1f s\n", NUMERICS,
                      v->isa, v->ran, v->seconds);
        return STATUS_OK;
    }
    const char *cause = "the compiler or its flags, or a library, may change the arithmetic";
    if (v->unsteady) cause = "a processor or the memory of a host may be faulty";
    return fail(why, STATUS_DIFFERS,
                "bits: not as published (numerics %d) in %d of %d trainings with %s: %s: %s",
                NUMERICS, v->differ, v->ran, v->isa, v->names, cause);
}

status selftest_command(app *a, failure *why)
{
    verdict v = {.ran = 0};
    status code = check_names(&a->o, why);
    if (code) return code;
    if (app_speaks(a) && a->o.json) v.rows = json_array();
    if (app_speaks(a) && !a->o.json) print_head(a);
    code = all_rows(a, &v, why);
    if (!code) code = tell(a, &v, why);
    json_decref(v.rows);
    return code;
}
